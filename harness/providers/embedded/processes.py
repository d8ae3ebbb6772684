"""The processes of a lab, as its PID 1 sees them: started, watched, stopped in trees."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from harness import shell
from harness.providers.embedded.spec import Daemon
from harness.shell import LocalShell, PrefixShell, Running, Shell

#: All that a program of the lab inherits from the one who started the lab.
_KEPT = ("HOME", "LANG", "PYTHONPATH", "PATH", "TZ")


def within(namespace: str) -> tuple[str, ...]:
    """Return the prefix that runs a program in a network namespace (none: the lab's own)."""
    return ("nsenter", f"--net=/run/netns/{namespace}", "--") if namespace else ()


def shell_in(namespace: str, started: Callable[[Running], object] | None = None) -> Shell:
    """Return a shell whose programs run in a network namespace; ``started`` is told of each."""
    return PrefixShell(within(namespace), LocalShell(started=started))


class Processes:
    """Every daemon of the lab. To be started by one thread: what it starts dies with it."""

    def __init__(self, logs: Path, listeners: Mapping[str, int]) -> None:
        self._logs = logs
        self._listeners = listeners
        self._running: dict[str, Running] = {}

    def start(self, daemon: Daemon) -> None:
        """Start ``daemon``; its output goes to a log of its name."""
        argv = [*within(daemon.namespace), *daemon.argv]
        inherited = []
        if daemon.listener:
            inherited.append(self._listeners[daemon.listener])
            argv.append(str(inherited[0]))
        environment = {key: os.environ[key] for key in _KEPT if key in os.environ}
        self._running[daemon.name] = shell.start(
            daemon.name,
            argv,
            output=self._logs / f"{daemon.name}.log",
            env={**environment, **daemon.env},
            pass_fds=inherited,
        )

    def runs(self, name: str) -> bool:
        """Say whether a daemon of this name was started and has not ended."""
        running = self._running.get(name)
        return running is not None and running.exit_code() is None

    def signal(self, name: str, number: int) -> None:
        """Signal one daemon."""
        self._running[name].signal(number)

    def end(self, name: str) -> None:
        """End one daemon and forget it."""
        if running := self._running.pop(name, None):
            running.end(grace=1.0)

    def states(self) -> dict[str, int | None]:
        """Return each daemon's exit code, ``None`` while it runs."""
        return {name: running.exit_code() for name, running in [*self._running.items()]}

    def freeze(self, name: str) -> Sequence[int]:
        """Stop a daemon and all its descendants until none is left running; return them in order.

        Parents come first.
        """
        stopped: list[int] = []
        while fresh := [pid for pid in _tree(self._running[name].pid) if pid not in stopped]:
            for pid in fresh:
                _send(pid, signal.SIGSTOP)
            stopped += fresh
        return stopped

    def thaw(self, stopped: Sequence[int]) -> None:
        """Let a frozen tree go on, children first, whoever their parent is by now."""
        for pid in reversed(stopped):
            _send(pid, signal.SIGCONT)


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _tree(root: int) -> Iterator[int]:
    """Yield ``root`` and its descendants, parents before children."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (parent := _parent(entry)):
            children.setdefault(parent, []).append(int(entry.name))
    rest = [root]
    while rest:
        pid = rest.pop()
        yield pid
        rest.extend(children.get(pid, ()))


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0

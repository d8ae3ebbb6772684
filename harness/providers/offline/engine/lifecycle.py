"""Starting, finding and ending an engine of our own: the part that runs on the machine."""

import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness import shell
from harness.converge import Budget, NotConverged, eventually
from harness.model import MachineError
from harness.phases import Phases
from harness.providers.fabric import holder, host
from harness.providers.offline.engine import cgroups, daemon, engine_dir, traces
from harness.providers.offline.engine.connection import Engine
from harness.providers.offline.engine.discover import engine_at
from harness.providers.offline.engine.engine_dir import EngineDir
from harness.providers.offline.engine.leftovers import calm, sweep
from harness.providers.offline.engine.sysctls import Ledger
from harness.shell import LocalShell

#: Programs that an engine of our own needs, and the packages that bring them (Debian's names).
NEEDED = {
    "containerd": "containerd",
    "dockerd": "docker.io",
    "ip": "iproute2",
    "iptables": "iptables",
    "nsenter": "util-linux",
    "runc": "runc",
    "unshare": "util-linux",
}
_MODULE = "harness.providers.offline.engine.supervisor"
_BOOT = Budget(timeout=60.0, interval=0.02, firm=True)
_POLITE = Budget(timeout=10.0, interval=0.02, firm=True)
_END = Budget(timeout=20.0, interval=0.02, firm=True)


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of an engine of our own. ``engine`` is ``None`` while it is down."""

    place: Path
    engine: Engine | None
    since: float | None
    megabytes: int


def up(phases: Phases) -> Engine:
    """Start an engine of our own, or find the one that is up; it outlives this process.

    Raises :class:`MachineError` where that is impossible, and leaves nothing behind then.
    """
    here = engine_dir.own()
    if missing := obstacles():
        raise MachineError("no engine can be started here: " + "; ".join(missing))
    engine_dir.check(here)
    with here.alone(phases):
        if here.ready.exists() and (engine := engine_at(here.url)):
            return engine
        _end(here, phases)
        with phases.phase("start a container engine"):
            return _started(here, phases)


def down(phases: Phases, *, purge: bool = False) -> bool:
    """End the engine with all that runs on it; say whether there was one.

    Images stay for the next time unless ``purge``. Harmless if there is none.
    """
    here = engine_dir.own()
    if not here.path.exists():
        _settle(phases)
        return False
    with here.alone(phases):
        there = here.holder() is not None
        if there and (engine := engine_at(here.url)):
            with suppress(MachineError):  # the next start tries again
                sweep(engine)
            _ask_to_end(here)
        _end(here, phases)
        if purge:
            here.purge()
    return there


def reap(phases: Phases) -> bool:
    """Remove what an engine left that was killed; say whether there was anything."""
    here = engine_dir.own()
    if here.holder() is not None or not here.log.exists():
        return bool(_settle(phases))
    with here.alone(phases):
        if here.holder() is None:
            _end(here, phases)
    return True


def status() -> Status:
    """Look at the engine of our own; its data are counted, which takes a while if they are many."""
    here = engine_dir.own()
    engine = engine_at(here.url) if here.ready.exists() else None
    since = here.ready.stat().st_mtime if engine else None
    counted = LocalShell().run(["du", "-sxk", str(here.path)]).stdout.split()
    return Status(here.path, engine, since, int(counted[0]) // 1000 if counted else 0)


def obstacles() -> list[str]:
    """Say what keeps this user and machine from an engine of our own; empty if nothing."""
    if os.geteuid() != 0:
        return [
            "an engine of our own needs root (rootless ones are not supported); run it as root, "
            "or use the machine's engine: start it, and set DOCKER_HOST if it listens elsewhere"
        ]
    absent = [name for name in NEEDED if host.find(name) is None]
    if absent:
        packages = sorted({NEEDED[name] for name in absent})
        return [f"missing programs: {', '.join(absent)}; install {' '.join(packages)}"]
    return []


def _started(here: EngineDir, phases: Phases) -> Engine:
    try:
        here.make()
        traces.note(here.absent)
        calm(here.data)
        daemon.configure(here)
        _start(here, phases)
        engine = _answering(here)
        if left := sweep(engine):
            phases.say(f"engine: removed what an earlier one left: {', '.join(left)}")
        traces.own(here.absent)
        here.ready.touch()
    except BaseException:
        _end(here, phases)
        raise
    return engine


def _start(here: EngineDir, phases: Phases) -> None:
    """Start the tree; its PID 1 goes on as soon as the claim is written, and not without it."""
    told, tell = os.pipe()
    try:
        running = shell.start(
            "engine",
            [*host.unshare(), sys.executable, "-m", _MODULE, str(here.path), str(told)],
            output=here.log,
            env=_environment(),
            cwd=Path("/"),
            pass_fds=[told],
        )
        running.release()
        here.supervisor.write(running.pid)
        _lend(running.pid, phases)
        os.write(tell, b"!")
    finally:
        os.close(told)
        os.close(tell)


def _environment() -> dict[str, str]:
    """Return the environment of the engine: search paths, and nothing personal.

    The variable ``container`` keeps it from loading a profile into the machine's AppArmor.
    """
    return holder.environment(host.search_path()) | {"container": "meshproof"}


def _answering(here: EngineDir) -> Engine:
    try:
        engine = eventually(
            lambda: engine_at(here.url),
            lambda engine: engine is not None,
            what="the engine answers",
            budget=_BOOT,
            final=lambda _: here.holder() is None,
        )
    except NotConverged:
        engine = None
    if engine is None:
        alive = here.holder() is not None
        how = f"was silent for {_BOOT.timeout:g}s" if alive else "ended at once"
        raise MachineError(f"the container engine {how}: {here.tail()}")
    return engine


def _ask_to_end(here: EngineDir) -> None:
    """Let the engine put its data in order, if it does so in good time."""
    if pid := here.first():
        _signal(pid, signal.SIGTERM)
    with suppress(NotConverged):
        eventually(here.holder, lambda pid: pid is None, what="it has ended", budget=_POLITE)


def _end(here: EngineDir, phases: Phases) -> None:
    """End the tree at once if there is one, and remove what no kernel removes for us."""
    if (pid := here.holder()) is not None:
        _signal(here.first() or pid, signal.SIGKILL)
        eventually(here.holder, lambda pid: pid is None, what="the engine has ended", budget=_END)
    _collect(here.supervisor.noted())
    cgroups.remove(here.cgroup)
    traces.erase(here.absent)
    here.clear()
    _settle(phases)


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _collect(pid: int) -> None:
    """Take note of the end of a process if this very process has started it."""
    with suppress(ChildProcessError):
        if pid:
            os.waitpid(pid, os.WNOHANG)


def _lend(pid: int, phases: Phases) -> None:
    try:
        changed = Ledger().lend(pid)
    except OSError as error:
        phases.say(f"engine: limits of this machine stay low, nodes may fail ({error})")
        return
    for line in changed:
        phases.say(f"engine: {line} on this machine, until `meshproof engine down`")


def _settle(phases: Phases) -> list[str]:
    """Put the machine's settings back once nobody relies on them any more."""
    if os.geteuid() != 0:
        return []
    changed = Ledger().settle()
    for line in changed:
        phases.say(f"engine: {line}")
    return changed

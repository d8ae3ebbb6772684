"""Run external programs. The only module that spawns a process."""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol
from weakref import WeakValueDictionary

from harness.model import ToolError

#: What stands between a name and its value in YAML, in JSON, in JSON inside a string of JSON.
_IS = r"""(?:: |\\?["'] ?: ?|: ?(?=["']))\\?["']?"""
#: A key may have lost its beginning or its end, as logs are cut somewhere.
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\A[\w+/=\\\s]*-----END [A-Z ]*PRIVATE KEY-----"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*"
    r"|(?<=[Bb]earer )\S+"
    r"|\bmpt-[\w-]{16,}|\bbXB0L[\w+/=]{16,}"  # an agent's token, as it is and in base64
    rf"|(?P<key>(?:token{_IS}(?=[^\s\"'\\]{{16}})|client-(?:key|certificate)-data{_IS}))"
    r"[^\s\"'\\]+",
    re.DOTALL,
)
REDACTED = "«redacted»"


def redact(text: str) -> str:
    """Return ``text`` without private keys, tokens and kubeconfig credentials."""
    return _SECRET.sub(lambda found: (found["key"] or "") + REDACTED, text)


def tail(text: str, lines: int) -> str:
    """Return the last lines of ``text``, without secrets.

    Secrets go first: of a key that is cut, what is left could not be told for one any more.
    """
    return "\n".join(redact(text).strip().splitlines()[-lines:])


def log_tail(log: Path, lines: int = 5) -> str:
    """Return the end of a log, without secrets."""
    said = log.read_text(errors="replace") if log.exists() else ""
    return tail(said, lines) or "(it said nothing)"


#: Programs that were started here, by number: whoever collects orphans must know them.
_OURS: "WeakValueDictionary[int, subprocess.Popen[bytes]]" = WeakValueDictionary()
#: Held while a program is being started, which nobody knows by its number before the end of it.
_SPAWNING = threading.Lock()
#: Seconds for what a killed program had said to arrive.
_LAST_WORDS = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A program that has finished, whatever its exit code. ``argv``, ``stderr`` are redacted."""

    argv: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str

    def checked(self) -> str:
        """Return stdout, or raise :class:`ToolError` if the program failed."""
        if self.exit_code != 0:
            raise ToolError(self.argv, self.exit_code, self.stderr or redact(self.stdout)[-2000:])
        return self.stdout


class Shell(Protocol):
    """Anything that can run a program: this machine, a namespace, a script in a test."""

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 120.0,
    ) -> Outcome:
        """Run ``argv`` to completion; never raises for an exit code (127 absent, 124 too slow)."""
        ...


@dataclass(frozen=True, slots=True)
class Running:
    """A program that was started and goes on: a server, a build."""

    name: str
    process: "subprocess.Popen[bytes]"

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def exit_code(self) -> int | None:
        """Return its exit code (negative: the signal), or ``None`` while it runs."""
        return self.process.poll()

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end; return the exit code, or ``None`` if it outlived ``timeout``."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def signal(self, number: int) -> None:
        """Signal the process, if it is still there."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill it and all of its group, which is what it has started, unless it is gone."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def release(self) -> None:
        """Stop minding the process: it is to outlive this one, and nobody warns of that."""
        self.process.returncode = 0

    def end(self, grace: float = 5.0) -> int:
        """End it: SIGTERM, ``grace`` seconds, SIGKILL. Returns the exit code."""
        self.process.terminate()
        if self.wait(grace) is None:
            self.process.send_signal(signal.SIGKILL)
        return self.process.wait()


@dataclass(frozen=True, slots=True)
class LocalShell:
    """Runs programs on this machine; ``env`` adds to the environment.

    Each is the leader of a group of its own. ``started`` is told of it when it has begun, so that
    somebody else can kill it.
    """

    cwd: Path | None = None
    started: Callable[[Running], object] | None = None

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 120.0,
    ) -> Outcome:
        """Run ``argv`` to completion; a program that is absent exits 127, as in a shell.

        One that is too slow is killed with all that it has started; what it said is kept.
        """
        shown = tuple(redact(str(word)) for word in argv)
        try:
            process = _spawned(
                argv,
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self.cwd,
                env={**os.environ, **env} if env else None,
                start_new_session=True,
            )
        except FileNotFoundError:
            return Outcome(shown, 127, "", f"{argv[0]}: not found")
        except PermissionError:
            return Outcome(shown, 126, "", f"{argv[0]}: may not be run")
        running = Running(shown[0], process)
        try:
            if self.started is not None:
                self.started(running)
            return _completed(running, shown, stdin, timeout)
        except BaseException:
            running.kill()
            _last_words(process)
            raise


def _completed(
    running: Running, shown: tuple[str, ...], stdin: str | None, timeout: float
) -> Outcome:
    process = running.process
    try:
        out: bytes | None
        err: bytes | None
        out, err = process.communicate(None if stdin is None else stdin.encode(), timeout)
    except subprocess.TimeoutExpired:
        running.kill()
        out, err = _last_words(process)
        late = "".join([_text(err), f"gave up after {timeout:g}s"])
        return Outcome(shown, 124, _text(out), redact(late))
    return Outcome(shown, process.returncode, _text(out), redact(_text(err)))


def _last_words(process: "subprocess.Popen[bytes]") -> tuple[bytes | None, bytes | None]:
    """Return what a killed program has said; who left its group may still hold its pipes."""
    try:
        return process.communicate(timeout=_LAST_WORDS)
    except subprocess.TimeoutExpired as error:
        return error.stdout, error.stderr
    finally:
        process.wait()
        for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
            pipe.close()


def _text(said: bytes | None) -> str:
    """Return output as text; every way of ending a line becomes the usual one."""
    return "\n".join((said or b"").decode(errors="replace").replace("\r\n", "\n").split("\r"))


@dataclass(frozen=True, slots=True)
class PrefixShell:
    """Runs programs behind a prefix such as ``nsenter --net=FILE`` or ``setpriv …``."""

    prefix: tuple[str, ...]
    inner: Shell

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 120.0,
    ) -> Outcome:
        """Run ``prefix + argv`` in the inner shell."""
        return self.inner.run([*self.prefix, *argv], stdin=stdin, env=env, timeout=timeout)


def _spawned(argv: Sequence[object], **settings: Any) -> "subprocess.Popen[bytes]":
    with _SPAWNING:
        process: subprocess.Popen[bytes] = subprocess.Popen([str(w) for w in argv], **settings)
        _OURS[process.pid] = process
    return process


def reap() -> None:
    """Collect what has ended: orphans that the kernel gave to PID 1, and programs of our own.

    Whoever waits for one of our own hears its exit code nevertheless, in any thread.
    """
    with _SPAWNING:
        while pid := _ended():
            ours = _OURS.get(pid)
            if ours is None or ours.returncode is not None:
                with suppress(ChildProcessError):  # a thread that waits for it was the quicker
                    os.waitpid(pid, os.WNOHANG)
            elif ours.poll() is None:
                return  # a thread that waits for it is just collecting it


def _ended() -> int:
    """Return the number of a child that has ended and is still to be collected, or 0."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    return found.si_pid if found else 0


def start(
    name: str,
    argv: Sequence[str],
    *,
    output: Path | IO[bytes],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    pass_fds: Sequence[int] = (),
    new_session: bool = True,
    stdin: "int | None" = None,
) -> Running:
    """Start a program that goes on; stdout and stderr are appended to ``output``.

    ``env`` is the *whole* environment if given. Raises :class:`ToolError` (127) if the
    program is absent.
    """
    sink = output.open("ab") if isinstance(output, Path) else output
    try:
        process = _spawned(
            argv,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            pass_fds=tuple(pass_fds),
            start_new_session=new_session,
        )
    except (FileNotFoundError, PermissionError) as error:
        raise ToolError(argv, 127, str(error)) from error
    finally:
        if isinstance(output, Path):
            sink.close()
    return Running(name, process)


@dataclass(slots=True)
class ScriptedShell:
    """Plays back prepared outcomes, and refuses commands nobody prepared. For tests."""

    script: Mapping[tuple[str, ...], Outcome]
    ran: list[tuple[str, ...]] = field(default_factory=list)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,  # noqa: ARG002 - part of the protocol
        env: Mapping[str, str] | None = None,  # noqa: ARG002 - part of the protocol
        timeout: float = 120.0,  # noqa: ARG002 - part of the protocol
    ) -> Outcome:
        """Return the outcome prepared for ``argv``; a ``KeyError`` if there is none."""
        self.ran.append(tuple(argv))
        return self.script[tuple(argv)]

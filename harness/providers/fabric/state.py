"""Where a lab keeps its files, and what is left of labs that nobody holds any more."""

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.model import Lab, MachineError
from harness.shell import redact

#: Chooses another place for labs than ``/tmp``; kept short, as it holds Unix sockets.
STATE_VARIABLE = "MESHPROOF_STATE"
#: The kernel's limit on a Unix socket's path is 108 bytes, and our longest name takes 20.
_LONGEST_BASE = 80
#: Bytes of a log that are kept as evidence: its end says most, and a lab may run for hours.
LOG_TAIL = 256 * 1024
#: Seconds between making a directory and signing it, at the very most.
_SIGNING = 60.0


def base() -> Path:
    """Return the directory of this user's labs, made if need be, closed to everyone else."""
    chosen = os.environ.get(STATE_VARIABLE) or f"/tmp/meshproof-{os.getuid()}"  # noqa: S108 - checked
    path = Path(chosen).absolute()
    if len(str(path)) > _LONGEST_BASE or path.is_relative_to("/run"):
        raise MachineError(
            f"labs cannot live in {path}",
            f"set {STATE_VARIABLE} to a short path that is not below /run",
        )
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    seen = path.lstat()
    if path.is_symlink() or seen.st_uid != os.getuid() or seen.st_mode & 0o077:
        raise MachineError(
            f"{path} is open to others", f"remove it, or set {STATE_VARIABLE} to another path"
        )
    return path


@dataclass(frozen=True, slots=True)
class State:
    """The files of one lab."""

    path: Path

    @property
    def id(self) -> str:
        """The lab's id: the directory's name."""
        return self.path.name

    @property
    def provider(self) -> str:
        """The provider whose lab it is; empty if that was never noted."""
        try:
            return self._provider.read_text()
        except OSError:
            return ""

    @property
    def control(self) -> Path:
        """The socket of the process that holds the lab."""
        return self.path / "control"

    @property
    def spec(self) -> Path:
        """What the process that holds the lab is told."""
        return self.path / "spec.json"

    @property
    def lab(self) -> Path:
        """The lab as data; written last."""
        return self.path / "lab.json"

    @property
    def logs(self) -> Path:
        """What the programs of the lab said."""
        return self.path / "logs"

    @property
    def supervisor(self) -> Path:
        """Process id and start time, on this machine, of whoever holds the lab."""
        return self.path / "supervisor"

    @property
    def kubeconfigs(self) -> Path:
        """The kubeconfigs for use on this machine."""
        return self.path / "kubeconfigs"

    def secrets(self, cluster: str) -> Path:
        """Certificates, keys and kubeconfigs for use inside the lab."""
        return self.path / "secrets" / cluster

    def scratch(self, cluster: str) -> Path:
        """Data of the cluster's store: on disk, as it reserves far more than it fills."""
        return self.path / "scratch" / cluster

    @property
    def kept(self) -> bool:
        """Whether the lab is to stand after the run that raised it."""
        return self._kept.exists()

    @property
    def outlives_owner(self) -> bool:
        """Whether the end of the process that raised the lab is not its own: kept and finished."""
        return self.kept and self.lab.exists()

    def holder(self) -> int | None:
        """Return the process that holds the lab, ``None`` if it is gone (strangers excluded)."""
        return _living(self.supervisor)

    def alive(self) -> bool:
        """Say whether the lab is still held."""
        return self.holder() is not None

    def abandoned(self) -> bool:
        """Say whether nobody holds the lab, and nobody is just making it."""
        if self.supervisor.exists():
            return not self.alive()
        if self._maker.exists():
            return _living(self._maker) is None
        try:
            return time.time() - self.path.stat().st_mtime > _SIGNING
        except FileNotFoundError:
            return False

    def sign(self, provider: str, *, keep: bool) -> None:
        """Note that this process makes the lab, by which provider, and whether it is kept."""
        self._provider.write_text(provider)
        if keep:
            self._kept.touch()
        _note(self._maker, os.getpid())

    def said(self) -> dict[str, str]:
        """Return the end of every log by file name, without secrets."""
        return {path.name: redact(_end(path)) for path in sorted(self.logs.glob("*.log"))}

    def claim(self, pid: int) -> None:
        """Note that process ``pid`` holds the lab."""
        _note(self.supervisor, pid)

    @property
    def _kept(self) -> Path:
        return self.path / "kept"

    @property
    def _maker(self) -> Path:
        return self.path / "maker"

    @property
    def _provider(self) -> Path:
        return self.path / "provider"

    def remove(self) -> None:
        """Delete every file."""
        shutil.rmtree(self.path, ignore_errors=True)


def _end(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_TAIL))
        return file.read().decode(errors="replace")


def _note(path: Path, pid: int) -> None:
    path.write_text(f"{pid} {start_time(pid)}\n")


def _living(note: Path) -> int | None:
    """Return the process that ``note`` names, if it is still that one."""
    try:
        pid, started = note.read_text().split()
    except (OSError, ValueError):
        return None
    return int(pid) if start_time(int(pid)) == started else None


def start_time(pid: int) -> str:
    """Return when a process began (clock ticks since boot), empty if there is none (left)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def create(provider: str, *, keep: bool = False) -> State:
    """Make the directories of a new lab of ``provider``."""
    state = State(base() / secrets.token_hex(4))
    for path in (state.path, state.logs, state.kubeconfigs):
        path.mkdir(mode=0o700)
    state.sign(provider, keep=keep)
    return state


@contextmanager
def writing() -> Iterator[None]:
    """Blame the machine for files of a lab that cannot be written (also a decorator)."""
    try:
        yield
    except OSError as error:
        raise MachineError(
            f"the lab's files cannot be written ({error})",
            f"make room, or set {STATE_VARIABLE} to another directory",
        ) from error


def present() -> list[State]:
    """Return every lab of this user, alive or not."""
    return [State(path) for path in sorted(base().iterdir()) if path.is_dir()]


def loaded(state: State) -> Lab | None:
    """Return the lab of ``state``, or ``None`` if it was never finished."""
    try:
        return Lab.model_validate_json(state.lab.read_bytes())
    except (OSError, ValueError):
        return None


def abandoned(provider: str) -> list[State]:
    """Return what is left of labs of ``provider``, or of nobody knows whose, that nobody holds."""
    return [state for state in present() if state.provider in (provider, "") and state.abandoned()]

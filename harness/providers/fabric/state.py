"""Where a lab keeps its files, and what is left of labs that nobody holds any more."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from harness import files, locks
from harness.model import Lab, MachineError
from harness.providers.fabric.claims import Claim
from harness.shell import redact

#: Chooses another place for labs than ``/tmp``; kept short, as it holds Unix sockets.
STATE_VARIABLE = "MESHPROOF_STATE"
#: The kernel's limit on a Unix socket's path is 108 bytes, and our longest name takes 20.
_LONGEST_BASE = 80
#: Bytes of a log that are kept as evidence: its end says most, and a lab may run for hours.
LOG_TAIL = 256 * 1024


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
        """The lab as data; written last, by :meth:`finish`."""
        return self.path / "lab.json"

    @property
    def logs(self) -> Path:
        """What the programs of the lab said."""
        return self.path / "logs"

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
        return self._supervisor.holder()

    def alive(self) -> bool:
        """Say whether the lab is still held."""
        return self.holder() is not None

    def abandoned(self) -> bool:
        """Say whether nobody holds the lab, and nobody is just making it.

        Meant for labs that were seen by :func:`present`, which sees none before it is signed.
        """
        claim = self._supervisor if self._supervisor.exists() else self._maker
        return claim.holder() is None and self.path.exists()

    def make(self, provider: str, *, keep: bool = False) -> Self:
        """Make the directories of a lab of ``provider``; nobody sees it before it is signed."""
        with locks.held(locks.of_directory(self.path.parent)):
            for path in (self.path, self.logs, self.kubeconfigs):
                path.mkdir(mode=0o700)
            self._sign(provider, keep=keep)
        return self

    def _sign(self, provider: str, *, keep: bool) -> None:
        """Note that this process makes the lab, by which provider, and whether it is kept."""
        files.publish(self._provider, provider)
        if keep:
            self._kept.touch()
        self._maker.write(os.getpid())

    def finish(self, lab: Lab) -> None:
        """Note the lab, which stands; whoever sees the note sees all of it."""
        files.publish(self.lab, lab.model_dump_json(indent=1))

    def said(self) -> dict[str, str]:
        """Return the end of every log by file name, without secrets."""
        return {path.name: redact(_end(path)) for path in sorted(self.logs.glob("*.log"))}

    def claim(self, pid: int) -> None:
        """Note that process ``pid`` holds the lab."""
        self._supervisor.write(pid)

    @property
    def _kept(self) -> Path:
        return self.path / "kept"

    @property
    def _maker(self) -> Claim:
        return Claim(self.path / "maker")

    @property
    def _supervisor(self) -> Claim:
        return Claim(self.path / "supervisor")

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


def new() -> State:
    """Return the place of a new lab, where nothing is yet: known before, it can be undone."""
    return State(base() / secrets.token_hex(4))


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
    """Return every lab of this user, alive or not; one that is being signed is waited for."""
    place = base()
    with locks.held(locks.of_directory(place)):
        return [State(path) for path in sorted(place.iterdir()) if path.is_dir()]


def loaded(state: State) -> Lab | None:
    """Return the lab of ``state``, or ``None`` if it was never finished."""
    try:
        return Lab.model_validate_json(state.lab.read_bytes())
    except (OSError, ValueError):
        return None


def abandoned(provider: str) -> list[State]:
    """Return what is left of labs of ``provider``, or of nobody knows whose, that nobody holds."""
    return [state for state in present() if state.provider in (provider, "") and state.abandoned()]

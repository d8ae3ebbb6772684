"""Labs that outlive the run that raised them: where they are noted, and how to find one again."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from harness import files, locks
from harness.artifacts.home import home
from harness.model import Lab, Topology


class Kept(BaseModel):
    """A lab that stands, and the mesh (name and version) that is installed on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mesh: str
    lab: Lab


def standing_labs() -> "KeptLabs":
    """Return the notes of this user."""
    return KeptLabs(home() / "kept")


@dataclass(frozen=True, slots=True)
class KeptLabs:
    """Notes of kept labs, one file per topology, provider and mesh; none holds a credential."""

    directory: Path

    def all(self) -> Iterator[Kept]:
        """Yield every noted lab, whether it still stands or not."""
        for path in sorted(self.directory.glob("*.json")):
            if kept := _read(path):
                yield kept

    def find(self, topology: Topology, provider: str, mesh: str) -> Lab | None:
        """Return the noted lab of exactly this topology, provider and mesh, if there is one."""
        for kept in self.all():
            lab = kept.lab
            if (lab.topology, lab.provider, kept.mesh) == (topology, provider, mesh):
                return lab
        return None

    def note(self, lab: Lab, mesh: str) -> Path:
        """Note that ``lab`` stays; the latest of its kind is the one that is found."""
        self.directory.mkdir(parents=True, exist_ok=True)
        name = "-".join([lab.topology.name, lab.provider, *mesh.split()]).replace(os.sep, "-")
        path = self.directory / f"{name}.json"
        with locks.held(locks.of_directory(self.directory)):
            return files.publish(path, Kept(mesh=mesh, lab=lab).model_dump_json(indent=1))

    def forget(self, lab: Lab) -> None:
        """Remove the note of ``lab``, if there is one."""
        if not self.directory.exists():
            return
        with locks.held(
            locks.of_directory(self.directory)
        ):  # or a note that another run makes now would go with it
            for path in self.directory.glob("*.json"):
                kept = _read(path)
                if kept is not None and kept.lab.id == lab.id:
                    path.unlink(missing_ok=True)


def _read(path: Path) -> Kept | None:
    """Return the note, or ``None`` if it is gone or was written by another version."""
    try:
        return Kept.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None

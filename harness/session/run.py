"""What the hooks of one pytest run share."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.lab.keeper import Keeper
from harness.lab.trouble import Troubles
from harness.meshes.base import Mesh
from harness.model import Topology
from harness.phases import Phases
from harness.providers.base import Provider
from harness.session.asked import Options


@dataclass(frozen=True, slots=True)
class Run:
    """One run. ``directory`` is shared by its processes and gone when it ends.

    ``secret`` is the same in all its processes, and never written anywhere.
    """

    options: Options
    keeper: Keeper
    provider: Provider
    mesh: Mesh
    phases: Phases
    troubles: Troubles
    directory: Path
    id: str
    secret: bytes

    def topology(self, name: str | None) -> Topology:
        """Return the topology called ``name``; without a name, the only one."""
        if name is None:
            return self.options.topologies[0]
        return next(each for each in self.options.topologies if each.name == name)


RUN: pytest.StashKey[Run] = pytest.StashKey()

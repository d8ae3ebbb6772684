"""Removing a mesh leaves no trace of it."""

import pytest

from harness.meshes.base import Mesh
from harness.phases import Phases
from harness.sabotages.installation import webhook_left
from harness.workloads.pristine import Pristine


@pytest.mark.requirement("OP-09")
@pytest.mark.sabotage.with_args(webhook_left)
def test_removal_restores_the_cluster(pristine: Pristine, mesh: Mesh, phases: Phases) -> None:
    mesh.install(pristine.lab, phases)
    installed = pristine.snapshot()
    assert installed > pristine.before, "nothing cluster-wide was installed: nothing to remove"
    mesh.uninstall(pristine.lab)
    left = pristine.snapshot() - pristine.before
    assert not left, f"left behind: {sorted(left)}"

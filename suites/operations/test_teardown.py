"""Removing a mesh leaves no trace of it."""

from collections.abc import Callable

import pytest

from harness.meshes.base import Mesh
from harness.phases import Phases
from harness.sabotages.installation import webhook_left
from harness.workloads.pristine import Pristine


@pytest.mark.requirement("OP-09")
@pytest.mark.sabotage.with_args(webhook_left)
def test_removal_restores_the_cluster(
    pristine: Pristine, mesh: Mesh, phases: Phases, notes: Callable[[str], None]
) -> None:
    notes("on one cluster of its own: no gateway, exposure or remote secret was to be removed")
    installation = mesh.prepare(pristine.lab.topology, pristine.lab.plan)
    mesh.install(pristine.lab, installation, phases)
    installed = pristine.snapshot()
    assert installed > pristine.before, "nothing cluster-wide was installed: nothing to remove"
    mesh.uninstall(pristine.lab, installation)
    after = pristine.snapshot()
    left, lost = after - pristine.before, pristine.before - after
    assert not left, f"left behind: {sorted(left)}"
    assert not lost, f"removed, though it was there before: {sorted(lost)}"

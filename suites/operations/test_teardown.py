"""Removing a mesh leaves no trace of it, and takes nothing else with it."""

import pytest

from harness.converge import Budget
from harness.meshes.base import Mesh
from harness.phases import Phases
from harness.probes.claims import always
from harness.sabotages.installation import config_map_left, too_much_removed, webhook_left
from harness.workloads.pristine import Pristine


@pytest.mark.requirement("OP-09")
@pytest.mark.sabotage.with_args(webhook_left, config_map_left, breaks="leaves nothing behind")
@pytest.mark.sabotage.with_args(too_much_removed, breaks="takes nothing")
def test_removal_restores_the_clusters(pristine: Pristine, mesh: Mesh, phases: Phases) -> None:
    installation = mesh.prepare(pristine.lab.topology, pristine.lab.plan)
    mesh.install(pristine.lab, installation, phases)
    pristine.join()
    added = pristine.traces() - pristine.before
    assert added, "nothing was installed, so there is nothing to remove"
    mesh.uninstall(pristine.lab, installation)
    always(
        lambda: sorted(pristine.traces() - pristine.before),
        lambda left: not left,
        what="the removal leaves nothing behind",
        budget=Budget(timeout=20),
    )
    always(
        lambda: sorted(pristine.before - pristine.traces()),
        lambda lost: not lost,
        what="the removal takes nothing that was there before",
        budget=Budget(timeout=20),
    )

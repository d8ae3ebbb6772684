"""Fixtures of the suites: the standing cast on top of the plugin's ladder."""

from collections.abc import Iterator
from functools import partial
from uuid import uuid4

import pytest

from harness.converge import Budget, eventually
from harness.meshes.base import Mesh
from harness.model import ClusterSpec, Lab, NetworkSpec, Topology
from harness.phases import Phases
from harness.probes.claims import from_each
from harness.providers.base import Provider, RaiseOptions, planned
from harness.workloads.pristine import Pristine
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, Stage, raise_stage


@pytest.fixture(scope="session")
def stages() -> dict[str, Stage]:
    """Stages that are up, by lab id: a run may visit several labs."""
    return {}


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    lab: Lab,
    sites: tuple[Site, ...],
    mesh: Mesh,
    stages: dict[str, Stage],
) -> Iterator[Stage]:
    """The standing cast: raised for the first check that asks, left at rest by each."""
    meshed = bool(mesh.shapes(lab.topology))
    if lab.id not in stages:
        stages[lab.id] = raise_stage(sites, meshed=meshed)
        settle(stages[lab.id], meshed=meshed)
    yield stages[lab.id]
    if request.node.get_closest_marker("disturbs"):
        settle(stages[lab.id], meshed=meshed)


def settle(stage: Stage, *, meshed: bool) -> None:
    """Wait until every cluster serves callers of every cluster, as a mesh at rest does."""
    if not meshed:
        return
    names = [site.name for site in stage.sites]
    for site in stage.sites:
        eventually(
            partial(stage.stranger(site).call, ECHO.url, count=20),
            from_each(names, at_least=1),
            what=f"the stage is at rest: {names} serve callers in {site.name}",
            budget=Budget(timeout=60, successes=2, interval=0.1, firm=True),
        )


@pytest.fixture
def token() -> str:
    """A word that occurs nowhere else, to find a request again in logs and on the wire."""
    return f"token-{uuid4().hex}"


@pytest.fixture
def pristine(
    request: pytest.FixtureRequest, provider: Provider, mesh: Mesh, phases: Phases
) -> Iterator[Pristine]:
    """A small lab of its own, without a mesh, for checks that install and remove one."""
    topology = Topology(
        name="pristine",
        title="One cluster to install on",
        networks=(NetworkSpec(name="network1"),),
        clusters=(ClusterSpec(name="cluster1", network="network1"),),
    )
    options = RaiseOptions(
        kubernetes=request.config.getoption("--kubernetes-version"), images=mesh.images(topology)
    )
    lab = provider.up(topology, planned(provider, topology), phases, options)
    try:
        yield Pristine.of(lab)
    finally:
        provider.down(lab)

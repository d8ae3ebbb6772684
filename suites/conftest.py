"""Fixtures of the suites: the standing cast on top of the plugin's ladder."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from uuid import uuid4

import pytest

from harness.converge import Budget, NotConverged, concurrently, eventually
from harness.faults.bundle_endpoint import BundleEndpoint
from harness.faults.remote_secrets import Rotation
from harness.faults.services_api import ServicesApi
from harness.faults.upgrades import Upgrade
from harness.meshes.base import Mesh
from harness.model import ClusterSpec, Lab, NetworkSpec, Topology
from harness.phases import Phases
from harness.probes.claims import journal
from harness.providers.base import Provider, RaiseOptions, planned
from harness.session.fixtures import Notes
from harness.workloads.naming import named_in
from harness.workloads.pristine import Pristine
from harness.workloads.site import Site
from harness.workloads.stage import BRIEF, Stage, raise_stage
from harness.workloads.user_groups import Settling

#: By cluster, the clusters that answer its callers.
Answers = Mapping[str, Set[str]]


@dataclass(slots=True)
class Standing:
    """A stage that is up, and who answers whom there while no check disturbs it."""

    stage: Stage
    rest: Answers = field(default_factory=dict)

    def note_rest(self) -> None:
        """See who answers whom before the first check that disturbs others."""
        self.rest = self.rest or answering(self.stage)

    def await_rest(self) -> None:
        """Wait until callers are answered by whom they were before a check.

        Twice in a row: the first answers may be of proxies that have not heard yet. Who is seen
        beyond that belongs to it from now on: a sample may have missed somebody.
        """
        now = eventually(
            lambda: answering(self.stage),
            lambda now: all(now[name] >= names for name, names in self.rest.items()),
            what=f"callers are answered by whom they were before the check: {self.rest}",
            budget=Budget(timeout=60, successes=2, interval=0.1, firm=True),
        )
        self.rest = now


@pytest.fixture(scope="session")
def stages() -> dict[str, Standing]:
    """Stages that are up, by lab id: a run may visit several labs."""
    return {}


@pytest.fixture(autouse=True)
def looks(notes: Notes) -> Iterator[None]:
    """Let the report tell what was seen before a claim held."""
    with journal(notes):
        yield


@pytest.fixture(autouse=True)
def names(topology: Topology) -> Iterator[None]:
    """Have Services called by the DNS domain that the clusters of the topology have."""
    with named_in(topology.clusters[0].domain):
        yield


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    lab: Lab,
    sites: tuple[Site, ...],
    mesh: Mesh,
    stages: dict[str, Standing],
    phases: Phases,
    notes: Notes,
) -> Iterator[Stage]:
    """The standing cast: raised for the first check that asks, left by each as it found it."""
    if lab.id not in stages:
        meshed = bool(mesh.shapes(lab.topology))
        stages[lab.id] = Standing(raise_stage(sites, meshed=meshed))
        for what in stages[lab.id].stage.put_back:
            phases.say(f"{what} was not as the stage needs it, and is now")
            notes(f"put back before anything was judged: {what}")
        if meshed:
            give_time(stages[lab.id].stage, notes)
    standing = stages[lab.id]
    if request.node.get_closest_marker("disturbs") is None:
        yield standing.stage
        return
    standing.note_rest()
    yield standing.stage
    standing.await_rest()


def give_time(stage: Stage, notes: Notes) -> None:
    """Let a new stage become known everywhere; where it does not, the mesh is judged as it is."""
    known = {site.name: {site.name, *site.linked} for site in stage.sites}
    try:
        eventually(
            lambda: answering(stage),
            lambda now: now == known,
            what=f"callers of every cluster are answered by those that it knows: {known}",
            budget=Budget(timeout=20, interval=0.1, firm=True),
        )
    except NotConverged as error:
        notes(f"before anything was judged: {error}")


def answering(stage: Stage) -> dict[str, set[str]]:
    """Return the clusters that answer callers of each cluster, be it all of them or none.

    Of two clusters one is missed once in 2000 looks, of three once in 500; then it is looked again.
    """
    count = 6 * len(stage.sites)

    def one(site: Site) -> set[str]:
        return set(stage.stranger(site).call(BRIEF.url, count=count, timeout=2.0).clusters)

    seen = concurrently(one, stage.sites)
    return {site.name: names for site, names in zip(stage.sites, seen, strict=True)}


@pytest.fixture
def token() -> str:
    """A word that occurs nowhere else, to find a request again in logs and on the wire."""
    return f"token-{uuid4().hex}"


@pytest.fixture
def rotation() -> Rotation:
    """How a check rotates remote secrets; a sabotage may have that done badly."""
    return Rotation()


@pytest.fixture
def settling() -> Settling:
    """How user groups are settled in a cluster; a sabotage may have that done badly."""
    return Settling()


@pytest.fixture
def upgrade(lab: Lab, mesh: Mesh) -> Upgrade:
    """How a check installs revisions; a sabotage may have that done badly."""
    return Upgrade(lab, mesh)


@pytest.fixture
def bundle_endpoint() -> BundleEndpoint:
    """How meshes offer their roots to each other; a sabotage may have that done badly."""
    return BundleEndpoint()


@pytest.fixture
def services_api(mesh: Mesh) -> ServicesApi:
    """How a check uses the multi-cluster Services API; a sabotage may have that done badly."""
    return ServicesApi(mesh)


@pytest.fixture
def pristine(
    request: pytest.FixtureRequest, provider: Provider, mesh: Mesh, phases: Phases
) -> Iterator[Pristine]:
    """A small lab of its own, without a mesh, for checks that install and remove one."""
    numbers = (1, 2)
    topology = Topology(
        name="pristine",
        title="Two networks to install on",
        networks=tuple(NetworkSpec(name=f"network{number}") for number in numbers),
        clusters=tuple(
            ClusterSpec(name=f"cluster{number}", network=f"network{number}") for number in numbers
        ),
    )
    options = RaiseOptions(
        kubernetes=request.config.getoption("--kubernetes-version"), images=mesh.images(topology)
    )
    lab = provider.up(topology, planned(provider, topology), phases, options)
    try:
        yield Pristine.of(lab, mesh.shapes(topology))
    finally:
        provider.down(lab)

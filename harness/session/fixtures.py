"""The fixture ladder. Each rung needs only rungs above it, so any of them can be overridden.

topology ─┬─ lab ─ sites ─┬─ cluster          one check per cluster
          │               ├─ source, target   one check per ordered pair of clusters
          │               ├─ sources, target  one check per far end of such pairs
          │               └─ source, targets  one check per near end of such pairs
          ├─ control_plane                    one check per control plane
          ├─ machine                          one check per machine
          └─ network                          one check per network
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pytest

from harness.lab.keeper import NoLab
from harness.model import ControlPlane, Lab, MachineSpec, NetworkSpec, Observation, Topology
from harness.model.structure import control_planes
from harness.phases import to_stderr
from harness.session.asked import DEFAULT_OUTAGE
from harness.session.diary import diary
from harness.session.run import RUN, Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from harness.meshes.base import Mesh
    from harness.phases import Phases
    from harness.providers.base import Provider
    from harness.workloads.site import Site


class Notes(Protocol):
    """Adds a number or a deviation that a reader of the report must know."""

    def __call__(self, note: str) -> None:
        """Add ``note`` to the check's result."""
        ...


class Waits(Protocol):
    """Tells how long the promise itself made the check wait."""

    def __call__(self, seconds: float) -> None:
        """Add ``seconds`` to the waiting that is not the mesh's or the harness's fault."""
        ...


class Observed(Protocol):
    """Adds to the report's matrix of who reached whom by which hop."""

    def __call__(self, source: Site | str, target: Site | str, hop: str, count: int = 1) -> None:
        """Note ``count`` calls by ``hop``: ``local``, ``direct``, ``gateway`` or ``none``."""
        ...


@pytest.fixture(scope="session")
def topology(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Topology:
    """Return the topology that this check is judged on."""
    return _run(pytestconfig).topology(getattr(request, "param", None))


@pytest.fixture(scope="session")
def provider(pytestconfig: pytest.Config) -> Provider:
    """Return the provider of the lab; what it can do beyond is asked for with ``isinstance``."""
    return _run(pytestconfig).provider


@pytest.fixture(scope="session")
def mesh(pytestconfig: pytest.Config) -> Mesh:
    """Return the mesh under test."""
    return _run(pytestconfig).mesh


@pytest.fixture(scope="session")
def phases(pytestconfig: pytest.Config) -> Phases:
    """Return where long steps are timed and said."""
    return _run(pytestconfig).phases


@pytest.fixture(scope="session")
def lab(topology: Topology, pytestconfig: pytest.Config) -> Lab:
    """Return the lab that every check of its topology shares; the first to ask raises it."""
    keeper = _run(pytestconfig).keeper
    with uncaptured(pytestconfig):
        try:
            return keeper.lab(topology)
        except NoLab as error:
            reason = str(error)
    # Outside of the handler, so that no report quotes the cause unredacted.
    pytest.fail(f"no lab: {reason}", pytrace=False)


@dataclass(slots=True)
class Repeats:
    """Hears of calls that were made twice, and hands that to the check that runs now."""

    note: Notes | None = None

    def __call__(self, what: str) -> None:
        """Say ``what``, and have it in the report."""
        to_stderr(what)
        if self.note is not None:
            self.note(what)


@pytest.fixture(scope="session")
def repeats() -> Repeats:
    """Return what callers tell of calls that they had to make twice."""
    return Repeats()


@pytest.fixture(autouse=True)
def repeats_noted(repeats: Repeats, request: pytest.FixtureRequest) -> Iterator[None]:
    """Have calls that were made twice noted in the result of the check that made them."""
    repeats.note = diary(request.node).note
    yield
    repeats.note = None


@pytest.fixture(scope="session")
def sites(lab: Lab, mesh: Mesh, repeats: Repeats) -> tuple[Site, ...]:
    """Return the clusters that hold workloads, in the order of the topology."""
    from harness.workloads.site import member_sites

    return member_sites(lab, mesh.shapes(lab.topology), on_repeat=repeats)


@pytest.fixture
def cluster(sites: tuple[Site, ...], request: pytest.FixtureRequest) -> Site:
    """Return each cluster in turn."""
    return _named(sites, request)


@pytest.fixture
def source(sites: tuple[Site, ...], request: pytest.FixtureRequest) -> Site:
    """Return the cluster that calls."""
    return _named(sites, request)


@pytest.fixture
def target(sites: tuple[Site, ...], request: pytest.FixtureRequest) -> Site:
    """Return the cluster that is called, another than the source."""
    return _named(sites, request)


@pytest.fixture
def sources(sites: tuple[Site, ...], request: pytest.FixtureRequest) -> tuple[Site, ...]:
    """Return the clusters that call the target, all of them: what befalls it befalls it once."""
    return _all_named(sites, request)


@pytest.fixture
def targets(sites: tuple[Site, ...], request: pytest.FixtureRequest) -> tuple[Site, ...]:
    """Return the clusters that the source calls, all of them: what befalls it befalls it once."""
    return _all_named(sites, request)


@pytest.fixture
def control_plane(topology: Topology, request: pytest.FixtureRequest) -> ControlPlane:
    """Return each control plane in turn."""
    return next(each for each in control_planes(topology) if each.name == request.param)


@pytest.fixture
def machine(topology: Topology, request: pytest.FixtureRequest) -> MachineSpec:
    """Return each machine in turn."""
    return next(each for each in topology.machines if each.name == request.param)


@pytest.fixture
def network(topology: Topology, request: pytest.FixtureRequest) -> NetworkSpec:
    """Return each network in turn."""
    return topology.network(request.param)


@pytest.fixture
def notes(request: pytest.FixtureRequest) -> Notes:
    """Return a function that adds a note to the check's result."""
    return diary(request.node).note


@pytest.fixture
def waits(request: pytest.FixtureRequest) -> Waits:
    """Return a function that tells how long the promise itself made the check wait."""
    return diary(request.node).wait


@pytest.fixture
def observed(request: pytest.FixtureRequest) -> Observed:
    """Return a function that adds calls to the report's matrix of who reached whom."""

    def add(source: Site | str, target: Site | str, hop: str, count: int = 1) -> None:
        seen = Observation(source=str(source), target=str(target), hop=hop, count=count)
        diary(request.node).observe(seen)

    return add


@pytest.fixture
def outage(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> float:
    """Return how many seconds an outage lasts; another than the catalogue's is noted."""
    seconds = _run(pytestconfig).options.outage
    if seconds != DEFAULT_OUTAGE:
        note = f"outage of {seconds:g} s instead of {DEFAULT_OUTAGE:g} s (--outage)"
        diary(request.node).note(note)
    return seconds


def _run(config: pytest.Config) -> Run:
    run = config.stash.get(RUN, None)
    if run is None:
        pytest.skip("needs a lab; choose one with --topology NAME")
    return run


def _named(sites: tuple[Site, ...], request: pytest.FixtureRequest) -> Site:
    return next(site for site in sites if site.name == request.param)


def _all_named(sites: tuple[Site, ...], request: pytest.FixtureRequest) -> tuple[Site, ...]:
    return tuple(site for site in sites if site.name in request.param)


def uncaptured(config: pytest.Config) -> AbstractContextManager[None]:
    """Let progress reach the terminal while a lab is raised inside a check's set-up."""
    manager = config.pluginmanager.getplugin("capturemanager")
    return manager.global_and_fixture_disabled() if manager else nullcontext()

"""What the benchmarks measure, as functions that return seconds and bytes."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.memory import of_lab
from harness import files
from harness.converge import concurrently, eventually
from harness.meshes.istio.mesh import IstioMesh
from harness.model import Topology
from harness.phases import Phases
from harness.probes.claims import from_each
from harness.providers.base import Provider, RaiseOptions, planned
from harness.shell import LocalShell
from harness.workloads.echo import Echo, namespace, service
from harness.workloads.site import Site, member_sites
from harness.workloads.stage import ECHO, SAMPLE, Stage

ROOT = Path(__file__).parents[1]


def topology(name: str) -> Topology:
    """Return one of the topologies that ship with the harness."""
    return files.load_topology(ROOT / "topologies" / f"{name}.yaml")


@dataclass(frozen=True, slots=True)
class Raised:
    """Seconds until API servers answered, the mesh was ready, calls crossed; then down; bytes."""

    api_servers: float
    mesh: float
    served: float
    down: float
    memory: int

    @property
    def ready(self) -> float:
        """Seconds from nothing to calls served by every cluster from every cluster."""
        return self.api_servers + self.mesh + self.served


def raise_once(wanted: Topology, provider: Provider) -> Raised:
    """Raise ``wanted`` with a mesh and one app per cluster, call, measure, take down."""
    mesh, quiet = IstioMesh(), Phases(say=lambda _: None)
    plan = planned(provider, wanted)
    with timed() as prepared:
        installation = mesh.prepare(wanted, plan)
    with timed() as up:
        lab = provider.up(wanted, plan, quiet, RaiseOptions(images=mesh.images(wanted)))
    try:
        with timed() as installed:
            mesh.install(lab, installation, quiet)
        with timed() as served:
            _serve(member_sites(lab, mesh.shapes(wanted)))
        memory = of_lab(lab)
    finally:
        with timed() as down:
            provider.down(lab)
    # Rendering overlaps with the API servers in a real run: only what sticks out counts.
    api_servers = max(up(), prepared())
    return Raised(api_servers, installed(), served(), down(), memory)


@dataclass(frozen=True, slots=True)
class Checked:
    """One process running every check: seconds of the checks, and of the waits they demand."""

    total: float
    checks: float
    waits: float
    slowest: str


def check_once(wanted: str, outage: float, reports: Path) -> Checked:
    """Run every check of a topology; raises ``ToolError`` if a check is not passed."""
    argv = [sys.executable, "-m", "pytest", "suites", "-q", "--topology", wanted]
    argv += ["--provider", "embedded"]
    argv += ["--outage", str(outage), "--report-dir", str(reports), "-p", "no:cacheprovider"]
    began = time.monotonic()
    LocalShell(ROOT).run(argv, timeout=1800).checked()
    total = time.monotonic() - began
    record = files.parse((reports / "record.json").read_text(encoding="utf-8"))
    results = record["results"]
    slowest = max(results, key=lambda result: result["seconds"] - result["waited"])
    return Checked(
        total,
        sum(result["seconds"] for result in results),
        sum(result["waited"] for result in results),
        f"{slowest['requirement']} {slowest['seconds']:.1f}s",
    )


def deploy(site: Site) -> None:
    """Deploy one injected app, and wait until it is ready."""
    shape = site.shape
    site.apply(namespace(SAMPLE, injected=True, revision=shape.revision, labels=shape.selected))
    site.deploy(Echo(name="echo", namespace=SAMPLE))
    site.apply(service("echo", SAMPLE))
    site.rolled_out("echo", SAMPLE)


def answered(site: Site, groups: Sequence[str | frozenset[str]]) -> None:
    """Wait until each cluster, or one of each group of clusters, answers callers in ``site``."""
    caller = site.caller(SAMPLE, "echo")
    eventually(
        lambda: caller.call(ECHO.url, count=20),
        from_each(groups, at_least=1),
        what=f"all of {groups} answer callers in {site.name}",
    )


def _serve(sites: Sequence[Site]) -> None:
    """Deploy one app per cluster, and wait until callers are served by all that they can tell."""
    stage = Stage(tuple(sites))

    def serve(site: Site) -> None:
        deploy(site)
        answered(site, stage.apart(site))

    concurrently(serve, stage.sites)


@contextmanager
def timed() -> Iterator[Callable[[], float]]:
    """Measure a block; the function that is given returns its seconds once it is over."""
    began = time.monotonic()
    ended = 0.0
    try:
        yield lambda: ended - began
    finally:
        ended = time.monotonic()


def machine() -> str:
    """Say on what the numbers were taken."""
    cores = len(os.sched_getaffinity(0))
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    load = os.getloadavg()[0]
    return f"{cores} cores, {pages / 2**30:.0f} GiB, load {load:.1f}, Linux {os.uname().release}"

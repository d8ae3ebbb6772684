"""A workload that comes to a cluster while a check runs, and goes with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from harness.converge import Budget, eventually
from harness.kube import Manifest
from harness.workloads.echo import Echo
from harness.workloads.site import Site
from harness.workloads.stage import SAMPLE

#: How long a new pod may take to be ready; a usual one is within five seconds.
READY = Budget(timeout=45, interval=0.1, slow=True)


@contextmanager
def created(site: Site) -> Iterator[str]:
    """Create a workload in namespace ``sample`` and wait for nothing; its name is given."""
    name = f"newcomer-{uuid4().hex[:6]}"
    echo = Echo(name=name, namespace=SAMPLE)
    with site.applied(*echo.manifests(site.name)):
        yield name


@contextmanager
def newcomer(site: Site) -> Iterator[Manifest]:
    """Run the body with a workload that is ready; its pod is given."""
    with created(site) as name:
        yield ready(site, name)


def ready(site: Site, name: str) -> Manifest:
    """Wait until the pod of a newcomer is ready; return it."""
    pods = eventually(
        lambda: site.pods(SAMPLE, name),
        bool,
        what=f"a new pod of {site} becomes ready",
        budget=READY,
    )
    return pods[0]

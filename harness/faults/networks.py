"""Blur the border between two networks: ways around gateways, labels that lie."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from harness.meshes.base import NETWORK_LABEL
from harness.model import HarnessError, Lab
from harness.providers.base import CanRouteMachines, CanRoutePods, Provider
from harness.workloads.site import Site
from harness.workloads.stage import SAMPLE


def pod_routes(
    provider: Provider, lab: Lab, one: Site, other: Site
) -> AbstractContextManager[None]:
    """Route the pod ranges of two clusters to each other while the body runs."""
    if not isinstance(provider, CanRoutePods):
        raise HarnessError(f"provider {provider.name} cannot route pods directly")
    return provider.pod_routes(lab, one=one.name, other=other.name)


def machine_routes(
    provider: Provider, lab: Lab, site: Site, machine: str
) -> AbstractContextManager[None]:
    """Route the pods of a cluster and the machine at an address to each other while it runs."""
    if not isinstance(provider, CanRouteMachines):
        raise HarnessError(f"provider {provider.name} cannot route machines directly")
    return provider.machine_routes(lab, cluster=site.name, machine=machine)


@contextmanager
def relabelled_pods(site: Site, network: str) -> Iterator[None]:
    """Run the body while the cast's pods in a cluster say that they are on ``network``."""
    patch = {"metadata": {"labels": {NETWORK_LABEL: network}}}
    with ExitStack() as undo:
        for app in ("echo", "probe-b"):
            for pod in site.pods(SAMPLE, app):
                undo.enter_context(site.patched("Pod", pod["metadata"]["name"], patch, SAMPLE))
        yield

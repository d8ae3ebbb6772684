"""Restart Deployments, and run without some."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from uuid import uuid4

from harness.converge import concurrently
from harness.workloads.site import Site


def restart(site: Site, deployment: str, namespace: str) -> None:
    """Replace a Deployment's pods as ``kubectl rollout restart`` does; wait for the new ones."""
    stamp = {"meshproof.io/restarted": uuid4().hex}
    template = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
    site.kube.patch("Deployment", deployment, template, namespace)
    site.rolled_out(deployment, namespace)


@contextmanager
def without_istiod(sites: Sequence[Site]) -> Iterator[None]:
    """Run the body while no control plane is up anywhere; return when all are back."""
    with ExitStack() as undo:
        undo.callback(concurrently, _istiod_rolled_out, tuple(sites))
        for site in sites:
            undo.enter_context(replicas(site, site.shape.istiod, site.shape.system, 0))
        for site in sites:
            site.emptied(site.shape.system, site.shape.istiod_pods)
        yield


def restart_istiod(site: Site) -> None:
    """Replace the pods of a cluster's control plane; wait for the new ones."""
    restart(site, site.shape.istiod, site.shape.system)


def _istiod_rolled_out(site: Site) -> None:
    site.rolled_out(site.shape.istiod, site.shape.system)


@contextmanager
def replicas(site: Site, deployment: str, namespace: str, count: int) -> Iterator[None]:
    """Ask for ``count`` replicas and put the number back; waits for nothing."""
    before = int(site.kube.get("Deployment", deployment, namespace)["spec"]["replicas"])
    site.kube.scale(deployment, namespace, count)
    try:
        yield
    finally:
        site.kube.scale(deployment, namespace, before)


@contextmanager
def pod_template(
    site: Site, deployment: str, namespace: str, *, annotations: dict[str, str]
) -> Iterator[None]:
    """Run the body with pods that carry ``annotations``; the pods are replaced both times."""
    patch = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
    try:
        with site.patched("Deployment", deployment, patch, namespace):
            site.rolled_out(deployment, namespace)
            yield
    finally:
        site.rolled_out(deployment, namespace)

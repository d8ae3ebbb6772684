"""Restart Deployments, and run without some."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from uuid import uuid4

from harness.converge import concurrently
from harness.meshes.base import MeshShape
from harness.workloads.site import Site


def restart(site: Site, deployment: str, namespace: str) -> None:
    """Replace a Deployment's pods as ``kubectl rollout restart`` does; wait for the new ones."""
    stamp = {"meshproof.io/restarted": uuid4().hex}
    template = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
    site.kube.patch("Deployment", deployment, template, namespace)
    site.rolled_out(deployment, namespace)


@contextmanager
def without_istiod(sites: Sequence[Site], shape: MeshShape) -> Iterator[None]:
    """Run the body while no control plane is up anywhere; return when all are back."""
    with ExitStack() as undo:
        undo.callback(
            lambda: concurrently(lambda s: s.rolled_out(shape.istiod, shape.system), tuple(sites))
        )
        for site in sites:
            undo.enter_context(replicas(site, shape.istiod, shape.system, 0))
        for site in sites:
            site.emptied(shape.system, f"app={shape.istiod}")
        yield


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

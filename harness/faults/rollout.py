"""Restart Deployments, and run without some."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from harness.converge import concurrently
from harness.kube import Manifest
from harness.workloads.site import Site


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
    site.restart(site.shape.istiod, site.shape.system)


def restart_istiods(sites: Iterable[Site]) -> None:
    """Replace the pods of several control planes, one after the other."""
    for site in sites:
        restart_istiod(site)


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
def other_pods(site: Site, deployment: str, namespace: str, template: Manifest) -> Iterator[None]:
    """Run the body with pods of a Deployment whose template has these fields as well.

    The pods are replaced both times.
    """
    try:
        with site.patched("Deployment", deployment, {"spec": {"template": template}}, namespace):
            site.rolled_out(deployment, namespace)
            yield
    finally:
        site.rolled_out(deployment, namespace)


def pod_spec(site: Site, deployment: str, namespace: str) -> Manifest:
    """Return what the pods of a Deployment are made of."""
    template = site.kube.get("Deployment", deployment, namespace)["spec"]["template"]
    return dict(template["spec"])


def pod_template(
    site: Site,
    deployment: str,
    namespace: str,
    *,
    annotations: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    account: str = "",
) -> AbstractContextManager[None]:
    """Run the body with pods that carry ``annotations``, ``labels`` or another service account."""
    spec = {"serviceAccountName": account, "serviceAccount": account} if account else {}
    said = {"annotations": dict(annotations or {}), "labels": dict(labels or {})}
    return other_pods(site, deployment, namespace, {"metadata": said, "spec": spec})


def environment(
    site: Site, deployment: str, namespace: str, **variables: str
) -> AbstractContextManager[None]:
    """Run the body with pods of a Deployment whose first container has these variables."""
    first, *others = pod_spec(site, deployment, namespace)["containers"]
    kept = [each for each in first.get("env", []) if each["name"] not in variables]
    changed = [{"name": name, "value": value} for name, value in variables.items()]
    containers = [{**first, "env": [*kept, *changed]}, *others]
    return other_pods(site, deployment, namespace, {"spec": {"containers": containers}})


def istiod_environment(site: Site, **variables: str) -> AbstractContextManager[None]:
    """Run the body while the control plane of a cluster has other environment variables."""
    home = site.control_plane
    return environment(home, home.shape.istiod, home.shape.system, **variables)

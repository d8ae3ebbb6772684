"""Let new pods be injected in another way than their cluster declares."""

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from harness.converge import Budget, eventually
from harness.kube import Manifest
from harness.probes.injection import told_network
from harness.workloads.site import Site
from harness.workloads.stage import SAMPLE

_WEBHOOKS = "MutatingWebhookConfiguration"


@contextmanager
def injected_otherwise(
    site: Site, change: AbstractContextManager[None], *, network: str
) -> Iterator[None]:
    """Run the body with a ``change`` by which new pods are told ``network``, and one such pod."""
    try:
        with change:
            _await_network(site, network)
            site.restart("probe-b", SAMPLE)
            yield
    finally:
        _await_network(site, site.network)
        site.restart("probe-b", SAMPLE)


@contextmanager
def injected_as(site: Site, *, network: str) -> Iterator[None]:
    """Run the body while the injector is called by a path that names ``network``."""
    path = f"/inject/cluster/{site.name}/net/{network}"
    with injected_otherwise(site, _called_by(site, path), network=network):
        yield


@contextmanager
def _called_by(site: Site, path: str) -> Iterator[None]:
    with ExitStack() as undo:
        for found in site.kube.list(_WEBHOOKS):
            webhooks = copy.deepcopy(found.get("webhooks", []))
            if _pointed(webhooks, site.shape.system, path):
                patch = {"webhooks": webhooks}
                undo.enter_context(site.patched(_WEBHOOKS, found["metadata"]["name"], patch))
        yield


def _pointed(webhooks: list[Manifest], system: str, path: str) -> bool:
    """Let the webhooks that istiod serves use ``path``; say whether there are any."""
    services = [webhook["clientConfig"].get("service", {}) for webhook in webhooks]
    ours = [service for service in services if service.get("namespace") == system]
    for service in ours:
        service["path"] = path
    return bool(ours)


def _await_network(site: Site, network: str) -> None:
    """Wait until a pod created now would be told ``network`` (asked by dry run)."""
    pod = site.pods(SAMPLE, "bare")[0]
    trial = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "trial", "namespace": SAMPLE},
        "spec": {"containers": [{"name": "c", "image": pod["spec"]["containers"][0]["image"]}]},
    }
    path = f"/api/v1/namespaces/{SAMPLE}/pods?dryRun=All"
    eventually(
        lambda: told_network(site, site.kube.request("POST", path, trial).json()),
        lambda seen: seen == network,
        what=f"{site.name} injects network {network!r}",
        budget=Budget(timeout=30, interval=0.1, firm=True),
    )

"""Let new pods be injected in another way than their cluster declares."""

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from harness.converge import Budget, eventually
from harness.kube import Manifest
from harness.meshes.base import NETWORK_VARIABLE
from harness.probes.injection import told
from harness.workloads.site import Site
from harness.workloads.stage import SAMPLE

_WEBHOOKS = "MutatingWebhookConfiguration"


@contextmanager
def injected_otherwise(
    site: Site, change: AbstractContextManager[None], variable: str, value: str
) -> Iterator[None]:
    """Run the body with a ``change`` by which proxies are told a ``value``, and callers so told."""
    before = _offered(site, variable)
    try:
        with change:
            _await_offer(site, variable, value)
            site.restart("probe-b", SAMPLE)
            yield
    finally:
        _await_offer(site, variable, before)
        site.restart("probe-b", SAMPLE)


@contextmanager
def injected_as(site: Site, *, network: str) -> Iterator[None]:
    """Run the body while the injector is called by a path that names ``network``."""
    change = _called_by(site, f"/inject/cluster/{site.name}/net/{network}")
    with injected_otherwise(site, change, NETWORK_VARIABLE, network):
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


def _await_offer(site: Site, variable: str, value: str) -> None:
    eventually(
        lambda: _offered(site, variable),
        lambda seen: seen == value,
        what=f"{site.name} injects {variable}={value!r}",
        budget=Budget(timeout=30, interval=0.1, firm=True),
    )


def _offered(site: Site, variable: str) -> str:
    """Return what the proxy of a pod created now would be told (asked by dry run)."""
    pod = site.pods(SAMPLE, "bare")[0]
    trial = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "trial", "namespace": SAMPLE},
        "spec": {"containers": [{"name": "c", "image": pod["spec"]["containers"][0]["image"]}]},
    }
    path = f"/api/v1/namespaces/{SAMPLE}/pods?dryRun=All"
    return told(site, site.kube.request("POST", path, trial).json(), variable)

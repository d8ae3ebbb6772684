"""Let new pods be injected in another way than their cluster declares."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager

from harness.converge import Budget, eventually
from harness.faults.mesh_config import mesh_config
from harness.kube import Manifest
from harness.meshes.base import DNS_VARIABLE, NETWORK_VARIABLE
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
def dns_captured(site: Site) -> Iterator[None]:
    """Run the body while proxies that a cluster's control plane injects answer DNS.

    That is the default of the mesh: a pod's own annotation counts for more.
    """

    def change(config: Manifest) -> None:
        metadata = config.setdefault("defaultConfig", {}).setdefault("proxyMetadata", {})
        metadata[DNS_VARIABLE] = "true"

    with injected_otherwise(site, mesh_config(site, change), DNS_VARIABLE, "true"):
        yield


@contextmanager
def injected_as(site: Site, *, network: str) -> Iterator[None]:
    """Run the body while the injector is called by a path that names ``network``."""
    change = _called(site, path=f"/inject/cluster/{site.name}/net/{network}")
    with injected_otherwise(site, change, NETWORK_VARIABLE, network):
        yield


@contextmanager
def injected_by(site: Site, service: str) -> Iterator[None]:
    """Run the body while new pods of a cluster are to be injected by another Service."""
    with _called(site, name=service):
        yield


@contextmanager
def _called(site: Site, **service: str) -> Iterator[None]:
    """Run the body while webhooks of istiod are called by other fields of their ``service``."""
    with ExitStack() as undo:
        for found in site.kube.list(_WEBHOOKS):
            webhooks = copy.deepcopy(found.get("webhooks", []))
            if _pointed(webhooks, site.shape.system, service):
                patch = {"webhooks": webhooks}
                undo.enter_context(site.patched(_WEBHOOKS, found["metadata"]["name"], patch))
        yield


def _pointed(webhooks: list[Manifest], system: str, service: Mapping[str, str]) -> bool:
    """Let the webhooks that istiod serves use ``service``; say whether there are any."""
    services = [webhook["clientConfig"].get("service", {}) for webhook in webhooks]
    ours = [each for each in services if each.get("namespace") == system]
    for each in ours:
        each.update(service)
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

"""Change the mesh configuration of a running control plane."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from uuid import uuid4

from harness import files
from harness.kube import Manifest
from harness.probes.cluster_view import ready_pods
from harness.workloads.site import Site


def mesh_config(site: Site, change: Callable[[Manifest], None]) -> AbstractContextManager[None]:
    """Run the body with a mesh configuration that ``change`` has edited in place.

    It is that of the control plane that serves ``site``.
    """
    return settings_in(site.control_plane, change)


@contextmanager
def settings_in(site: Site, change: Callable[[Manifest], None]) -> Iterator[None]:
    """Run the body with the mesh configuration in a cluster as ``change`` has edited it."""
    shape = site.shape
    text = site.kube.get("ConfigMap", shape.config_map, shape.system)["data"]["mesh"]
    config = files.parse(text)
    change(config)
    patch = {"data": {"mesh": files.dump(config)}}
    try:
        with site.patched("ConfigMap", shape.config_map, patch, shape.system):
            _hasten(site)
            yield
    finally:
        _hasten(site)


def _hasten(site: Site) -> None:
    """Have kubelet look after the pods of istiod now.

    An external istiod reads a mounted ConfigMap, which kubelet renews when it syncs the pod: when
    the pod has changed, or up to a minute and a half later.
    """
    shape, now = site.shape, {"metadata": {"annotations": {"meshproof.io/synced": uuid4().hex}}}
    for pod in ready_pods(site.kube, shape.system, shape.istiod_pods):
        site.kube.patch("Pod", str(pod["metadata"]["name"]), now, shape.system)


@contextmanager
def injector_values(site: Site, change: Callable[[Manifest], None]) -> Iterator[None]:
    """Run the body with injection values (``global.…``) that ``change`` has edited in place."""
    home = site.control_plane
    shape = home.shape
    name = f"{shape.injector}-{shape.revision}" if shape.revision else shape.injector
    values = json.loads(home.kube.get("ConfigMap", name, shape.system)["data"]["values"])
    change(values)
    with home.patched("ConfigMap", name, {"data": {"values": json.dumps(values)}}, shape.system):
        yield


def cluster_local(*hosts: str, local: bool = True) -> Callable[[Manifest], None]:
    """Return a change that marks ``hosts`` cluster-local (or, with ``local=False``, global)."""

    def change(config: Manifest) -> None:
        settings = {"settings": {"clusterLocal": local}, "hosts": list(hosts)}
        config["serviceSettings"] = [settings, *config.get("serviceSettings", [])]

    return change


def service_settings(*entries: tuple[bool, str]) -> Callable[[Manifest], None]:
    """Return a change that puts ``entries``, whether and which host is cluster-local, first."""

    def change(config: Manifest) -> None:
        said = [{"settings": {"clusterLocal": local}, "hosts": [host]} for local, host in entries]
        config["serviceSettings"] = [*said, *config.get("serviceSettings", [])]

    return change


def trusting(alias: str) -> Callable[[Manifest], None]:
    """Return a change that has ``alias`` stand for the trust domain of the mesh, too."""

    def change(config: Manifest) -> None:
        config["trustDomainAliases"] = [*config.get("trustDomainAliases", []), alias]

    return change


def distrusting(alias: str) -> Callable[[Manifest], None]:
    """Return a change after which ``alias`` no longer stands for the trust domain."""

    def change(config: Manifest) -> None:
        aliases = config.get("trustDomainAliases", [])
        config["trustDomainAliases"] = [each for each in aliases if each != alias]

    return change


def without_roots_of(domain: str) -> Callable[[Manifest], None]:
    """Return a change that takes out the roots that another trust domain hangs from."""

    def change(config: Manifest) -> None:
        known = config.get("caCertificates", [])
        config["caCertificates"] = [e for e in known if domain not in e.get("trustDomains", [])]

    return change

"""Sabotages of what control planes know of other clusters."""

from contextlib import ExitStack, contextmanager

from harness.faults.mesh_config import cluster_local, mesh_config
from harness.faults.remote_secrets import renamed_secret, unreachable_secret, without_secret
from harness.faults.rollout import pod_template, restart_istiod
from harness.providers.base import CanCutApi
from harness.sabotages.scene import Breaking, Scene
from harness.workloads.site import governing
from harness.workloads.stage import ECHO, LOCAL, PRIVATE, SAMPLE


@contextmanager
def no_remote_secret(scene: Scene) -> Breaking:
    """Delete the client's secret for the server's cluster."""
    with without_secret(scene.client, scene.server):
        yield


@contextmanager
def one_secret_only(scene: Scene) -> Breaking:
    """Leave discovery one-way: the first cluster loses its secret for the second."""
    one, other, *_ = governing(scene.sites)
    with without_secret(one, other):
        yield


@contextmanager
def other_secret_name(scene: Scene) -> Breaking:
    """Register the server's cluster under a name that its proxies do not use."""
    with renamed_secret(scene.client, scene.server):
        yield


@contextmanager
def secret_name_mismatch(scene: Scene) -> Breaking:
    """Let the name in the remote secret differ from the cluster's own."""
    with other_secret_name(scene):
        yield


@contextmanager
def unreachable_server(scene: Scene) -> Breaking:
    """Point the client's secret for the server's cluster at an address that nobody has.

    An istiod that has met such a secret keeps the endpoints of its first reading for good, even
    when the corrected secret is removed later (seen with 1.32-alpha): healing takes a new istiod.
    """
    try:
        with unreachable_secret(scene.client, scene.server):
            yield
    finally:
        restart_istiod(scene.client.control_plane)


@contextmanager
def cluster_local_host(scene: Scene) -> Breaking:
    """Mark the merged host cluster-local in every control plane."""
    with ExitStack() as undo:
        for site in governing(scene.sites):
            change = cluster_local(ECHO.fqdn)
            undo.enter_context(mesh_config(site, change))
        yield


@contextmanager
def cluster_local_off(scene: Scene) -> Breaking:
    """Declare the system's own services global in every control plane."""
    hosts = ("kubernetes.default.svc.cluster.local", "*.kube-system.svc.cluster.local")
    with ExitStack() as undo:
        for site in governing(scene.sites):
            change = cluster_local(*hosts, local=False)
            undo.enter_context(mesh_config(site, change))
        yield


@contextmanager
def host_typo(scene: Scene) -> Breaking:
    """Misspell the host that the mesh configuration declares cluster-local."""

    def misspell(config: dict[str, object]) -> None:
        settings = config.get("serviceSettings")
        assert isinstance(settings, list)
        for entry in settings:
            entry["hosts"] = [host.replace(LOCAL.name, "locla") for host in entry["hosts"]]

    with mesh_config(scene.client, misspell):
        yield


@contextmanager
def dns_capture_on(scene: Scene) -> Breaking:
    """Let the caller's proxy answer DNS, which knows Services of every cluster."""
    config = "proxyMetadata:\n  ISTIO_META_DNS_CAPTURE: 'true'\n"
    annotations = {"proxy.istio.io/config": config}
    with pod_template(scene.client, "probe-b", SAMPLE, annotations=annotations):
        yield


@contextmanager
def annotation_removed(scene: Scene) -> Breaking:
    """Remove the annotation that keeps a Service within its namespace."""
    patch = {"metadata": {"annotations": {"networking.istio.io/exportTo": None}}}
    with scene.client.patched("Service", PRIVATE.name, patch, SAMPLE):
        yield


@contextmanager
def exported_to_nobody(scene: Scene) -> Breaking:
    """Keep a private Service from its own namespace, too."""
    patch = {"metadata": {"annotations": {"networking.istio.io/exportTo": "~"}}}
    with scene.client.patched("Service", PRIVATE.name, patch, SAMPLE):
        yield


@contextmanager
def api_cut_after_sync(scene: Scene) -> Breaking:
    """Cut the client's control plane off from the server's API server."""
    assert isinstance(scene.provider, CanCutApi)
    cut = scene.provider.api_cut(scene.lab, client=scene.client.name, server=scene.server.name)
    with cut:
        yield

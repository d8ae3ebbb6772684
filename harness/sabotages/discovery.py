"""Sabotages of what control planes know of other clusters."""

from contextlib import ExitStack, contextmanager

from harness.faults.mesh_config import cluster_local, mesh_config, service_settings
from harness.faults.remote_secrets import (
    Rotation,
    copied_secret,
    from_a_file,
    linked,
    nobody,
    renamed_secret,
    unreachable_secret,
    without_secret,
)
from harness.faults.rollout import pod_template, restart_istiod
from harness.kube import Manifest
from harness.meshes.base import DNS_VARIABLE
from harness.providers.base import CanCutApi
from harness.sabotages.scene import Breaking, Scene
from harness.workloads.echo import service
from harness.workloads.naming import service_name
from harness.workloads.site import governing
from harness.workloads.stage import BRIEF, ECHO, LOCAL, OTHER, PRIVATE, SAMPLE, lent


@contextmanager
def no_remote_secret(scene: Scene) -> Breaking:
    """Delete the client's secret for the server's cluster."""
    with without_secret(scene.client, scene.server):
        yield


@contextmanager
def second_secret_missing(scene: Scene) -> Breaking:
    """Delete the secret for the cluster that is not behind the ingress."""
    with no_remote_secret(scene):
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


#: A cluster that no topology has.
STRANGER = "stranger"


@contextmanager
def secret_of_nobody(scene: Scene) -> Breaking:
    """Let the client's control plane read one cluster more, at an address that nobody has."""
    with copied_secret(scene.client, STRANGER, server=nobody(scene.client)):
        yield


@contextmanager
def secret_copied(scene: Scene) -> Breaking:
    """Let the client's control plane read a cluster twice, the second time by another name.

    A cluster whose secret comes and goes quickly may leave its endpoints behind in an istiod (see
    CP-20), and each later fault of a secret would be made up for by them: so it begins anew.
    """
    with ExitStack() as undo:
        undo.callback(restart_istiod, scene.client.control_plane)
        undo.enter_context(copied_secret(scene.client, STRANGER))
        yield


@contextmanager
def secrets_applied(scene: Scene) -> Breaking:
    """Give the client's control plane the secret that links it to the server's cluster."""
    with linked(scene.client, scene.server):
        yield


@contextmanager
def kubeconfig_file_left(scene: Scene) -> Breaking:
    """Let the client's control plane read the server's cluster by a file, whatever Secrets say."""
    with from_a_file(scene.client, scene.server):
        yield


@contextmanager
def kubeconfigs_by_file(scene: Scene) -> Breaking:
    """Let the client's control plane read clusters by files, and no Secrets."""
    with kubeconfig_file_left(scene):
        yield


@contextmanager
def delete_wait_recreate(scene: Scene) -> Breaking:
    """Have the secret deleted, and made anew only after a while, when it is to be rotated."""
    with scene.given("rotation", Rotation).delayed(5.0):
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
    hosts = (service_name("kubernetes", "default"), service_name("*", "kube-system"))
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
def exception_omitted(scene: Scene) -> Breaking:
    """Take back that the Services of one namespace are merged: of equal hosts the last counts."""
    with mesh_config(scene.server, service_settings((True, service_name("*", OTHER)))):
        yield


@contextmanager
def wildcard_taken_back(scene: Scene) -> Breaking:
    """Take back that all Services are cluster-local: of equal hosts the last counts."""
    with mesh_config(scene.server, service_settings((False, "*"))):
        yield


@contextmanager
def settings_in_every_primary(scene: Scene) -> Breaking:
    """Keep all Services at home in the client's primary too."""
    with mesh_config(
        scene.client, service_settings((True, "*"), (False, service_name("*", OTHER)))
    ):
        yield


@contextmanager
def dns_capture_on(scene: Scene) -> Breaking:
    """Let the caller's proxy answer DNS, which knows Services of every cluster."""
    config = f"proxyMetadata:\n  {DNS_VARIABLE}: 'true'\n"
    annotations = {"proxy.istio.io/config": config}
    with pod_template(scene.client, "probe-b", SAMPLE, annotations=annotations):
        yield


@contextmanager
def dns_capture_off(scene: Scene) -> Breaking:
    """Keep the caller's proxy from answering DNS, whatever the mesh's default is."""
    config = f"proxyMetadata:\n  {DNS_VARIABLE}: 'false'\n"
    annotations = {"proxy.istio.io/config": config}
    with pod_template(scene.client, "probe-b", SAMPLE, annotations=annotations):
        yield


@contextmanager
def service_left(scene: Scene) -> Breaking:
    """Leave the Service, when all others go, in the server's cluster."""
    with scene.server.applied(service(lent(scene.client).name, SAMPLE, app=ECHO.name)):
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
def port_renamed(scene: Scene) -> Breaking:
    """Call the gRPC port of a merged Service otherwise in the server's cluster."""
    with _port_changed(scene, "grpc", {"name": "grpc-too"}):
        yield


@contextmanager
def port_renumbered(scene: Scene) -> Breaking:
    """Give the TCP port of a merged Service another number in the server's cluster."""
    with _port_changed(scene, "tcp-echo", {"port": 9009}):
        yield


@contextmanager
def other_application_protocol(scene: Scene) -> Breaking:
    """Declare the gRPC port of a merged Service to be plain TCP in the server's cluster."""
    with _port_changed(scene, "grpc", {"appProtocol": "tcp"}):
        yield


@contextmanager
def _port_changed(scene: Scene, name: str, change: Manifest) -> Breaking:
    held = scene.server.kube.get("Service", BRIEF.name, BRIEF.namespace)["spec"]["ports"]
    ports = [{**each, **change} if each["name"] == name else each for each in held]
    patch = {"spec": {"ports": ports}}
    with scene.server.patched("Service", BRIEF.name, patch, BRIEF.namespace):
        yield


@contextmanager
def headless_in_one_cluster(scene: Scene) -> Breaking:
    """Add a Service that has an address in the client's cluster and none in the server's."""
    usual, headless = service("uneven", SAMPLE, app="echo"), service("uneven", SAMPLE, app="echo")
    headless["spec"]["clusterIP"] = "None"
    with scene.client.applied(usual), scene.server.applied(headless):
        yield


@contextmanager
def api_cut_after_sync(scene: Scene) -> Breaking:
    """Cut the client's control plane off from the server's API server."""
    assert isinstance(scene.provider, CanCutApi)
    cut = scene.provider.api_cut(scene.lab, client=scene.client.name, server=scene.server.name)
    with cut:
        yield

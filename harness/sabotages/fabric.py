"""Sabotages of the ways between networks and of the gateways on them."""

from contextlib import ExitStack, contextmanager

from harness.converge import Budget, eventually
from harness.faults.exposure import terminating, unaddressed, unexposed, unlabelled
from harness.faults.networks import pod_routes, relabelled_pods
from harness.faults.rollout import other_pods, pod_spec
from harness.kube import Manifest
from harness.meshes import ca
from harness.meshes.base import NETWORK_LABEL, PASSTHROUGH_PORT, TLS_MODE, TLS_MODE_LABEL
from harness.model import HarnessError
from harness.probes.gateway import gateway_address
from harness.probes.identity import alien
from harness.providers.base import CanPartition
from harness.sabotages.scene import Breaking, Scene
from harness.workloads.ingress import Ingress
from harness.workloads.rules import gateway, server
from harness.workloads.stage import BARE, ECHO, SAMPLE, only

_SOON = Budget(timeout=30, interval=0.1, firm=True)
#: A gateway port that no check uses, for a path that must not exist.
SPARE_PORT = 15008


@contextmanager
def routes_between_networks(scene: Scene) -> Breaking:
    """Route the pod ranges of the two clusters to each other."""
    with pod_routes(scene.provider, scene.lab, scene.client, scene.server):
        yield


@contextmanager
def route_removed(scene: Scene) -> Breaking:
    """Take every way between the two clusters, and with it the one between their pods."""
    if not isinstance(scene.provider, CanPartition):
        raise HarnessError(f"provider {scene.provider.name} cannot cut clusters off")
    with scene.provider.partition(scene.lab, one=scene.client.name, other=scene.server.name):
        yield


@contextmanager
def false_network_name(scene: Scene) -> Breaking:
    """Declare the server's pods to be on another network, and lead there by a detour."""
    pretended = f"{scene.server.network}-false"
    gate = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "false-gateway",
            "namespace": SAMPLE,
            "labels": {NETWORK_LABEL: pretended},
        },
        "spec": {
            "type": "LoadBalancer",
            "selector": {"app": ECHO.name},
            "ports": [{"name": "tls", "port": PASSTHROUGH_PORT, "targetPort": 8080}],
        },
    }
    with scene.server.applied(gate), relabelled_pods(scene.server, pretended):
        yield


@contextmanager
def equal_pod_subnets(scene: Scene) -> Breaking:
    """Give the server's cluster a node that hands out addresses of the client's."""
    pods = scene.client.plan.nodes[0].pods
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "twin"},
        "spec": {"podCIDR": pods, "podCIDRs": [pods], "unschedulable": True},
    }
    with scene.server.applied(node):
        yield


@contextmanager
def same_network_name_and_routes(scene: Scene) -> Breaking:
    """Route the pods directly and declare the server's pods to be on the client's network."""
    routes = pod_routes(scene.provider, scene.lab, scene.client, scene.server)
    with routes, relabelled_pods(scene.server, scene.client.network):
        yield


@contextmanager
def same_network_name(scene: Scene) -> Breaking:
    """Declare the server's pods to be on the client's network."""
    with relabelled_pods(scene.server, scene.client.network):
        yield


@contextmanager
def gateway_network_label_dropped(scene: Scene) -> Breaking:
    """Remove the network label from the gateway Services of the server's network."""
    with ExitStack() as undo:
        for site in scene.gates:
            undo.enter_context(unlabelled(site))
        yield


@contextmanager
def label_dropped(scene: Scene) -> Breaking:
    """Remove the network label from the gateways (of the Gateway API) of the server's network."""
    with gateway_network_label_dropped(scene):
        yield


@contextmanager
def clusterip_gateway(scene: Scene) -> Breaking:
    """Take the external address from the gateway Services of the server's network."""
    with ExitStack() as undo:
        for site in scene.gates:
            undo.enter_context(unaddressed(site))
        yield


@contextmanager
def gateway_scaled_to_zero(scene: Scene) -> Breaking:
    """Let nobody stand behind the addresses of the gateways of the server's network."""
    with ExitStack() as undo:
        for site in scene.gates:
            shape = site.shape
            undo.enter_context(site.scaled(shape.gateway, shape.gateway_namespace, 0))
        yield


@contextmanager
def ingress_labelled(scene: Scene) -> Breaking:
    """Let the ingress gateway serve as one more gateway of its network."""
    ingress = scene.given("ingress", Ingress)
    site, name = ingress.site, ingress.name
    label = {"metadata": {"labels": {NETWORK_LABEL: site.network}}}
    passing = server(PASSTHROUGH_PORT, "TLS", "AUTO_PASSTHROUGH", hosts=["*.local"])
    opened = gateway(f"{name}-passing", SAMPLE, labels=ingress.labels, servers=[passing])
    with site.config.applied(opened), site.patched("Service", name, label, SAMPLE):
        yield


@contextmanager
def namespace_label_dropped(scene: Scene) -> Breaking:
    """Remove the network label from the system namespace of the client's cluster."""
    patch = {"metadata": {"labels": {NETWORK_LABEL: None}}}
    with scene.client.patched("Namespace", scene.client.shape.system, patch):
        yield


@contextmanager
def services_not_exposed(scene: Scene) -> Breaking:
    """Delete the Gateway objects that expose services of the server's network."""
    with ExitStack() as undo:
        for site in scene.gates:
            undo.enter_context(unexposed(site))
        yield


@contextmanager
def expose_everything(scene: Scene) -> Breaking:
    """Expose every service of the server's cluster by a second Gateway object."""
    port = scene.gate.shape.gateway_port
    everything = server(port, "TLS", "AUTO_PASSTHROUGH", hosts=["*.local"])
    with scene.gate.config.applied(_gateway(scene, "expose-everything", everything)):
        yield


@contextmanager
def simple_tls_server(scene: Scene) -> Breaking:
    """Let the server's gateway end TLS without asking for a client certificate."""
    identity = alien("spiffe://nobody/ns/none/sa/none")
    space, key = scene.gate.shape.gateway_namespace, identity.key_pem
    secret = ca.tls_secret("simple-tls", space, identity.certificate_pem, key)
    port = scene.gate.shape.gateway_port
    simple = server(port, "HTTPS", "SIMPLE", hosts=["*"], credential="simple-tls")
    with scene.gate.applied(secret), terminating(scene.gate, simple):
        yield


@contextmanager
def tls_terminated_at_gateway(scene: Scene) -> Breaking:
    """Let the server's gateway end mutual TLS, so that servers see the gateway's identity."""
    mutual = server(scene.gate.shape.gateway_port, "HTTPS", "ISTIO_MUTUAL", hosts=["*"])
    caller = scene.client.caller(SAMPLE, "probe-b")
    with terminating(scene.gate, mutual):
        eventually(
            lambda: caller.call(only(scene.server).url, count=4, timeout=2.0).identities,
            lambda seen: scene.client.identity(SAMPLE, "probe-b") not in seen,
            what=f"servers in {scene.server} see callers in {scene.client} no more",
            budget=_SOON,
        )
        yield


def _gateway(scene: Scene, name: str, served: Manifest) -> Manifest:
    shape = scene.gate.shape
    return gateway(name, shape.gateway_namespace, labels=shape.gateway_labels, servers=[served])


@contextmanager
def network_view_removed(scene: Scene) -> Breaking:
    """Let the gateway of the check's own cluster forward into every network."""
    site = scene.cluster or scene.gate
    name, system = site.shape.gateway, site.shape.gateway_namespace
    containers = [
        {**c, "env": [e for e in c.get("env", []) if "NETWORK_VIEW" not in e["name"]]}
        for c in pod_spec(site, name, system)["containers"]
    ]
    with other_pods(site, name, system, {"spec": {"containers": containers}}):
        yield


@contextmanager
def false_tls_mode_label(scene: Scene) -> Breaking:
    """Label the server's pod without a proxy as one that speaks mutual TLS."""
    patch = {"metadata": {"labels": {TLS_MODE_LABEL: TLS_MODE}}}
    with ExitStack() as undo:
        for pod in scene.server.pods(SAMPLE, BARE.name):
            name = pod["metadata"]["name"]
            undo.enter_context(scene.server.patched("Pod", name, patch, SAMPLE))
        yield


@contextmanager
def plaintext_bypass(scene: Scene) -> Breaking:
    """Send the check's token in clear, around the mesh, to a plain LoadBalancer Service."""
    exposed = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "bypass", "namespace": SAMPLE},
        "spec": {
            "type": "LoadBalancer",
            "selector": {"app": BARE.name},
            "ports": [{"name": "http", "port": SPARE_PORT, "targetPort": 8080}],
        },
    }
    with scene.server.applied(exposed):
        address = eventually(
            lambda: gateway_address(scene.server.kube, "bypass", SAMPLE),
            bool,
            what="the way around the mesh has an address",
            budget=_SOON,
        )
        url = f"http://{address}:{SPARE_PORT}/{scene.given('token', str)}"
        bare = scene.client.caller(SAMPLE, BARE.name)
        with bare.load(url, rate=20.0, seconds=40.0):
            yield

"""Sabotages of control planes, their certificates and what they inject."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from harness.converge import Budget, eventually
from harness.faults.mesh_config import injector_values, mesh_config
from harness.faults.rollout import pod_template, restart, restart_istiod
from harness.kube import Manifest
from harness.probes.cluster_view import ready_pods
from harness.probes.gateway import address
from harness.probes.injection import told_network
from harness.sabotages.scene import Breaking, Scene
from harness.workloads.rules import gateway, server
from harness.workloads.site import Site
from harness.workloads.stage import SAMPLE

#: Shorter than any outage that CP-11 accepts; istiod issues what the agent asks for.
SHORT_LIVED = "15s"


@contextmanager
def short_certificates(scene: Scene) -> Breaking:
    """Give the server's merged service certificates that expire during the outage."""
    config = f"proxyMetadata:\n  SECRET_TTL: {SHORT_LIVED}\n"
    annotations = {"proxy.istio.io/config": config}
    with pod_template(scene.server, "echo", SAMPLE, annotations=annotations):
        yield


@contextmanager
def no_cacerts(scene: Scene) -> Breaking:
    """Let the last control plane sign with a root of its own making."""
    site = scene.sites[-1]
    try:
        with site.deleted("Secret", site.shape.authority, site.shape.system):
            restart_istiod(site)
            yield
    finally:
        site.kube.delete("Secret", site.shape.own_authority, site.shape.system)
        restart_istiod(site)


@contextmanager
def other_trust_domain(scene: Scene) -> Breaking:
    """Give the server's control plane another trust domain, and one of its callers with it."""
    site = scene.server

    def change(config: Manifest) -> None:
        config["trustDomain"] = "td2"

    def restarted() -> None:
        restart_istiod(site)
        restart(site, "probe-b", SAMPLE)

    try:
        with mesh_config(site, change):
            restarted()
            yield
    finally:
        restarted()


@contextmanager
def network_value_omitted(scene: Scene) -> Breaking:
    """Inject a new pod without the value ``global.network``."""
    site = scene.client

    def change(values: Manifest) -> None:
        values["global"]["network"] = ""

    try:
        with injector_values(site, change):
            _await_injected_network(site, "")
            restart(site, "probe-b", SAMPLE)
            yield
    finally:
        _await_injected_network(site, site.network)
        restart(site, "probe-b", SAMPLE)


def _await_injected_network(site: Site, network: str) -> None:
    """Wait until a pod created now would be injected with ``network`` (asked by dry run)."""
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


@contextmanager
def remote_pilot_address(scene: Scene) -> Breaking:
    """Point the last cluster's proxies at the first one's istiod, as a remote install would."""
    first, last = scene.sites[0], scene.sites[-1]
    if first.network == last.network:
        pods = ready_pods(first.kube, first.shape.system, first.shape.istiod_pods)
        exposed, there = [], str(pods[0]["status"]["podIP"])
    else:
        exposed, there = _exposed_istiod(first), address(first)
    with ExitStack() as undo:
        for site in (first, last):
            undo.callback(restart_istiod, site)
        undo.enter_context(first.applied(*exposed))
        undo.enter_context(_istiod_elsewhere(last, there))
        restart_istiod(last)
        yield


def _exposed_istiod(site: Site) -> list[Manifest]:
    shape = site.shape
    servers = [server(port, "TLS", "PASSTHROUGH", hosts=["*"]) for port in (15012, 15017)]
    host = f"{shape.istiod}.{shape.system}.svc.cluster.local"
    routes = [
        {
            "match": [{"port": port, "sniHosts": ["*"]}],
            "route": [{"destination": {"host": host, "port": {"number": number}}}],
        }
        for port, number in ((15012, 15012), (15017, 443))
    ]
    return [
        gateway("istiod-gateway", shape.system, labels=shape.gateway_labels, servers=servers),
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": "istiod-vs", "namespace": shape.system},
            "spec": {"hosts": ["*"], "gateways": ["istiod-gateway"], "tls": routes},
        },
    ]


@contextmanager
def _istiod_elsewhere(site: Site, address: str) -> Iterator[None]:
    shape = site.shape
    labels = {
        "kubernetes.io/service-name": shape.istiod,
        "endpointslice.kubernetes.io/managed-by": "meshproof",
    }
    ports = [("https-dns", 15012), ("https-webhook", 15017)]
    elsewhere = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "istiod-elsewhere", "namespace": shape.system, "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": name, "port": port, "protocol": "TCP"} for name, port in ports],
    }
    unselected = {"spec": {"selector": None}}
    own = f"kubernetes.io/service-name={shape.istiod}"
    with site.patched("Service", shape.istiod, unselected, shape.system):
        for piece in site.kube.list("EndpointSlice", shape.system, labels=own):
            site.kube.delete("EndpointSlice", piece["metadata"]["name"], shape.system)
        with site.applied(elsewhere):
            yield

"""Sabotages of machines: what their administrators write and do wrongly."""

import re
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from harness.converge import Budget, eventually
from harness.faults.networks import machine_routes
from harness.faults.rollout import istiod_environment
from harness.kube import Manifest
from harness.meshes import ca
from harness.meshes.addresses import external_addresses
from harness.meshes.base import XDS_PORT
from harness.sabotages.fabric import gateway_network_label_dropped
from harness.sabotages.scene import Breaking, Scene
from harness.workloads.guest import Guest
from harness.workloads.neighbours import OTHER_ACCOUNT
from harness.workloads.site import Site
from harness.workloads.stage import BARE, SAMPLE

#: An address that nobody has (RFC 5737, TEST-NET-1).
NOBODY = "192.0.2.7"
_CLOSED = Budget(timeout=60, interval=0.2, successes=3, firm=True)


@contextmanager
def wrong_root_cert(scene: Scene) -> Breaking:
    """Put the certificate of another root on the machine."""
    other = ca.make_root("Another Root").certificate_pem
    with _guest(scene).delivering("root-cert.pem", lambda _: other):
        yield


@contextmanager
def istiod_not_exposed(scene: Scene) -> Breaking:
    """Take the Gateway away that exposes istiod; its port is closed when the body runs."""
    guest = _guest(scene)
    with ExitStack() as undo:
        for site in guest.site.control_planes:
            for gateway in site.gateways:
                undo.enter_context(site.deleted("Gateway", "istiod-gateway", gateway.namespace))
                service = site.kube.get("Service", gateway.workload, gateway.namespace)
                for address in external_addresses(service):
                    _await_closed(site, address)
        yield


@contextmanager
def istiod_route_deleted(scene: Scene) -> Breaking:
    """Delete what leads from the gateway to the control plane."""
    with istiod_not_exposed(scene):
        yield


@contextmanager
def route_removed(scene: Scene) -> Breaking:
    """Take the machine's ways to pods of its cluster."""
    guest = _guest(scene)
    with ExitStack() as undo:
        for node in guest.site.plan.nodes:
            way = (node.pods, "via", node.address)
            guest.vm.run(["ip", "route", "delete", *way]).checked()
            undo.callback(guest.vm.run, ["ip", "route", "add", *way])
        yield


@contextmanager
def routes_between_networks(scene: Scene) -> Breaking:
    """Route the machine's network and the pods of its cluster to each other."""
    guest = _guest(scene)
    with machine_routes(scene.provider, scene.lab, guest.site, guest.vm.address):
        yield


@contextmanager
def dns_capture_off(scene: Scene) -> Breaking:
    """Tell the machine's proxy not to answer DNS."""
    pattern = re.compile("^(ISTIO_META_DNS_CAPTURE)=.*$", re.MULTILINE)
    with _guest(scene).delivering("cluster.env", lambda text: pattern.sub(r"\1=false", text)):
        yield


@contextmanager
def other_service_account(scene: Scene) -> Breaking:
    """Give the WorkloadGroup another service account."""
    with _guest(scene).writing("WorkloadGroup", _template(serviceAccount=OTHER_ACCOUNT)):
        yield


@contextmanager
def other_network(scene: Scene) -> Breaking:
    """Say in the WorkloadGroup that its machines are on another network than they are."""
    with _guest(scene).writing("WorkloadGroup", _template(network="vm-network")):
        yield


@contextmanager
def equal_networks(scene: Scene) -> Breaking:
    """Say in the WorkloadGroup that its machines are on the network of the cluster."""
    guest = _guest(scene)
    with guest.writing("WorkloadGroup", _template(network=guest.site.network)):
        yield


@contextmanager
def other_app_label(scene: Scene) -> Breaking:
    """Give the WorkloadEntry another app label."""
    with _guest(scene).writing("WorkloadEntry", _labels(app="goodbye")):
        yield


@contextmanager
def label_mismatch(scene: Scene) -> Breaking:
    """Let the labels of the WorkloadEntry miss the selector."""
    with _guest(scene).writing("WorkloadEntry", _labels(tier="neither")):
        yield


@contextmanager
def selector_mismatch(scene: Scene) -> Breaking:
    """Let the selector of the ServiceEntry miss the labels."""
    selector = {"spec": {"workloadSelector": {"labels": {"app": "goodbye"}}}}
    with _guest(scene).writing("ServiceEntry", selector):
        yield


@contextmanager
def wrong_address(scene: Scene) -> Breaking:
    """Put an address into the WorkloadEntry that nobody has."""
    with _guest(scene).writing("WorkloadEntry", {"spec": {"address": NOBODY}}):
        yield


@contextmanager
def autoregister_missing(scene: Scene) -> Breaking:
    """Make the machine's files without asking for registration."""
    with _guest(scene).never_registering():
        yield


@contextmanager
def long_grace_period(scene: Scene) -> Breaking:
    """Let control planes keep the entries of machines that are gone for an hour."""
    with ExitStack() as undo:
        for site in _guest(scene).site.control_planes:
            patient = istiod_environment(site, PILOT_WORKLOAD_ENTRY_GRACE_PERIOD="1h")
            undo.enter_context(patient)
        yield


@contextmanager
def entry_on_the_clients_network(scene: Scene) -> Breaking:
    """Say in the WorkloadEntry that the machine is on the network of its clients."""
    patch = {"spec": {"network": scene.client.network}}
    with _guest(scene).writing("WorkloadEntry", patch):
        yield


@contextmanager
def gateway_registration_removed(scene: Scene) -> Breaking:
    """Remove the network label from the gateway Services of the machine's network."""
    with gateway_network_label_dropped(replace(scene, target=_guest(scene).site)):
        yield


@contextmanager
def no_probe(scene: Scene) -> Breaking:
    """Leave the probe out of the WorkloadGroup."""
    with _guest(scene).writing("WorkloadGroup", {"spec": {"probe": None}}):
        yield


@contextmanager
def rule_on_other_host(scene: Scene) -> Breaking:
    """Write the routes for another host."""
    with _guest(scene).writing("VirtualService", {"spec": {"hosts": ["another.example"]}}):
        yield


@contextmanager
def certificates_deleted(scene: Scene) -> Breaking:
    """Delete the certificate that the machine was given, and its key, before the restart."""
    with _guest(scene).forgetting("/etc/certs/cert-chain.pem", "/etc/certs/key.pem"):
        yield


def _guest(scene: Scene) -> Guest:
    """Return the machine of the check, declared by the topology or not."""
    return scene.given("visitor" if "visitor" in scene.fixtures else "guest", Guest)


def _template(**fields: str) -> Manifest:
    return {"spec": {"template": fields}}


def _labels(**labels: str) -> Manifest:
    return {"spec": {"labels": labels}}


def _await_closed(site: Site, address: str) -> None:
    """Wait until a gateway's port for control planes takes no connection."""
    eventually(
        lambda: site.caller(SAMPLE, BARE.name).connect(address, XDS_PORT).served,
        lambda open_: not open_,
        what=f"port {XDS_PORT} of {address} is closed",
        budget=_CLOSED,
    )

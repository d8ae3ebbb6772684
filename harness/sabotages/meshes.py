"""Sabotages of what keeps meshes apart."""

from contextlib import ExitStack, contextmanager

from harness.faults.authorities import same_authority, untrusted
from harness.faults.bundle_endpoint import BundleEndpoint
from harness.faults.exposure import exposing
from harness.faults.injection import injected_otherwise
from harness.faults.mesh_config import injector_values, mesh_config, trusting
from harness.faults.networks import pod_routes
from harness.faults.remote_secrets import linked
from harness.kube import Manifest
from harness.meshes.base import MESH_VARIABLE
from harness.sabotages.scene import Breaking, Scene
from harness.workloads.echo import PORTS
from harness.workloads.foreign import UNLISTED
from harness.workloads.stage import ECHO, SAMPLE


@contextmanager
def meshes_merged(scene: Scene) -> Breaking:
    """Tell the control planes of two meshes of each other's clusters."""
    with ExitStack() as undo:
        for site, other in ((scene.client, scene.server), (scene.server, scene.client)):
            undo.enter_context(linked(site, other))
        yield


@contextmanager
def one_root_for_both(scene: Scene) -> Breaking:
    """Let the server's mesh sign as the client's does, and admit the client's trust domain."""
    admitted = mesh_config(scene.server, trusting(scene.client.shape.trust_domain))
    with admitted, same_authority(scene.server, scene.client):
        yield


@contextmanager
def equal_mesh_ids(scene: Scene) -> Breaking:
    """Give proxies of the server's mesh the mesh ID of the client's."""

    def change(values: Manifest) -> None:
        values["global"]["meshID"] = scene.client.mesh

    site, word = scene.server, scene.client.mesh
    with injected_otherwise(site, injector_values(site, change), MESH_VARIABLE, word):
        yield


@contextmanager
def bundle_removed(scene: Scene) -> Breaking:
    """Take the root of the client's mesh from those that the server's trusts."""
    with untrusted(scene.server, scene.client):
        yield


@contextmanager
def wrong_bundle(scene: Scene) -> Breaking:
    """Let bundle endpoints offer the root of a stranger."""
    with scene.given("bundle_endpoint", BundleEndpoint).misleading():
        yield


@contextmanager
def trust_domain_listed(scene: Scene) -> Breaking:
    """List one more trust domain in the server's mesh."""
    with mesh_config(scene.server, trusting(UNLISTED)):
        yield


@contextmanager
def expose_everything(scene: Scene) -> Breaking:
    """Let the gateways of the server's mesh expose every service."""
    with ExitStack() as undo:
        for site in scene.gates:
            undo.enter_context(exposing(site, hosts=["*.local"]))
        yield


@contextmanager
def import_deleted(scene: Scene) -> Breaking:
    """Let the client's mesh forget what the server's offers to it."""
    with ExitStack() as undo:
        for entry in _imports(scene):
            place = entry["metadata"]["name"], entry["metadata"]["namespace"]
            undo.enter_context(scene.client.config.deleted("ServiceEntry", *place))
        yield


@contextmanager
def direct_import(scene: Scene) -> Breaking:
    """Import the pods themselves, on networks that are routed to each other."""
    pods = [pod["status"]["podIP"] for pod in scene.server.pods(SAMPLE, ECHO.name)]
    with ExitStack() as undo:
        undo.enter_context(pod_routes(scene.provider, scene.lab, scene.client, scene.server))
        for entry in _imports(scene):
            (first, *_) = entry["spec"]["endpoints"]
            there = {**first, "ports": dict.fromkeys(first["ports"], PORTS["http"])}
            patch = {"spec": {"endpoints": [{**there, "address": pod} for pod in pods]}}
            place = entry["metadata"]["name"], patch, entry["metadata"]["namespace"]
            undo.enter_context(scene.client.config.patched("ServiceEntry", *place))
        yield


def _imports(scene: Scene) -> list[Manifest]:
    """Return the ServiceEntries by which the client's mesh knows services of the server's."""
    names = {each.name for each in scene.client.imports if each.exporter == scene.server.mesh}
    entries = scene.client.config.kube.list("ServiceEntry")
    return [entry for entry in entries if names & {*entry["spec"]["hosts"]}]

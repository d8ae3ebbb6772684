"""Sabotages of control planes, their certificates and what they inject."""

from contextlib import ExitStack, contextmanager

from harness.faults.authorities import other_root, own_root, same_authority
from harness.faults.control_planes import configured_by
from harness.faults.injection import injected_as, injected_by, injected_otherwise
from harness.faults.mesh_config import distrusting, injector_values, mesh_config
from harness.faults.rollout import istiod_environment, pod_template, restart_istiod
from harness.faults.upgrades import Upgrade
from harness.kube import Manifest
from harness.meshes.base import MESH_VARIABLE, NETWORK_VARIABLE
from harness.probes.cluster_view import ready_pods
from harness.sabotages.scene import Breaking, Scene
from harness.workloads.site import governing
from harness.workloads.stage import ECHO, OLD_DOMAIN, SAMPLE

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
def other_trust_domain(scene: Scene) -> Breaking:
    """Give the server's control plane another trust domain, and its workloads with it."""
    site = scene.server

    def change(config: Manifest) -> None:
        config["trustDomain"] = "td2"

    def restarted() -> None:
        restart_istiod(site.control_plane)
        for workload in ("echo", "probe-b"):
            site.restart(workload, SAMPLE)

    try:
        with mesh_config(site, change):
            restarted()
            yield
    finally:
        restarted()


@contextmanager
def aliases_dropped(scene: Scene) -> Breaking:
    """Let the old trust domain no longer stand for the one of the mesh."""
    with ExitStack() as undo:
        for site in governing(scene.sites):
            undo.enter_context(mesh_config(site, distrusting(OLD_DOMAIN)))
        yield


@contextmanager
def network_value_omitted(scene: Scene) -> Breaking:
    """Inject a new pod without the value ``global.network``."""

    def change(values: Manifest) -> None:
        values["global"]["network"] = ""

    site = scene.client
    with injected_otherwise(site, injector_values(site, change), NETWORK_VARIABLE, ""):
        yield


@contextmanager
def wrong_net_in_injection_path(scene: Scene) -> Breaking:
    """Ask istiod, by the path of the injector, to put new pods on another network."""
    site = scene.client
    with injected_as(site, network=f"{site.network}-false"):
        yield


@contextmanager
def remote_pilot_address(scene: Scene) -> Breaking:
    """Point the last cluster's proxies at the first one's istiod, as a remote install would."""
    first, *_, last = scene.control_planes
    with configured_by(first, instead_of=last):
        yield


@contextmanager
def proxies_on_other_istiod(scene: Scene) -> Breaking:
    """Point the server's proxies at the client's istiod."""
    with configured_by(scene.client.control_plane, instead_of=scene.server):
        yield


@contextmanager
def headless_off(scene: Scene) -> Breaking:
    """Switch off headless Services that span clusters in the client's control plane."""
    with istiod_environment(scene.client, ENABLE_MULTICLUSTER_HEADLESS="false"):
        yield


@contextmanager
def timeout_disabled(scene: Scene) -> Breaking:
    """Let the client's control plane wait for ever for clusters that it cannot read."""
    with istiod_environment(scene.client, PILOT_REMOTE_CLUSTER_TIMEOUT="0"):
        yield


@contextmanager
def shared_control_plane(scene: Scene) -> Breaking:
    """Let the client's control plane manage the server's cluster too."""
    with proxies_on_other_istiod(scene):
        yield


@contextmanager
def second_cluster_made_remote(scene: Scene) -> Breaking:
    """Let the first control plane manage the last one's cluster too."""
    with remote_pilot_address(scene):
        yield


@contextmanager
def clients_proxies_elsewhere(scene: Scene) -> Breaking:
    """Point the client's proxies at the server's istiod."""
    with configured_by(scene.server.control_plane, instead_of=scene.client):
        yield


@contextmanager
def injector_elsewhere(scene: Scene) -> Breaking:
    """Let new pods of the server's cluster be injected by somebody who is not there."""
    with injected_by(scene.server, "nobody"):
        yield


@contextmanager
def single_replica_unschedulable(scene: Scene) -> Breaking:
    """Keep new replicas of the client's control plane from every node."""
    home = scene.client.control_plane
    with ExitStack() as undo:
        for node in home.kube.list("Node"):
            patch = {"spec": {"unschedulable": True}}
            undo.enter_context(home.patched("Node", node["metadata"]["name"], patch))
        yield


@contextmanager
def service_bound_to_one_pod(scene: Scene) -> Breaking:
    """Let proxies of the client's cluster find just the istiod that runs now, and no other."""
    home = scene.client.control_plane
    shape, only = home.shape, {"meshproof.io/only": "this"}
    with ExitStack() as undo:
        for pod in ready_pods(home.kube, shape.system, shape.istiod_pods):
            labels = {"metadata": {"labels": only}}
            home.kube.patch("Pod", pod["metadata"]["name"], labels, shape.system)
        bound = {"spec": {"selector": only}}
        undo.enter_context(home.patched("Service", shape.istiod, bound, shape.system))
        yield


@contextmanager
def no_cacerts(scene: Scene) -> Breaking:
    """Let the last control plane sign with a root of its own making."""
    with own_root(scene.control_planes[-1]):
        yield


@contextmanager
def alien_ca_later(scene: Scene) -> Breaking:
    """Plug an alien authority into a control plane when pods of its remotes have started."""
    with other_root(scene.control_planes[0]):
        yield


@contextmanager
def same_intermediate(scene: Scene) -> Breaking:
    """Plug the authority of the first primary into the last one."""
    first, *_, last = scene.control_planes
    with same_authority(last, first):
        yield


@contextmanager
def different_root(scene: Scene) -> Breaking:
    """Plug an authority of another root into the server's control plane."""
    with other_root(scene.server):
        yield


@contextmanager
def other_mesh_id(scene: Scene) -> Breaking:
    """Give the server's callers another mesh ID than all others have."""

    def change(values: Manifest) -> None:
        values["global"]["meshID"] = "other"

    site = scene.server
    with injected_otherwise(site, injector_values(site, change), MESH_VARIABLE, "other"):
        yield


@contextmanager
def other_service_account(scene: Scene) -> Breaking:
    """Run the server's caller under another service account."""
    with pod_template(scene.server, "probe-b", SAMPLE, account="probe-a"):
        yield


@contextmanager
def server_under_other_account(scene: Scene) -> Breaking:
    """Run the server under the service account of a caller."""
    with pod_template(scene.server, ECHO.name, SAMPLE, account="probe-b"):
        yield


@contextmanager
def in_place_install(scene: Scene) -> Breaking:
    """Let what is installed replace the control plane that stands."""
    with scene.given("upgrade", Upgrade).replacing():
        yield

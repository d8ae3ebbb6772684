"""Ways to break what ambient meshes promise across clusters."""

from collections.abc import Sequence
from contextlib import ExitStack, contextmanager

from harness.faults.exposure import unlabelled
from harness.faults.rollout import istiod_environment
from harness.meshes.base import CLUSTER_LABEL
from harness.sabotages.scene import Breaking, Scene
from harness.workloads.ambient import (
    GLOBAL_LABEL,
    GUIDED,
    KEPT,
    SHARED,
    SPACE,
    USE_WAYPOINT_LABEL,
)
from harness.workloads.rules import destination_rule, everywhere
from harness.workloads.site import Site
from harness.workloads.stage import Host, ranked_policy


@contextmanager
def global_label_removed(scene: Scene) -> Breaking:
    """Let each cluster keep the Services that all of them share."""
    with ExitStack() as undo:
        for host in (SHARED, GUIDED):
            undo.enter_context(_labelled(scene.sites, host, GLOBAL_LABEL, None))
        yield


@contextmanager
def global_label_added(scene: Scene) -> Breaking:
    """Share the Service that each cluster keeps."""
    with _labelled(scene.sites, KEPT, GLOBAL_LABEL, "true"):
        yield


@contextmanager
def multi_network_off(scene: Scene) -> Breaking:
    """Let the client's control plane know of one network only."""
    with istiod_environment(scene.client, AMBIENT_ENABLE_MULTI_NETWORK="false"):
        yield


@contextmanager
def waypoint_unused(scene: Scene) -> Breaking:
    """Let requests pass the waypoint by, which alone knows the rule."""
    with _labelled(scene.sites, GUIDED, USE_WAYPOINT_LABEL, None):
        yield


@contextmanager
def no_outlier_detection(scene: Scene) -> Breaking:
    """Take outlier detection from the rule: without it no endpoint comes before another."""
    policy = ranked_policy(CLUSTER_LABEL)
    del policy["outlierDetection"]
    rule = destination_rule(GUIDED.name, SPACE, host=GUIDED.fqdn, policy=policy)
    with everywhere(scene.sites, rule):
        yield


@contextmanager
def network_label_dropped(scene: Scene) -> Breaking:
    """Let the gateway say of no network that it leads into it."""
    with unlabelled(scene.client):
        yield


@contextmanager
def _labelled(sites: Sequence[Site], host: Host, label: str, value: str | None) -> Breaking:
    patch = {"metadata": {"labels": {label: value}}}
    with ExitStack() as undo:
        for site in sites:
            undo.enter_context(site.patched("Service", host.name, patch, host.namespace))
        yield

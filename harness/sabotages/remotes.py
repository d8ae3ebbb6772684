"""Sabotages of how remote clusters are attached to the control planes that serve them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from harness.faults.authorities import copied_authority
from harness.faults.remote_secrets import (
    copied_secret,
    nobody,
    powerless_secret,
    without_secret,
)
from harness.faults.remotes import (
    istiod_unexposed,
    led_elsewhere,
    led_to,
    own_istiod,
    published_istiod,
    unannotated,
    unread,
)
from harness.faults.rollout import istiod_environment, restart_istiods
from harness.faults.upgrades import Upgrade
from harness.sabotages.discovery import STRANGER
from harness.sabotages.scene import Breaking, Scene
from harness.workloads.restoring import without_server_fields
from harness.workloads.rules import aborting
from harness.workloads.site import Site, governing
from harness.workloads.stage import ECHO, SAMPLE


@contextmanager
def default_profile_remote(scene: Scene) -> Breaking:
    """Give the remote a control plane of its own."""
    with own_istiod(scene.client):
        yield


@contextmanager
def istiod_not_exposed(scene: Scene) -> Breaking:
    """Take the way from the remote to its control plane."""
    with istiod_unexposed(scene.client):
        yield


@contextmanager
def istiod_route_deleted(scene: Scene) -> Breaking:
    """Delete what leads from the gateway to the control plane."""
    with istiod_unexposed(scene.client):
        yield


@contextmanager
def injection_disabled(scene: Scene) -> Breaking:
    """Let new pods of the remote come up without a proxy, which needs nobody's leave."""
    labels = {"istio-injection": "disabled", "istio.io/rev": None}
    with scene.client.patched("Namespace", SAMPLE, {"metadata": {"labels": labels}}):
        yield


@contextmanager
def no_remote_secret(scene: Scene) -> Breaking:
    """Take the credentials for the remote before the check does, and give them back after it."""
    with unread(scene.client):
        yield


@contextmanager
def annotation_missing(scene: Scene) -> Breaking:
    """Let no control plane know that it may write to the remote."""
    with unannotated(scene.client):
        yield


@contextmanager
def second_cluster_made_primary(scene: Scene) -> Breaking:
    """Give each plain remote a control plane of its own, and its callers to that."""
    upgrade = Upgrade(scene.lab, scene.mesh)
    with ExitStack() as undo:
        for site in scene.sites:
            if site.name not in {config.name for config in site.configs}:
                undo.enter_context(_made_primary(site, upgrade))
        yield


@contextmanager
def _made_primary(site: Site, upgrade: Upgrade) -> Iterator[None]:
    authority = copied_authority(site)
    with authority, upgrade.revision(site, "own") as shape, ExitStack() as undo:
        undo.callback(site.restart, ECHO.name, SAMPLE)
        undo.enter_context(upgrade.labelled(site, SAMPLE, shape))
        site.restart(ECHO.name, SAMPLE)
        yield


@contextmanager
def rule_in_both_clusters(scene: Scene) -> Breaking:
    """Apply the check's rule in the config cluster as well."""
    word = scene.given("token", str)
    rule = aborting("abort-everywhere", SAMPLE, host=ECHO.fqdn, word=word)
    with scene.client.config.applied(rule):
        yield


@contextmanager
def powerless_token(scene: Scene) -> Breaking:
    """Let the control plane read remotes with tokens that may read nothing."""
    planes = governing(scene.sites)
    remotes = [site for site in scene.sites if site.name not in {each.name for each in planes}]
    with ExitStack() as undo:
        undo.callback(restart_istiods, planes)
        for site in remotes:
            undo.enter_context(powerless_secret(site))
        restart_istiods(planes)
        yield


@contextmanager
def one_address_only(scene: Scene) -> Breaking:
    """Lead the remote to the first of its control planes alone."""
    with led_elsewhere(scene.client, sorted(led_to(scene.client).addresses)[:1]):
        yield


@contextmanager
def one_more_secret(scene: Scene) -> Breaking:
    """Tell the first control plane of a cluster that no topology has."""
    plane = scene.control_planes[0]
    with copied_secret(plane, STRANGER, server=nobody(plane)):
        yield


@contextmanager
def secret_missing_in_second_primary(scene: Scene) -> Breaking:
    """Let the last control plane that serves the remote know nothing of it."""
    last = scene.client.control_planes[-1]
    with without_secret(last, scene.client):
        yield


@contextmanager
def exposed_in_remote_only(scene: Scene) -> Breaking:
    """Move the Gateway object that exposes services from where it counts to the remote."""
    gate = scene.gate
    config = gate.config
    shape = gate.shape
    where = (shape.exposure_kind, shape.exposure, shape.gateway_namespace)
    moved = without_server_fields(config.kube.get(*where))
    elsewhere = next(site for site in scene.sites if site.name != config.name)
    with elsewhere.applied(moved), config.deleted(*where):
        yield


@contextmanager
def nodeport_istiod(scene: Scene) -> Breaking:
    """Publish the control plane past its gateway, and lead the remote there."""
    site = scene.client
    with published_istiod(site.control_plane) as address, led_elsewhere(site, [address]):
        yield


@contextmanager
def wrong_injection_url(scene: Scene) -> Breaking:
    """Lead the remote's webhooks to an address that nobody has."""
    site = scene.client
    with led_elsewhere(site, [site.control_plane.plan.load_balancers[-1]]):
        yield


@contextmanager
def operator_manage_webhooks_off(scene: Scene) -> Breaking:
    """Give the host the webhook that an external istiod's installation makes by default."""
    site = scene.client
    kind = "MutatingWebhookConfiguration"
    first = site.kube.list(kind, labels="app=sidecar-injector")[0]
    hook = {**without_server_fields(first), "kind": kind}
    hook["webhooks"] = [{**each, "failurePolicy": "Ignore"} for each in hook["webhooks"]]
    with site.control_plane.applied(hook):
        yield


@contextmanager
def shared_mesh_config_unset(scene: Scene) -> Breaking:
    """Let the external istiod know nothing of the administrator's settings."""
    with istiod_environment(scene.client, SHARED_MESH_CONFIG=""):
        yield

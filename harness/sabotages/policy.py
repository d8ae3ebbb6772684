"""Sabotages of authentication, authorization and the rules that callers are subject to."""

from collections.abc import Sequence
from contextlib import ExitStack, contextmanager

from harness.kube import Manifest
from harness.meshes.base import CLUSTER_LABEL
from harness.sabotages.scene import Breaking, Scene
from harness.workloads.echo import PORTS, Echo
from harness.workloads.rules import (
    aborting,
    authorization,
    destination_rule,
    everywhere,
    mesh_wide,
    peer_authentication,
    virtual_service,
    word_of,
)
from harness.workloads.site import configuring
from harness.workloads.stage import (
    ECHO,
    GUARDED,
    HTTP_PORT,
    KEPT,
    NEAR,
    OTHER,
    RANKED,
    SAMPLE,
    SPARING,
    SPLIT,
    TENANT,
    guard,
    keeping,
    near_policy,
    ranked_policy,
    retried,
    retrying,
    version_of,
)


@contextmanager
def mtls_disabled(scene: Scene) -> Breaking:
    """Switch mutual TLS off for the whole mesh."""
    with everywhere(scene.sites, mesh_wide(scene.client, "default", "DISABLE")):
        yield


@contextmanager
def permissive_policy(scene: Scene) -> Breaking:
    """Put an older mesh-wide policy in place that admits plaintext: the oldest one counts."""
    older = mesh_wide(scene.client, "a-permissive", "PERMISSIVE")
    with everywhere(scene.sites, older):
        yield


@contextmanager
def permissive_namespace(scene: Scene) -> Breaking:
    """Put an older policy in the namespace of the merged service that admits plaintext."""
    with everywhere(scene.sites, peer_authentication("a-permissive", SAMPLE, "PERMISSIVE")):
        yield


@contextmanager
def policy_in_one_cluster(scene: Scene) -> Breaking:
    """Have an older policy for the merged service in the client's primary: the oldest one counts.

    So what ends mutual TLS later does so everywhere else alone.
    """
    older = peer_authentication("a-older", SAMPLE, "PERMISSIVE", app=ECHO.name)
    with scene.client.config.applied(older):
        yield


@contextmanager
def mtls_off_for_one_port(scene: Scene) -> Breaking:
    """Switch mutual TLS off for the TCP port of the merged service, in the client's primary."""
    ports = {PORTS["tcp-echo"]: "DISABLE"}
    policy = peer_authentication("one-port", SAMPLE, "PERMISSIVE", app=ECHO.name, ports=ports)
    with scene.client.config.applied(policy):
        yield


@contextmanager
def validation_off(scene: Scene) -> Breaking:
    """Let nobody judge configuration before the client's control plane gets it."""
    config, kind = scene.client.config, "ValidatingWebhookConfiguration"
    with ExitStack() as undo:
        for found in config.kube.list(kind):
            services = [each["clientConfig"].get("service", {}) for each in found["webhooks"]]
            if any(each.get("namespace") == config.shape.system for each in services):
                undo.enter_context(config.deleted(kind, found["metadata"]["name"]))
        yield


@contextmanager
def deny_all(scene: Scene) -> Breaking:
    """Admit nobody to the namespace of the merged service."""
    with everywhere(scene.sites, authorization("deny-all", SAMPLE)):
        yield


@contextmanager
def allow_all_rule(scene: Scene) -> Breaking:
    """Add a rule that admits everyone; ALLOW policies add up."""
    with everywhere(scene.sites, authorization("allow-all", SAMPLE, sources=[{}])):
        yield


@contextmanager
def any_namespace(scene: Scene) -> Breaking:
    """Admit callers of every namespace."""
    policy = authorization("any-namespace", SAMPLE, sources=[{"namespaces": ["*"]}])
    with everywhere(scene.sites, policy):
        yield


@contextmanager
def any_principal(scene: Scene) -> Breaking:
    """Admit every caller that has proved any identity."""
    policy = authorization("any-principal", SAMPLE, sources=[{"principals": ["*"]}])
    with everywhere(scene.sites, policy):
        yield


@contextmanager
def rule_in_both_primaries(scene: Scene) -> Breaking:
    """Apply the client's rule in the server's cluster too, under another name."""
    word = word_of(scene.client)
    again = aborting(f"abort-{word}-again", SAMPLE, host=ECHO.fqdn, word=word)
    with scene.server.config.applied(again):
        yield


@contextmanager
def rule_missing_in_one_primary(scene: Scene) -> Breaking:
    """Take the split out of the primary that configures the check's client."""
    with scene.client.config.deleted("VirtualService", SPLIT.name, SAMPLE):
        yield


@contextmanager
def rule_missing_for_one_cluster(scene: Scene) -> Breaking:
    """Take the client's cluster out of the rules that keep requests in the caller's own."""
    config = scene.client.config
    rule = config.kube.get("VirtualService", KEPT.name, SAMPLE)
    own = keeping(scene.client)["match"]
    others = [route for route in rule["spec"]["http"] if route["match"] != own]
    with config.patched("VirtualService", KEPT.name, {"spec": {"http": others}}, SAMPLE):
        yield


@contextmanager
def older_rule_for_the_host(scene: Scene) -> Breaking:
    """Have a rule for the merged host in the client's primary already: the oldest one counts."""
    route = [{"destination": {"host": ECHO.fqdn}}]
    older = virtual_service("older", SAMPLE, hosts=[ECHO.fqdn], http=[{"route": route}])
    with scene.client.config.applied(older):
        yield


@contextmanager
def policy_missing_in_one_primary(scene: Scene) -> Breaking:
    """Take the standing policy out of the primary that configures the server's cluster."""
    with scene.server.config.deleted("AuthorizationPolicy", GUARDED, SAMPLE):
        yield


@contextmanager
def policy_in_remote_only(scene: Scene) -> Breaking:
    """Move the standing policy from the primary to clusters that take no configuration."""
    home = scene.server.config
    with ExitStack() as undo:
        for site in scene.sites:
            if site.name != home.name:
                undo.enter_context(site.applied(guard()))
        undo.enter_context(home.deleted("AuthorizationPolicy", GUARDED, SAMPLE))
        yield


@contextmanager
def foreign_mirror(scene: Scene) -> Breaking:
    """Let the other tenant have what is sent to the merged service mirrored to itself."""
    route = {
        "route": [{"destination": {"host": ECHO.fqdn}}],
        "mirror": {"host": TENANT.fqdn, "port": {"number": HTTP_PORT}},
    }
    rule = virtual_service("foreign-mirror", OTHER, hosts=[ECHO.fqdn], http=[route])
    with everywhere(scene.sites, rule):
        yield


@contextmanager
def same_namespace(scene: Scene) -> Breaking:
    """Deploy an instance of the second cluster in the namespace of the first one's service."""
    version = version_of(scene.client, scene.sites)
    copy = Echo(name="copy", app="echo", namespace=SAMPLE, version=version)
    with scene.server.applied(*copy.manifests(scene.server.name)):
        scene.server.rolled_out("copy", SAMPLE)
        yield


@contextmanager
def locality_preference(scene: Scene) -> Breaking:
    """Prefer the client's region by a locality rule for the merged service."""
    with everywhere(scene.sites, _rule_for_echo(near_policy())):
        yield


@contextmanager
def other_weights(scene: Scene) -> Breaking:
    """Give a tenth of the first version's weight to the second one."""
    config = scene.client.config
    rule = config.kube.get("VirtualService", SPLIT.name, SAMPLE)
    (route,) = rule["spec"]["http"]
    first, second, *others = route["route"]
    moved = [
        {**first, "weight": first["weight"] - 10},
        {**second, "weight": second["weight"] + 10},
        *others,
    ]
    patch = {"spec": {"http": [{**route, "route": moved}]}}
    with config.patched("VirtualService", SPLIT.name, patch, SAMPLE):
        yield


@contextmanager
def fixed_cluster_split(scene: Scene) -> Breaking:
    """Split evenly by cluster subsets, whatever the number of endpoints."""
    share, rest = divmod(100, len(scene.sites))
    with _split_by_cluster(scene, [share + rest, *([share] * (len(scene.sites) - 1))]):
        yield


@contextmanager
def uneven_cluster_split(scene: Scene) -> Breaking:
    """Give the first cluster twenty more of a hundred requests than the others get together."""
    share, rest = divmod(40, len(scene.sites) - 1)
    with _split_by_cluster(scene, [60 + rest, *([share] * (len(scene.sites) - 1))]):
        yield


@contextmanager
def _split_by_cluster(scene: Scene, weights: Sequence[int]) -> Breaking:
    subsets = [{"name": site.name, "labels": {CLUSTER_LABEL: site.name}} for site in scene.sites]
    rule = destination_rule("fixed-split", SAMPLE, host=ECHO.fqdn, subsets=subsets)
    routes = [
        {"destination": {"host": ECHO.fqdn, "subset": site.name}, "weight": weight}
        for site, weight in zip(scene.sites, weights, strict=True)
    ]
    route = virtual_service("fixed-split", SAMPLE, hosts=[ECHO.fqdn], http=[{"route": routes}])
    with everywhere(scene.sites, rule, route):
        yield


def _rule_for_echo(policy: Manifest) -> Manifest:
    return destination_rule("preference", SAMPLE, host=ECHO.fqdn, policy=policy)


@contextmanager
def no_outlier_detection(scene: Scene) -> Breaking:
    """Remove outlier detection, without which locality has no say and the dead are called."""
    none = {"outlierDetection": None}
    with _traffic_policy(scene, NEAR.name, none), _traffic_policy(scene, SPARING.name, none):
        yield


@contextmanager
def long_ejection(scene: Scene) -> Breaking:
    """Keep ejected endpoints out for an hour."""
    with _traffic_policy(scene, NEAR.name, near_policy("3600s")):
        yield


@contextmanager
def no_retries(scene: Scene) -> Breaking:
    """Let the client's callers give up after the first attempt."""
    patch = {"spec": {"http": [retrying(scene.client, attempts=0)]}}
    rule = retried(scene.client).name
    with scene.client.config.patched("VirtualService", rule, patch, SAMPLE):
        yield


@contextmanager
def foreign_fixed_value(scene: Scene) -> Breaking:
    """Rank endpoints by a label value of the server's cluster instead of the client's own."""
    foreign = f"{CLUSTER_LABEL}={scene.server.name}"
    with _traffic_policy(scene, RANKED.name, ranked_policy(foreign)):
        yield


@contextmanager
def _traffic_policy(scene: Scene, rule: str, policy: Manifest) -> Breaking:
    patch = {"spec": {"trafficPolicy": policy}}
    with ExitStack() as undo:
        for site in configuring(scene.sites):
            undo.enter_context(site.patched("DestinationRule", rule, patch, SAMPLE))
        yield

"""A remote cluster has no control plane of its own and is served by one that runs elsewhere."""

from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest

from harness.converge import Budget, eventually, pause
from harness.faults.remotes import led_to, unread
from harness.faults.rollout import without_istiod
from harness.meshes.base import CLUSTER_VARIABLE, NETWORK_VARIABLE, WEBHOOK_PORT, XDS_PORT
from harness.model import ControlPlane, Lab
from harness.probes.certificates import dns_names_of, issued_by, split
from harness.probes.claims import all_answered, always, served
from harness.probes.gateway import ways_in
from harness.probes.injection import proxy_in, told
from harness.probes.istiod import istiods, synced_on
from harness.providers.base import CanCapture
from harness.sabotages.remotes import (
    annotation_missing,
    default_profile_remote,
    injection_disabled,
    istiod_not_exposed,
    istiod_route_deleted,
    no_remote_secret,
    one_address_only,
    rule_in_both_clusters,
    second_cluster_made_primary,
    secret_missing_in_second_primary,
)
from harness.workloads.echo import namespace
from harness.workloads.newcomer import created, newcomer
from harness.workloads.rules import aborting, everywhere
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, SAMPLE, Stage

#: How soon a control plane must have written to a namespace of a remote; seconds (CP-06).
WRITTEN = 30.0
#: How long a pod that nobody vouches for is watched, in seconds; a usual one is ready in five.
REJECTED = 10.0
#: Seconds for a rule to turn up where it does not belong, and calls per second meanwhile: 50 calls.
SETTLING, RATE = 5.0, 12.0


@pytest.mark.requirement("CP-02")
@pytest.mark.sabotage.with_args(default_profile_remote, breaks="runs an istiod of its own")
@pytest.mark.sabotage.with_args(istiod_not_exposed, breaks="is synced on")
@pytest.mark.disturbs
def test_a_remote_is_configured_from_elsewhere(cluster: Site, stage: Stage) -> None:
    own = cluster.kube.list("Deployment", labels="app=istiod")
    names = [each["metadata"]["name"] for each in own]
    assert not names, f"{cluster} runs an istiod of its own: {names}"
    expected = {f"{caller.pod}.{caller.namespace}" for caller in stage.injected(cluster)}
    eventually(
        lambda: {name for each in cluster.control_planes for name in synced_on(each, cluster.name)},
        expected.issubset,
        what=f"every proxy of {cluster} is synced on an istiod that serves it",
    )


@pytest.mark.requirement("CP-03")
@pytest.mark.sabotage.with_args(istiod_not_exposed, breaks="becomes ready")
@pytest.mark.disturbs
@pytest.mark.usefixtures("stage")  # in whose namespace pods are injected
def test_new_pods_of_a_remote_are_injected(cluster: Site) -> None:
    with newcomer(cluster) as pod:
        assert proxy_in(cluster, pod) is not None, f"a new pod of {cluster} has no proxy"
        assert told(cluster, pod, CLUSTER_VARIABLE) == cluster.name, "told another cluster"
        assert told(cluster, pod, NETWORK_VARIABLE) == cluster.network, "told another network"
    led = led_to(cluster)
    ways = {address for plane in cluster.control_planes for address, _ in ways_in(plane)}
    assert led.addresses <= ways, f"webhooks of {cluster} lead past gateways {ways}: {led}"
    assert WEBHOOK_PORT in led.ports.values(), f"webhooks of {cluster} lead elsewhere: {led}"


@pytest.mark.requirement("CP-04")
@pytest.mark.sabotage.with_args(istiod_route_deleted, breaks="shows a certificate")
@pytest.mark.disturbs
def test_istiod_is_reached_at_a_gateway(
    cluster: Site, stage: Stage, lab: Lab, provider: CanCapture
) -> None:
    shape = cluster.control_plane.shape
    host = f"{shape.istiod}.{shape.system}.svc"
    held = [stage.stranger(site).sidecar.certificates() for site in stage.sites]
    signers = {pem for each in held for pem in (*each.chain_pem[1:], *split(each.root_pem))}
    ways = {address for plane in cluster.control_planes for address, _ in ways_in(plane)}
    for gateway in sorted(ways):
        (reply,) = always(
            partial(stage.bare(cluster).tls, gateway, XDS_PORT, sni=host),
            served,
            what=f"{gateway}:{XDS_PORT} shows a certificate to a pod of {cluster}",
        )
        shown = reply.server_certificate
        assert host in dns_names_of(shown), f"{gateway} shows another name than {host}"
        assert any(issued_by(shown, each) for each in signers), f"no signer of the mesh: {gateway}"
    with provider.capture(lab) as wire, newcomer(cluster):
        flows = eventually(
            lambda: [flow for flow in wire.flows() if flow.target_port == XDS_PORT],
            bool,
            what=f"a new proxy of {cluster} shows on the wire as it asks for configuration",
        )
    strays = [str(flow) for flow in flows if flow.target not in ways]
    assert not strays, f"proxies reach istiod past its gateways {sorted(ways)}: {strays[:5]}"


@pytest.mark.requirement("CP-05")
@pytest.mark.sabotage.with_args(injection_disabled, breaks="is ready while")
@pytest.mark.sabotage.with_args(no_remote_secret, breaks="knows it again")
@pytest.mark.disturbs
@pytest.mark.usefixtures("stage")  # in whose namespace pods are injected
def test_who_may_be_read_may_connect(cluster: Site, waits: Callable[[float], None]) -> None:
    with unread(cluster):
        eventually(
            lambda: known(cluster),
            lambda names: cluster.name not in names,
            what=f"without credentials no istiod knows {cluster}",
        )
        with created(cluster) as name:
            pause(REJECTED, why="a pod that is let in is ready by then")
            early = cluster.pods(SAMPLE, name)
            assert not early, f"a pod of {cluster} is ready while no istiod may read its cluster"
            waits(REJECTED)
    eventually(
        lambda: known(cluster),
        lambda names: cluster.name in names,
        what=f"given credentials for {cluster}, an istiod knows it again",
        budget=Budget(timeout=60, interval=0.2),
    )
    with newcomer(cluster) as pod:  # a new one: what was refused may be tried again much later
        name = pod["metadata"]["labels"]["app"]
        (uri,) = cluster.caller(SAMPLE, name).sidecar.certificates().leaf_uris
        assert uri.endswith(f"/ns/{SAMPLE}/sa/{name}"), f"certified as somebody else: {uri}"


def known(cluster: Site) -> set[str]:
    """Return the clusters that the istiods which serve ``cluster`` know."""
    found = [istiod for plane in cluster.control_planes for istiod in istiods(plane)]
    return {each.name for istiod in found for each in istiod.clusters()}


@pytest.mark.requirement("CP-06")
@pytest.mark.sabotage.with_args(annotation_missing, breaks="is told the root")
@pytest.mark.disturbs
def test_istiod_writes_to_the_remote(cluster: Site, stage: Stage) -> None:
    for found in cluster.kube.list("MutatingWebhookConfiguration", labels="app=sidecar-injector"):
        bundles = [each["clientConfig"].get("caBundle") for each in found["webhooks"]]
        assert all(bundles), f"webhook {found['metadata']['name']} of {cluster} trusts nobody"
    root = split(stage.stranger(cluster).sidecar.certificates().root_pem)
    space = f"fresh-{uuid4().hex[:6]}"
    with cluster.applied(namespace(space, injected=False)):
        eventually(
            lambda: published(cluster, space),
            lambda roots: roots == root,
            what=f"a new namespace of {cluster} is told the root of its mesh",
            budget=Budget(timeout=WRITTEN, interval=0.2),
        )


def published(site: Site, space: str) -> tuple[str, ...]:
    """Return the roots (PEM) that workloads of a namespace are told to trust."""
    found = site.kube.find("ConfigMap", site.shape.published_root, space) or {}
    return split("".join((found.get("data") or {}).values()))


@pytest.mark.requirement("CP-09")
@pytest.mark.sabotage.with_args(rule_in_both_clusters, breaks="binds clients of")
@pytest.mark.sabotage.with_args(
    second_cluster_made_primary, on="same-control-plane", breaks="binds clients of"
)
def test_only_the_config_cluster_configures(
    control_plane: ControlPlane, stage: Stage, token: str, waits: Callable[[float], None]
) -> None:
    clients = [site for site in stage.sites if site.name in control_plane.serves]
    marked = {"x-probe": token}
    rule = aborting(token, SAMPLE, host=ECHO.fqdn, word=token)
    for elsewhere in stage.plainly_remote(control_plane):
        with elsewhere.applied(rule):
            for site in clients:
                load = stage.echo(site).load(ECHO.url, rate=RATE, seconds=SETTLING, headers=marked)
                with load as calls:
                    ledger = calls.ledger()
                bound = [entry for entry in ledger.failed if entry.status == 418]
                assert not bound, f"a rule of {elsewhere} binds clients of {site}: {ledger}"
                assert ledger.ok >= 50, f"{site} could not call often enough: {ledger}"
                waits(SETTLING)
    with everywhere(clients, rule):  # of a remote that is shared, either istiod may be asked
        for site in clients:
            always(
                partial(stage.echo(site).call, ECHO.url, count=10, headers=marked),
                all_answered(418),
                what=f"a rule of {control_plane.config_cluster} is obeyed in {site}",
            )


@pytest.mark.requirement("CP-13")
@pytest.mark.sabotage.with_args(one_address_only, breaks="is synced on")
@pytest.mark.sabotage.with_args(secret_missing_in_second_primary, breaks="is synced on")
@pytest.mark.disturbs
def test_another_control_plane_takes_over(cluster: Site, stage: Stage) -> None:
    expected = {f"{caller.pod}.{caller.namespace}" for caller in stage.injected(cluster)}
    first, *others = cluster.control_planes
    with without_istiod([first]):
        eventually(
            lambda: {name for each in others for name in synced_on(each, cluster.name)},
            expected.issubset,
            what=f"without the istiod of {first}, every proxy of {cluster} is synced on another",
            budget=Budget(timeout=60, interval=0.5),
        )
        with newcomer(cluster) as pod:
            assert proxy_in(cluster, pod) is not None, f"a new pod of {cluster} has no proxy"

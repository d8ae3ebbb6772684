"""A control plane outside of the clusters that it serves, and what becomes of them without it."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import pytest

from harness.converge import eventually
from harness.faults.mesh_config import settings_in
from harness.faults.remotes import led_to
from harness.model import ControlPlane, Lab
from harness.probes.claims import all_answered, always, from_each, served
from harness.probes.gateway import ways_in
from harness.probes.istiod import istiods
from harness.probes.validation import refusal
from harness.providers.base import CanPauseNode
from harness.sabotages.control_plane import short_certificates
from harness.sabotages.remotes import (
    default_profile_remote,
    operator_manage_webhooks_off,
    shared_mesh_config_unset,
    wrong_injection_url,
)
from harness.workloads.newcomer import newcomer
from harness.workloads.rules import authorization, everywhere, virtual_service
from harness.workloads.site import Site, governing
from harness.workloads.stage import BRIEF, ECHO, SAMPLE, Stage, only

#: Requests per second from each cluster.
RATE = 10.0
_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


@pytest.mark.requirement("CP-07")
@pytest.mark.sabotage.with_args(default_profile_remote, breaks="runs an istiod")
@pytest.mark.sabotage.with_args(wrong_injection_url, breaks="lead elsewhere")
@pytest.mark.disturbs
def test_everything_is_served_from_outside(cluster: Site, stage: Stage) -> None:
    own = [
        each["metadata"]["name"] for each in cluster.kube.list("Deployment", labels="app=istiod")
    ]
    assert not own, f"{cluster} runs an istiod of its own: {own}"
    ways = {address for address, _ in ways_in(cluster.control_plane)}
    led = led_to(cluster)
    assert led.addresses == ways, f"webhooks of {cluster} lead elsewhere than to {ways}: {led}"
    with newcomer(cluster) as pod:
        held = cluster.caller(SAMPLE, pod["metadata"]["labels"]["app"]).sidecar.certificates()
        assert held.leaf_uris, f"a new pod of {cluster} has no identity"
    nonsense = virtual_service("nonsense", SAMPLE, hosts=[], http=[])
    said = refusal(cluster.config, nonsense)
    assert "denied the request" in said, f"{cluster.config} lets in what istiod refuses: {said}"
    always(
        lambda: stage.stranger(cluster).call(only(cluster).url, count=20),
        served,
        what=f"{cluster} serves its own callers",
    )


@pytest.mark.requirement("CP-08")
@pytest.mark.sabotage.with_args(operator_manage_webhooks_off, breaks="are of the external istiod")
def test_webhooks_of_the_host_are_its_own(control_plane: ControlPlane, stage: Stage) -> None:
    host = next(each for each in governing(stage.sites) if each.name == control_plane.cluster)
    found = [each for kind in _WEBHOOKS for each in host.kube.list(kind)]
    assert found, f"{host} has no webhook at all, so nothing can be told"
    foreign = [
        each["metadata"]["name"]
        for each in found
        if control_plane.namespace in each["metadata"]["name"]
        or control_plane.namespace in {leads_to(hook) for hook in each["webhooks"]}
    ]
    assert not foreign, f"webhooks of {host} are of the external istiod: {foreign}"


def leads_to(webhook: dict[str, object]) -> str:
    """Return the namespace of the Service that a webhook calls; empty if it calls none."""
    config = webhook["clientConfig"]
    assert isinstance(config, dict)
    return str(config.get("service", {}).get("namespace", ""))


@pytest.mark.requirement("CP-18")
@pytest.mark.sabotage.with_args(shared_mesh_config_unset, breaks="administrator alone")
@pytest.mark.disturbs
def test_the_operator_has_the_last_word(control_plane: ControlPlane, stage: Stage) -> None:
    clients = [site for site in stage.sites if site.name in control_plane.serves]
    host, config = clients[0].control_plane, clients[0].config
    operators = {"ingressService": "operator"}
    both = {"ingressService": "administrator", "ingressSelector": "administrator"}
    with ExitStack() as undo:
        undo.enter_context(settings_in(host, lambda found: found.update(operators)))
        undo.enter_context(settings_in(config, lambda found: found.update(both)))
        eventually(
            lambda: [each.debug("mesh").get("ingressService") for each in istiods(host)],
            lambda seen: bool(seen) and set(seen) == {"operator"},
            what=f"istiod of {host} takes the operator's word where both have one",
        )
        eventually(
            lambda: [each.debug("mesh").get("ingressSelector") for each in istiods(host)],
            lambda seen: bool(seen) and set(seen) == {"administrator"},
            what=f"istiod of {host} takes the word of the administrator alone",
        )


@pytest.mark.requirement("OP-10")
@pytest.mark.sabotage.with_args(short_certificates, breaks="failed during the outage")
@pytest.mark.disturbs
def test_members_survive_an_outage_of_the_host(
    control_plane: ControlPlane,
    stage: Stage,
    lab: Lab,
    provider: CanPauseNode,
    outage: float,
    waits: Callable[[float], None],
    notes: Callable[[str], None],
) -> None:
    clients = [site for site in stage.sites if site.name in control_plane.serves]
    own = authorization("own", SAMPLE, app="echo", sources=[{"namespaces": [SAMPLE]}])
    with everywhere(stage.sites, own), ExitStack() as undo:
        for site in clients:
            refused(stage, site, "before the outage")
            eventually(
                partial(stage.stranger(site).call, BRIEF.url, count=20),
                from_each(stage.apart(site), at_least=1),
                what=f"before the outage, callers in {site} are answered",
            )
        for node in lab.plan_of(control_plane.cluster).nodes:
            undo.enter_context(
                provider.node_paused(lab, cluster=control_plane.cluster, node=node.name)
            )
        loads = {
            site: undo.enter_context(
                stage.stranger(site).load(BRIEF.url, rate=RATE, seconds=outage)
            )
            for site in clients
        }
        ledgers = {site: load.ledger() for site, load in loads.items()}
        for site in clients:
            refused(stage, site, f"while {control_plane.cluster} is away")
    waits(outage)
    for site, ledger in ledgers.items():
        notes(f"{site}: {ledger}")
        assert ledger.sent >= 0.9 * RATE * outage, f"{site} could not send on schedule: {ledger}"
        assert not ledger.failed, f"calls from {site} failed during the outage: {ledger}"


def refused(stage: Stage, site: Site, when: str) -> None:
    """Demand that the policy keeps the other tenant out."""
    always(
        lambda: stage.tenant(site).call(ECHO.full_url, count=20),
        all_answered(403),
        what=f"{when}, {site} refuses the other tenant",
    )

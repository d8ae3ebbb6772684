"""Where an endpoint is comes from its node, and rules about it must not contradict themselves."""

import pytest

from harness.kube import Manifest
from harness.probes.claims import always
from harness.probes.validation import refusal
from harness.sabotages.policy import validation_off
from harness.sabotages.workloads import labels_removed
from harness.workloads.rules import destination_rule
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, HTTP_PORT, SAMPLE, Stage

SETTINGS: dict[str, object] = {
    "distribute": [{"from": "region1/*", "to": {"region1/*": 80, "region2/*": 20}}],
    "failover": [{"from": "region1", "to": "region2"}],
    "failoverPriority": ["topology.kubernetes.io/region"],
}


@pytest.mark.requirement("LF-08")
@pytest.mark.sabotage.with_args(validation_off, breaks="is accepted in")
@pytest.mark.usefixtures("stage")  # whose namespace the rule would be in
@pytest.mark.parametrize("other", ["distribute", "failoverPriority"])
def test_locality_settings_exclude_each_other(cluster: Site, other: str) -> None:
    demand_refusal(cluster, "failover", other)


@pytest.mark.requirement("LF-12")
@pytest.mark.sabotage.with_args(validation_off, breaks="is accepted in")
@pytest.mark.usefixtures("stage")  # whose namespace the rule would be in
def test_distribution_and_priorities_exclude_each_other(cluster: Site) -> None:
    demand_refusal(cluster, "distribute", "failoverPriority")


def demand_refusal(site: Site, *pair: str) -> None:
    """Demand that a rule with two settings is refused which is accepted with either of them."""
    for name in pair:
        why = refusal(site.config, rule(site, name))
        assert not why, f"{name} alone is refused in {site}: {why}"
    why = refusal(site.config, rule(site, *pair))
    assert why, f"{' with '.join(pair)} is accepted in {site}"


def rule(site: Site, *settings: str) -> Manifest:
    """Return a rule for the merged service with these locality settings.

    Where control planes have revisions and none is the default, one judges what names its own.
    """
    balancer = {"localityLbSetting": {name: SETTINGS[name] for name in settings}}
    policy = {"loadBalancer": balancer, "outlierDetection": {"consecutive5xxErrors": 1}}
    made = destination_rule("trial", SAMPLE, host=ECHO.fqdn, policy=policy)
    made["metadata"]["labels"] = site.shape.revision_labels
    return made


@pytest.mark.requirement("LF-09")
@pytest.mark.sabotage.with_args(labels_removed, breaks="hold the locality of")
@pytest.mark.disturbs
def test_the_locality_of_endpoints_is_that_of_their_nodes(
    source: Site, target: Site, stage: Stage
) -> None:
    group = [site for site in stage.sites if site.name in stage.together(source, target)]
    expected = {place for site in group for place in places(site)}
    ways = stage.entrances(source, target)
    always(
        lambda: {
            (endpoint.region, endpoint.zone)
            for caller in stage.strangers(source)
            for endpoint in caller.sidecar.endpoints(ECHO.fqdn, HTTP_PORT)
            if endpoint.address in ways
        },
        lambda held: held == expected,
        what=f"callers in {source} hold the locality of {target}: {sorted(expected)}",
    )


def places(site: Site) -> set[tuple[str, str]]:
    """Return region and zone, as declared, of the nodes that run the merged service."""
    running = {pod["spec"]["nodeName"] for pod in site.pods(SAMPLE, ECHO.name)}
    nodes = [node for node in site.plan.nodes if node.name in running]
    return {(node.region or "", node.zone or "") for node in nodes}

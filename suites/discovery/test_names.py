"""With DNS capture, names resolve by what the mesh knows: of Services that are elsewhere, too."""

import pytest

from harness.converge import Budget, eventually
from harness.faults.injection import dns_captured
from harness.probes.caller import Caller
from harness.probes.claims import always, from_each, only_from
from harness.sabotages.control_plane import headless_off
from harness.sabotages.discovery import dns_capture_off, service_left
from harness.sabotages.fabric import same_network_name
from harness.sabotages.policy import deny_all
from harness.workloads.echo import headless, service
from harness.workloads.rules import everywhere
from harness.workloads.site import Site
from harness.workloads.stage import AGENT_PORT, ECHO, SAMPLE, Host, Stage, lent

#: Seconds for a name to go with its last Service, and looks that must agree on that.
GONE = Budget(timeout=60, interval=0.2, successes=5)


@pytest.mark.requirement("DS-05")
@pytest.mark.sabotage.with_args(dns_capture_off, breaks="has no Service for the name")
@pytest.mark.sabotage.with_args(service_left, breaks="goes with its last Service")
@pytest.mark.disturbs
def test_a_name_resolves_as_long_as_any_cluster_has_its_service(
    source: Site, target: Site, stage: Stage
) -> None:
    host = lent(source)
    lasting = service(host.name, SAMPLE, app=ECHO.name)
    with dns_captured(source):
        caller = stage.stranger(source)
        with target.applied(lasting):
            with source.applied(lasting):
                always(
                    lambda: caller.call(host.full_url, count=50),
                    from_each([source.name, stage.together(source, target)], at_least=1),
                    what=f"both Services of {host.fqdn} answer callers in {source}",
                )
            always(
                lambda: caller.call(host.full_url, count=50),
                only_from(target.name),
                what=f"{target} answers callers in {source}, which has no Service for the name",
            )
        eventually(
            lambda: caller.resolve(host.fqdn).addresses,
            lambda addresses: not addresses,
            what=f"in {source}, {host.fqdn} goes with its last Service",
            budget=GONE,
        )


@pytest.mark.requirement("DS-09")
@pytest.mark.sabotage.with_args(headless_off, breaks="resolves to pods of")
@pytest.mark.sabotage.with_args(deny_all, breaks="answers callers in")
@pytest.mark.disturbs
def test_a_headless_service_has_the_pods_of_both_clusters(
    source: Site, target: Site, stage: Stage
) -> None:
    host = lent(source)
    service_in_both = everywhere([source, target], headless(host.name, SAMPLE, app=ECHO.name))
    with service_in_both, dns_captured(source):
        expect_pods(host, [source, target], stage.stranger(source))


@pytest.mark.requirement("DS-11")
@pytest.mark.sabotage.with_args(same_network_name, breaks="resolves to pods of")
@pytest.mark.sabotage.with_args(deny_all, breaks="answers callers in")
@pytest.mark.disturbs
def test_a_headless_service_yields_no_pod_of_another_network(
    source: Site, target: Site, stage: Stage
) -> None:
    host = lent(source)
    with everywhere([source, target], headless(host.name, SAMPLE, app=ECHO.name)):
        expect_pods(host, [source], stage.stranger(source))
        with dns_captured(source):
            expect_pods(host, [source], stage.stranger(source))


def expect_pods(host: Host, homes: list[Site], caller: Caller) -> None:
    """Wait until a headless Service is just the pods of some clusters, and they answer."""
    names = [site.name for site in homes]
    pods = {pod["status"]["podIP"] for site in homes for pod in site.pods(SAMPLE, ECHO.name)}
    always(
        lambda: {*caller.resolve(host.fqdn).addresses},
        lambda addresses: addresses == pods,
        what=f"in {caller.cluster}, headless {host.fqdn} resolves to pods of {names} alone",
    )
    always(
        lambda: caller.call(f"http://{host.fqdn}:{AGENT_PORT}/", count=20),
        lambda replies: replies.ok and replies.clusters.keys() <= {*names},
        what=f"headless {host.fqdn} answers callers in {caller.cluster}",
    )

"""Remote secrets make endpoints discoverable, under the right name, and no more than wanted."""

from collections.abc import Callable

import pytest

from harness.converge import Budget, eventually, pause
from harness.faults.remote_secrets import secrets_of
from harness.kube import Manifest
from harness.meshes.base import TLS_MODE, TLS_MODE_LABEL
from harness.probes.caller import Caller
from harness.probes.claims import always, from_others, served
from harness.probes.istiod import istiods
from harness.sabotages.discovery import (
    cluster_local_host,
    cluster_local_off,
    dns_capture_on,
    no_remote_secret,
    one_secret_only,
    other_secret_name,
)
from harness.sabotages.remotes import one_more_secret, powerless_token
from harness.workloads.echo import service
from harness.workloads.naming import services_domain
from harness.workloads.site import Site, governing
from harness.workloads.stage import ECHO, HTTP_PORT, SAMPLE, Host, Stage

#: Seconds for news of a Service to reach proxies of the other cluster, and looks meanwhile.
PROPAGATION = 2.0
LOOKS = 8


def known_clusters(site: Site, stage: Stage) -> list[set[str]]:
    """Return the clusters whose endpoints for ``echo`` each proxy of a caller in ``site`` holds."""
    views = []
    for caller in stage.strangers(site):
        held = {e.address for e in caller.sidecar.endpoints(ECHO.fqdn, HTTP_PORT)}
        views.append({other.name for other in stage.sites if held & stage.entrances(site, other)})
    return views


@pytest.mark.requirement("DS-01")
@pytest.mark.sabotage.with_args(no_remote_secret, breaks="holds endpoints of")
def test_endpoints_of_the_other_cluster_are_known(source: Site, target: Site, stage: Stage) -> None:
    both = {source.name, target.name}
    always(
        lambda: known_clusters(source, stage),
        lambda views: len(views) > 1 and all(both <= view for view in views),
        what=f"every caller in {source.name} holds endpoints of {target.name}",
    )


@pytest.mark.requirement("DS-02")
@pytest.mark.sabotage.with_args(one_secret_only, breaks="callers everywhere")
def test_every_cluster_has_the_same_view(stage: Stage) -> None:
    everyone = {site.name for site in stage.sites}
    always(
        lambda: [view for site in stage.sites for view in known_clusters(site, stage)],
        lambda views: bool(views) and all(view == everyone for view in views),
        what=f"callers everywhere hold endpoints of {sorted(everyone)}",
    )


@pytest.mark.requirement("DS-03")
@pytest.mark.sabotage.with_args(powerless_token, breaks="hold endpoints of")
@pytest.mark.sabotage.with_args(one_more_secret, breaks="more secrets than remotes")
@pytest.mark.disturbs
def test_one_secret_per_remote_is_enough(stage: Stage) -> None:
    remotes = {site.name for site in stage.sites} - {site.name for site in stage.primaries}
    held = [key for plane in governing(stage.sites) for s in secrets_of(plane) for key in s["data"]]
    assert sorted(held) == sorted(remotes), f"there are more secrets than remotes, or less: {held}"
    everyone = {site.name for site in stage.sites}
    always(
        lambda: [view for site in stage.sites for view in known_clusters(site, stage)],
        lambda views: bool(views) and all(view == everyone for view in views),
        what=f"callers of primary and remotes hold endpoints of {sorted(everyone)}",
    )


@pytest.mark.requirement("DS-04")
@pytest.mark.sabotage.with_args(dns_capture_on, breaks="has no Service for")
def test_a_name_needs_its_service_in_the_client_cluster(
    source: Site, target: Site, stage: Stage, waits: Callable[[float], None]
) -> None:
    absent = Host(f"absent-{source.name}")  # the other direction may run beside this one
    caller = stage.stranger(source)
    assert caller.resolve(ECHO.fqdn).addresses, f"{source.name} resolves nothing at all"
    with target.applied(service(absent.name, SAMPLE, app="echo")):
        eventually(
            lambda: stage.stranger(target).call(absent.url, count=5),
            served,
            what=f"{target.name}, where the Service is, is served",
        )
        for _ in range(LOOKS):
            seen = caller.resolve(absent.fqdn)
            assert not seen.addresses, f"{source} has no Service for a name that resolves: {seen}"
            pause(PROPAGATION / LOOKS, why="what would make the name resolve has to arrive")
    waits(PROPAGATION)


@pytest.mark.requirement("DS-06")
@pytest.mark.sabotage.with_args(cluster_local_host, no_remote_secret, breaks="answer all 50")
@pytest.mark.disturbs
def test_other_clusters_answer_where_nobody_is_local(cluster: Site, stage: Stage) -> None:
    others = [group for group in stage.apart(cluster) if cluster.name not in group]
    with cluster.scaled("echo", SAMPLE, 0):
        always(
            lambda: stage.stranger(cluster).call(ECHO.url, count=50),
            from_others(cluster.name, *others),
            what=f"without an instance in {cluster.name}, others answer all 50 calls",
        )


@pytest.mark.requirement("DS-08")
@pytest.mark.sabotage.with_args(cluster_local_off, breaks="of another cluster")
@pytest.mark.disturbs
def test_system_services_stay_cluster_local(source: Site, target: Site, stage: Stage) -> None:
    posing = {"metadata": {"labels": {TLS_MODE_LABEL: TLS_MODE}}}
    pod = resolvers(target)[0]["metadata"]["name"]
    ways = {address for address, _ in stage.ways_into(target)}
    near, far = (
        {site.plan.api_address, *(pod["status"]["podIP"] for pod in resolvers(site))}
        for site in (source, target)
    )
    foreign = {*ways, *far} - near  # ranges of addresses may be equal
    names = (("kubernetes.default", 443), ("kube-dns.kube-system", 53))
    with target.patched("Pod", pod, posing, "kube-system"):
        held = at_rest(lambda: [held_for(name, stage.stranger(source)) for name in names])
    for (name, _), addresses in zip(names, held, strict=True):
        assert addresses, f"{source.name} holds no endpoint of {name}"
        wrong = addresses & foreign
        assert not wrong, f"{source.name} holds addresses of another cluster for {name}: {wrong}"


def resolvers(site: Site) -> list[Manifest]:
    """Return the pods of a cluster's DNS."""
    return site.kube.list("Pod", "kube-system", labels="k8s-app=kube-dns")


def held_for(name: tuple[str, int], caller: Caller) -> set[str]:
    """Return the addresses that a caller holds for a Service of the system."""
    short, port = name
    held = caller.sidecar.endpoints(f"{short}.{services_domain()}", port)
    return {endpoint.address for endpoint in held}


def at_rest(look: Callable[[], list[set[str]]]) -> list[set[str]]:
    """Return what a look shows once a second of looks agree."""
    looks = [look()]

    def again() -> bool:
        looks.append(look())
        return looks[-1] == looks[-2]

    budget = Budget(timeout=20, interval=0.1, successes=10)
    eventually(again, bool, what="the endpoints of system services settle", budget=budget)
    return looks[-1]


@pytest.mark.requirement("DS-10")
@pytest.mark.sabotage.with_args(other_secret_name, breaks="lack the name")
def test_secret_key_proxies_and_endpoints_agree_on_the_name(
    source: Site, target: Site, stage: Stage
) -> None:
    keys = {key for secret in secrets_of(source) for key in secret["data"]} | {source.config.name}
    proxies = {c.sidecar.metadata()["CLUSTER_ID"] for c in stage.injected(target)}
    assert proxies == {target.name}, f"proxies of {target.name} call it otherwise: {proxies}"
    assert proxies <= keys, f"secrets of {source.name} lack the name {target.name}: {keys}"
    eventually(
        lambda: {
            name for istiod in istiods(source.control_plane) for name in istiod.shards(ECHO.fqdn)
        },
        lambda seen: proxies <= seen,
        what=f"istiod of {source.name} files endpoints under {target.name}",
    )

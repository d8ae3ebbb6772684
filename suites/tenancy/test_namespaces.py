"""Equal namespaces are one, different ones never mix, and a service may stay private."""

from functools import partial

import pytest

from harness.converge import eventually
from harness.kube import Manifest
from harness.probes.claims import CALLS, always, from_each
from harness.sabotages.discovery import annotation_removed, cluster_local_host, exported_to_nobody
from harness.sabotages.policy import same_namespace
from harness.workloads.echo import service
from harness.workloads.rules import everywhere
from harness.workloads.site import Site
from harness.workloads.stage import (
    ECHO,
    HTTP_PORT,
    OTHER,
    PRIVATE,
    SAMPLE,
    Host,
    Stage,
    version_of,
)


@pytest.mark.requirement("TN-05")
@pytest.mark.sabotage.with_args(cluster_local_host, breaks="answer callers in")
def test_equal_namespaces_are_merged(source: Site, target: Site, stage: Stage) -> None:
    always(
        lambda: stage.stranger(source).call(ECHO.url, count=CALLS),
        from_each([source.name, stage.together(source, target)]),
        what=f"instances of {source.name} and {target.name} answer callers in {source.name}",
    )


@pytest.mark.requirement("TN-06")
@pytest.mark.sabotage.with_args(same_namespace, breaks="mixes namespaces")
def test_different_namespaces_are_not_merged(source: Site, target: Site, stage: Stage) -> None:
    name = f"twin-{source.name}-{target.name}"  # other pairs have twins of their own
    mine, theirs = Host(name, SAMPLE), Host(name, OTHER)
    services = (
        twin(mine, "echo", version_of(source, stage.sites)),
        twin(theirs, "probe", version_of(target, stage.sites)),
    )
    with everywhere(stage.sites, *services):
        for host, home in ((mine, source), (theirs, target)):
            replies = eventually(  # of a Service that is new, not every call need be served
                partial(stage.stranger(source).call, host.url, count=200),
                lambda replies: replies.ok,
                what=f"{host.fqdn} answers callers in {source.name}",
            )
            owners = {(reply.namespace, reply.cluster) for reply in replies}
            assert owners == {(host.namespace, home.name)}, f"{name} mixes namespaces: {owners}"


def twin(host: Host, app: str, version: str) -> Manifest:
    """Return a Service whose instances are of one app and one version."""
    manifest = service(host.name, host.namespace, app=app)
    manifest["spec"]["selector"]["version"] = version
    return manifest


@pytest.mark.requirement("TN-11")
@pytest.mark.sabotage.with_args(annotation_removed, breaks="sees what is not its")
@pytest.mark.sabotage.with_args(exported_to_nobody, breaks="lacks its own")
def test_a_private_service_is_known_to_its_namespace_only(cluster: Site, stage: Stage) -> None:
    name = f"outbound|{HTTP_PORT}||{PRIVATE.fqdn}"
    own = stage.stranger(cluster).sidecar.clusters()
    assert name in own, f"namespace {SAMPLE} of {cluster} lacks its own: {name}"
    foreign = stage.tenant(cluster).sidecar.clusters()
    assert foreign, f"the proxy of {stage.tenant(cluster).pod} knows no cluster"
    assert name not in foreign, f"namespace {OTHER} of {cluster} sees what is not its: {name}"

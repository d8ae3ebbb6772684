"""Whoever holds a remote secret may read what an istiod reads, and do next to nothing else."""

from collections.abc import Callable, Iterator

import pytest

from harness.converge import Budget
from harness.faults.remote_secrets import reader
from harness.kube import Kube
from harness.probes.claims import always
from harness.probes.rights import READ, WRITE, Action, granted, served
from harness.sabotages.accounts import (
    cluster_admin_bound,
    reader_lacks_endpointslices,
    reader_reads_everything,
)
from harness.workloads.site import Site

#: What an istiod watches in a cluster that it has a remote secret for. The mesh configuration of
#: that cluster it does without: it then uses its own.
WATCHED = (
    "endpointslices.discovery.k8s.io",
    "namespaces",
    "nodes",
    "pods",
    "secrets",
    "services",
    "workloadentries.networking.istio.io",
)
#: What it has the other API server judge: tokens of proxies, and who may use a gateway's Secrets.
REVIEWED = ("subjectaccessreviews.authorization.k8s.io", "tokenreviews.authentication.k8s.io")
#: What else of Kubernetes' own resources the reader role has had in one release or another.
READABLE = {
    *WATCHED,
    "configmaps",
    "customresourcedefinitions.apiextensions.k8s.io",
    "endpoints",
    "gateways.gateway.networking.k8s.io",
    "gateways.networking.x-k8s.io",
    "replicasets.apps",
    "replicationcontrollers",
    "serviceexports.multicluster.x-k8s.io",
    "serviceimports.multicluster.x-k8s.io",
}
#: What everybody may ask of an API server about themselves.
ABOUT_ONESELF = (
    "selfsubjectaccessreviews.authorization.k8s.io",
    "selfsubjectreviews.authentication.k8s.io",
    "selfsubjectrulesreviews.authorization.k8s.io",
)
WRITABLE = {
    *(Action("create", name) for name in (*REVIEWED, *ABOUT_ONESELF)),
    *(Action(verb, "serviceexports.multicluster.x-k8s.io") for verb in ("create", "delete")),
}
#: Roles are in force at once.
AT_ONCE = Budget(timeout=10)


@pytest.mark.requirement("ID-13")
@pytest.mark.sabotage.with_args(reader_lacks_endpointslices, breaks="lacks nothing that an istiod")
@pytest.mark.sabotage.with_args(cluster_admin_bound, breaks="writes nothing else")
@pytest.mark.sabotage.with_args(reader_reads_everything, breaks="reads nothing else")
def test_a_remote_secret_reads_what_istiod_reads(
    source: Site, target: Site, notes: Callable[[str], None]
) -> None:
    account = reader(source, target)
    assert account is not None, f"{source} has no secret with a token for {target}"
    resources = list(served(target.kube))
    needed = {Action(verb, name) for name in WATCHED for verb in READ}
    needed |= {Action("create", name) for name in REVIEWED}
    whose = f"the account by which {source} reads {target}"
    always(
        lambda: sorted(map(str, needed - set(granted(account, needed)))),
        lambda lacking: not lacking,
        what=f"{whose} lacks nothing that an istiod needs",
        budget=AT_ONCE,
    )
    always(
        lambda: told(account, writes(resources)),
        lambda beyond: not beyond,
        what=f"{whose} writes nothing else than reviews and exports",
        budget=AT_ONCE,
    )
    always(
        lambda: told(account, reads(resources)),
        lambda beyond: not beyond,
        what=f"{whose} reads nothing else of Kubernetes than its role is known for",
        budget=AT_ONCE,
    )
    notes(f"{whose} can read Secrets: istiod needs those of gateways")


def told(account: Kube, actions: Iterator[Action]) -> list[str]:
    """Return what of ``actions`` is granted, in words."""
    return [str(action) for action in granted(account, actions)]


def writes(resources: list[tuple[str, tuple[str, ...]]]) -> Iterator[Action]:
    """Yield every write that an API server offers, apart from those that an istiod needs."""
    for name, verbs in resources:
        asked = (Action(verb, name) for verb in WRITE if verb in verbs)
        yield from (action for action in asked if action not in WRITABLE)


def reads(resources: list[tuple[str, tuple[str, ...]]]) -> Iterator[Action]:
    """Yield reads of Kubernetes' own resources, apart from those that a reader has."""
    for name, verbs in resources:
        _, _, group = name.partition("/")[0].partition(".")
        if ("." not in group or group.endswith(".k8s.io")) and name not in READABLE:
            yield from (Action(verb, name) for verb in READ if verb in verbs)

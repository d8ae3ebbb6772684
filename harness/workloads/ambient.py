"""The cast of ambient meshes: pods without sidecars, and Services that are global or are not.

As the guide ``ambient/install/multicluster`` has them: a Service is reached from other clusters if
it is labelled as global, in every cluster alike.
"""

from collections.abc import Sequence

from harness.kube import Manifest
from harness.meshes.base import CLUSTER_LABEL
from harness.probes.caller import Caller
from harness.workloads.echo import Echo, namespace, service
from harness.workloads.rules import destination_rule
from harness.workloads.site import Site, configuring
from harness.workloads.stage import Host, ranked_policy, version_of

SPACE = "ambient"
#: Label of namespaces whose pods ztunnel looks after, and of Services that all clusters share.
DATA_PLANE_LABEL, GLOBAL_LABEL = "istio.io/dataplane-mode", "istio.io/global"
#: Label of what goes through a waypoint, and the class of such a gateway.
USE_WAYPOINT_LABEL, _WAYPOINT_CLASS = "istio.io/use-waypoint", "istio-waypoint"
#: The Service that all clusters share, one that each keeps, and one that a waypoint stands before.
SHARED, KEPT, GUIDED = (Host(name, SPACE) for name in ("shared", "kept", "guided"))
SERVER, _CALLER, _WAYPOINT = "echo", "caller", "waypoint"


def stand(sites: Sequence[Site]) -> None:
    """Deploy the cast in every cluster, and wait until it is ready. Idempotent."""
    for site in sites:
        in_mesh = {DATA_PLANE_LABEL: "ambient"}
        site.apply(namespace(SPACE, injected=False, labels=in_mesh))
        version = version_of(site, sites)
        for name in (SERVER, _CALLER):
            site.deploy(Echo(name=name, namespace=SPACE, version=version, injected=False))
        site.apply(*_services())
    for site in configuring(sites):
        policy = ranked_policy(CLUSTER_LABEL)
        rule = destination_rule(GUIDED.name, SPACE, host=GUIDED.fqdn, policy=policy)
        site.apply(_waypoint(), rule)
    for site in sites:
        for name in (SERVER, _CALLER, _WAYPOINT):
            site.rolled_out(name, SPACE)


def caller(site: Site) -> Caller:
    """Return the workload of a cluster that calls the others."""
    return site.caller(SPACE, _CALLER)


def _services() -> list[Manifest]:
    shared = {GLOBAL_LABEL: "true"}
    guided = {**shared, USE_WAYPOINT_LABEL: _WAYPOINT}
    return [
        service(SHARED.name, SPACE, app=SERVER, labels=shared),
        service(KEPT.name, SPACE, app=SERVER),
        service(GUIDED.name, SPACE, app=SERVER, labels=guided),
    ]


def _waypoint() -> Manifest:
    """Return a waypoint for Services, which has the same name in every cluster and is global."""
    labels = {"istio.io/waypoint-for": "service", GLOBAL_LABEL: "true"}
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": _WAYPOINT, "namespace": SPACE, "labels": labels},
        "spec": {"gatewayClassName": _WAYPOINT_CLASS, "listeners": [listener]},
    }

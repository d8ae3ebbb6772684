"""The standing cast: the workloads and Services that every check may rely on.

One namespace with a merged service, a second tenant, an account that nobody trusts, and a
pod without a proxy, the same in every cluster; the version of cluster number *i* is ``v<i>``.
Configuration that a sabotage must be able to take away stands here too, because what a check
sets up for itself nobody can remove from under it.

    sample (injected)   echo      Deployment, account probe-a: serves every Service below
                        probe-b   Deployment of two, account probe-b: callers with another identity
                        bare      Deployment without a proxy
    other  (injected)   probe     Deployment: a caller, and a service, of another tenant
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from harness import files
from harness.converge import concurrently
from harness.kube import Manifest
from harness.meshes.base import CLUSTER_LABEL
from harness.model import ControlPlane, Import
from harness.probes import access
from harness.probes.caller import Caller, as_caller
from harness.probes.endpoints import instances
from harness.probes.gateway import ways_in
from harness.workloads.echo import PORTS, Echo, namespace, service
from harness.workloads.naming import services_domain
from harness.workloads.restoring import without_server_fields
from harness.workloads.rules import denial, destination_rule, virtual_service
from harness.workloads.site import Site, configuring, governing

SAMPLE = "sample"
OTHER = "other"
HTTP_PORT = 5000
TCP_PORT = 9000
GRPC_PORT = 7070

#: One request per upstream connection: every call proves a path of its own, none rides on a
#: connection that was opened before something changed.
FRESH = {"connectionPool": {"http": {"maxRequestsPerConnection": 1}}}

#: Where agents serve HTTP.
AGENT_PORT = PORTS["http"]
#: A request as bytes, for who speaks TLS without a proxy.
RAW_REQUEST = b"GET / HTTP/1.1\r\nHost: echo\r\nConnection: close\r\n\r\n"
#: Where no agent listens.
DEAD_PORT = 8099
#: How often Istio tries again by default. A mesh under test may have that switched off as a
#: whole, because retries that nobody asked for hide defects.
ATTEMPTS = 2

#: How long an outlier stays ejected in ``near`` (LF-05 counts from it); seconds.
EJECTION = 3

#: The trust domain that a mesh has moved away from, and keeps as an alias (ID-11).
OLD_DOMAIN = "old-td"
#: The path of ``echo`` that callers of the other tenant are refused, and the policy's name (TN-03).
GUARDED = "guarded"


@dataclass(frozen=True, slots=True)
class Host:
    """A Kubernetes Service as callers name it; ``domain`` is empty for that of their cluster."""

    name: str
    namespace: str = SAMPLE
    domain: str = ""

    @property
    def fqdn(self) -> str:
        """The name that Envoy's clusters carry."""
        return f"{self.name}.{self.namespace}.{self.domain or services_domain()}"

    @property
    def url(self) -> str:
        """Its HTTP port."""
        return f"http://{self.name}.{self.namespace}:{HTTP_PORT}/"

    @property
    def full_url(self) -> str:
        """Its HTTP port by its whole name."""
        return f"http://{self.fqdn}:{HTTP_PORT}/"

    def at(self, path: str) -> str:
        """Its HTTP port with a path, by which a request is found again in access logs."""
        return self.url + path.lstrip("/")

    def sni(self, port: int = HTTP_PORT) -> str:
        """The SNI by which an AUTO_PASSTHROUGH gateway finds it."""
        return f"outbound_.{port}_._.{self.fqdn}"


#: Every echo instance of every cluster, without any rule.
ECHO = Host("echo")
#: Every echo instance, on connections that end with their request (CP-11, LF-10).
BRIEF = Host("brief")
#: The pod without a proxy of every cluster (NM-11).
BARE = Host("bare")
#: 90 % v1, 10 % for the others by version subsets (LB-04).
SPLIT = Host("split")
#: The cluster named by header x-cluster, by cluster subsets (LB-05).
SORTED = Host("sorted")
#: Locality load balancing with outlier detection (LF-01, LF-05).
NEAR = Host("near")
#: Merged, with outlier detection: who does not answer is called no more (CM-04).
SPARING = Host("sparing")
#: failoverPriority by cluster (LF-06).
RANKED = Host("ranked")
#: Exported to its own namespace only (TN-11).
PRIVATE = Host("private")
#: Declared cluster-local in the mesh configuration (OP-01).
LOCAL = Host("local")
#: Kept in the cluster of each caller, by cluster subsets and the callers' own labels (OP-03).
KEPT = Host("kept")
#: The other tenant's service.
TENANT = Host("probe", OTHER)


def only(site: Site) -> Host:
    """Return the Service whose instances are those of one cluster; every cluster declares it."""
    return Host(f"echo-{site.name}")


def retried(site: Site) -> Host:
    """Return the Service that only the instance in ``site`` does not serve: its port is dead.

    Callers try again as often as they do by default in Istio (LF-11).
    """
    return Host(f"retried-{site.name}")


def known_abroad(service: Import) -> Host:
    """Return a service of another mesh as callers of a mesh that imports it know it."""
    name, space = service.host.split(".")
    return Host(name, space, service.domain)


def known_at_home(service: Import) -> Host:
    """Return it as its own mesh knows it."""
    name, space = service.host.split(".")
    return Host(name, space)


def lent(site: Site) -> Host:
    """Return the Service that checks about ``site`` make and take away; no cluster declares it."""
    return Host(f"lent-{site.name}")


def instances_held(site: Site, stage: "Stage") -> set[Fraction]:
    """Return how many instances of ``echo`` callers in ``site`` hold, those there included.

    It is one number where all their proxies agree.
    """
    own = {pod["status"]["podIP"] for pod in site.pods(SAMPLE, ECHO.name)}
    return {
        instances(caller.sidecar.endpoints(ECHO.fqdn, HTTP_PORT), own)
        for caller in stage.strangers(site)
    }


def version_of(site: Site, sites: Sequence[Site]) -> str:
    """Return the version label of a cluster's instances."""
    return f"v{[other.name for other in sites].index(site.name) + 1}"


@dataclass(frozen=True, slots=True)
class Stage:
    """The cast, ready in every cluster; ``put_back`` is what somebody had changed in it."""

    sites: tuple[Site, ...]
    put_back: tuple[str, ...] = ()

    @property
    def networks(self) -> frozenset[str]:
        """The networks that its clusters are on."""
        return frozenset(site.network for site in self.sites)

    def echo(self, site: Site) -> Caller:
        """The caller with account ``probe-a`` in namespace ``sample``; also a server."""
        return site.caller(SAMPLE, "echo")

    def stranger(self, site: Site) -> Caller:
        """The caller with account ``probe-b`` in namespace ``sample``."""
        return site.caller(SAMPLE, "probe-b")

    def strangers(self, site: Site) -> tuple[Caller, ...]:
        """Every instance of that caller: what one proxy holds, all of a workload must hold."""
        return tuple(as_caller(site, pod) for pod in site.pods(SAMPLE, "probe-b"))

    def tenant(self, site: Site) -> Caller:
        """The caller of another tenant, in namespace ``other``."""
        return site.caller(OTHER, "probe")

    def bare(self, site: Site) -> Caller:
        """The caller without a proxy."""
        return site.caller(SAMPLE, "bare")

    def kin(self, site: Site) -> tuple[Site, ...]:
        """The clusters on the network of ``site``, itself included: they share its gateways."""
        return tuple(each for each in self.sites if each.network == site.network)

    def plainly_remote(self, plane: ControlPlane) -> tuple[Site, ...]:
        """The clusters that ``plane`` knows and takes no configuration from.

        Those that it serves; where it serves none but the one that configures it, the one that
        it runs in.
        """
        known = [*self.sites, *governing(self.sites)]
        names = [each for each in plane.serves if each != plane.config_cluster] or [plane.cluster]
        return tuple(next(s for s in known if s.name == name) for name in names)

    @property
    def primaries(self) -> tuple[Site, ...]:
        """The clusters that run a control plane of their own."""
        return tuple(each for each in self.sites if each.control_plane.name == each.name)

    def gated(self, site: Site) -> tuple[Site, ...]:
        """The clusters on the network of ``site`` in which its east-west gateways run."""
        return tuple(each for each in self.kin(site) if each.gateways)

    def ways_into(self, target: Site, seen_from: str = "") -> frozenset[tuple[str, int]]:
        """Addresses and ports of the gateways by which others, or one network, reach ``target``."""
        return frozenset(way for site in self.kin(target) for way in ways_in(site, seen_from))

    def entrances(self, source: Site, target: Site) -> set[str]:
        """The addresses at which callers in ``source`` enter the ``echo`` of ``target``.

        On one network those are its pods', else those of the network's gateways.
        """
        if source.network != target.network:
            return {address for address, _ in self.ways_into(target, source.network)}
        return {pod["status"]["podIP"] for pod in target.pods(SAMPLE, ECHO.name)}

    def together(self, source: Site, target: Site) -> frozenset[str]:
        """The clusters that share of calls cannot tell from ``target``, for callers in ``source``.

        On its own network every cluster is told apart. On another one, gateways balance
        connections, not calls, among all that the network has; a pool of connections may well
        reach one cluster only.
        """
        if source.network == target.network:
            return frozenset({target.name})
        return frozenset(each.name for each in self.kin(target))

    def apart(self, source: Site) -> list[frozenset[str]]:
        """Who answers callers in ``source``, as these can tell them apart (:meth:`together`)."""
        known = [each for each in self.sites if each.name in {source.name, *source.linked}]
        return list(dict.fromkeys(self.together(source, each) for each in known))

    def mates(self, site: Site) -> frozenset[str]:
        """The clusters of the mesh that ``site`` is part of, itself included."""
        return frozenset(each.name for each in self.sites if each.mesh == site.mesh)

    def offered(self, source: Site, target: Site) -> tuple[Import, ...]:
        """What the mesh of ``target`` offers to that of ``source``."""
        return tuple(each for each in source.imports if each.exporter == target.mesh)

    def injected(self, site: Site) -> tuple[Caller, ...]:
        """Every caller of a cluster that has a proxy."""
        return (self.echo(site), *self.strangers(site), self.tenant(site))


def raise_stage(sites: tuple[Site, ...], *, meshed: bool) -> Stage:
    """Deploy the cast in every cluster at once; return when every pod is ready. Idempotent.

    Rules are part of it only where there is a mesh (``meshed``) to read them. Clusters that only
    host a control plane get an agent through which that is asked. Of a cast that stood already it
    is said what was put back.
    """
    configs, planes = _names(configuring(sites)), _names(governing(sites))

    def deploy(site: Site) -> list[str]:
        stood = site.kube.find("ConfigMap", _STANDS["metadata"]["name"], SAMPLE) is not None
        spaces = [each for each in _namespaces(site) if _applied_anew(site, each)]
        for space in (SAMPLE, OTHER):
            access.grant(site.kube, space)
        manifests = [*_workloads(site, sites), *_services(site, sites)]
        manifests += _rules(sites) if meshed and site.name in configs else []
        changed = [*spaces, *(each for each in manifests if _applied_anew(site, each))]
        if meshed and site.name in planes:
            _declare_local(site)
        for name, space in _DEPLOYMENTS:
            site.rolled_out(name, space)
        site.apply(_STANDS)
        return [f"{each['kind']} {each['metadata']['name']} in {site}" for each in changed if stood]

    hosts = [site for site in governing(sites) if site.name not in _names(sites)]
    concurrently(_deploy_relay, hosts)
    put_back = concurrently(deploy, sites)
    for host in hosts if meshed else ():
        _declare_local(host)
    return Stage(sites, tuple(what for each in put_back for what in each))


def _names(sites: Sequence[Site]) -> set[str]:
    return {site.name for site in sites}


def _deploy_relay(host: Site) -> None:
    """Deploy an agent in a cluster that hosts a control plane and no workload of the mesh."""
    host.apply(namespace(SAMPLE, injected=False))
    host.deploy(Echo(name=BARE.name, namespace=SAMPLE, injected=False))
    host.rolled_out(BARE.name, SAMPLE)


def _applied_anew(site: Site, manifest: Manifest) -> bool:
    """Apply a manifest; say whether that made the object another one."""
    metadata = manifest["metadata"]
    before = site.kube.find(manifest["kind"], metadata["name"], metadata.get("namespace"))
    after = site.kube.apply(manifest)
    return before is None or _content(before) != _content(after)


def _content(manifest: Manifest) -> Manifest:
    """Return what an object is, apart from the kind, which the answer to a write may lack."""
    shown = without_server_fields(manifest)
    return {key: value for key, value in shown.items() if key not in ("kind", "apiVersion")}


#: Says that the cast has stood as a whole: what is missing from then on, somebody took.
_STANDS: Manifest = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "stage", "namespace": SAMPLE},
}
_DEPLOYMENTS = (("echo", SAMPLE), ("probe-b", SAMPLE), ("bare", SAMPLE), ("probe", OTHER))


def _namespaces(site: Site) -> list[Manifest]:
    shape = site.shape
    return [
        namespace(name, injected=True, revision=shape.revision, labels=shape.selected)
        for name in (SAMPLE, OTHER)
    ]


def _workloads(site: Site, sites: Sequence[Site]) -> list[Manifest]:
    version = version_of(site, sites)
    cast = (
        Echo(name="echo", namespace=SAMPLE, version=version, account="probe-a"),
        Echo(name="probe-b", namespace=SAMPLE, version=version, replicas=2),
        Echo(name="bare", namespace=SAMPLE, version=version, injected=False),
        Echo(name="probe", namespace=OTHER, version=version),
    )
    return [manifest for echo in cast for manifest in echo.manifests(site.name)]


def _services(site: Site, sites: Sequence[Site]) -> list[Manifest]:
    merged = [
        host.name for host in (ECHO, BRIEF, SPLIT, SORTED, NEAR, SPARING, RANKED, LOCAL, KEPT)
    ]
    private = {"networking.istio.io/exportTo": "."}
    return [
        *(service(name, SAMPLE, app="echo") for name in merged),
        service(PRIVATE.name, SAMPLE, app="echo", annotations=private),
        service(BARE.name, SAMPLE),
        service(TENANT.name, OTHER),
        *(service(host.name, SAMPLE, app=ECHO.name) for host in _exported(site, sites)),
        *(_service_of(each, sites) for each in sites),
        *(_service_but(each, here=site) for each in sites),
    ]


def _exported(site: Site, sites: Sequence[Site]) -> list[Host]:
    """Return what a cluster's mesh offers to others, as far as it is the cast's to serve."""
    offered = {each for other in sites for each in other.imports if each.exporter == site.mesh}
    found = sorted({known_at_home(each) for each in offered}, key=str)
    return [host for host in found if host.namespace == SAMPLE]


def _service_of(site: Site, sites: Sequence[Site]) -> Manifest:
    manifest = service(only(site).name, SAMPLE, app="echo")
    manifest["spec"]["selector"]["version"] = version_of(site, sites)
    return manifest


def _service_but(dead: Site, *, here: Site) -> Manifest:
    """Return what ``retried`` is in the cluster ``here``; a proxy would accept any connection."""
    if here.name != dead.name:
        return service(retried(dead).name, SAMPLE, app=ECHO.name)
    manifest = service(retried(dead).name, SAMPLE, app=BARE.name)
    for port in manifest["spec"]["ports"]:
        port["targetPort"] = DEAD_PORT
    return manifest


def _rules(sites: Sequence[Site]) -> list[Manifest]:
    return [
        _treated(BRIEF, policy=FRESH),
        _treated(TENANT, policy=FRESH),
        *(_treated(only(site), policy=FRESH) for site in sites),
        _treated(SPLIT, subsets=_by_version(sites)),
        _routed(SPLIT, [{"route": _split(sites)}]),
        _treated(SORTED, subsets=by_cluster(sites)),
        _routed(SORTED, [_towards(site) for site in sites]),
        _treated(KEPT, subsets=by_cluster(sites)),
        _routed(KEPT, [keeping(site) for site in sites]),
        _treated(NEAR, policy=near_policy()),
        _treated(SPARING, policy=_SPARING),
        _treated(RANKED, policy=ranked_policy(CLUSTER_LABEL)),
        *(_routed(retried(site), [retrying(site, attempts=ATTEMPTS)]) for site in sites),
        guard(),
    ]


def guard() -> Manifest:
    """Return the policy that refuses one path of ``echo`` to callers of the other tenant."""
    who = [{"namespaces": [OTHER]}]
    path = f"/{GUARDED}"
    return denial(GUARDED, SAMPLE, app=ECHO.name, path=path, port=AGENT_PORT, sources=who)


def _treated(
    host: Host, *, policy: Mapping[str, Any] | None = None, subsets: Sequence[Manifest] = ()
) -> Manifest:
    return destination_rule(
        host.name, host.namespace, host=host.fqdn, policy=policy, subsets=subsets
    )


def _routed(host: Host, http: Sequence[Manifest]) -> Manifest:
    return virtual_service(host.name, host.namespace, hosts=[host.fqdn], http=http)


def _declare_local(site: Site) -> None:
    """Declare ``local`` cluster-local in the mesh configuration, unless that stands there."""
    shape = site.shape
    text = site.kube.get("ConfigMap", shape.config_map, shape.system)["data"]["mesh"]
    config = files.parse(text)
    settings = config.setdefault("serviceSettings", [])
    if any(LOCAL.fqdn in entry["hosts"] for entry in settings):
        return
    settings.append({"settings": {"clusterLocal": True}, "hosts": [LOCAL.fqdn]})
    patch = {"data": {"mesh": files.dump(config)}}
    site.kube.patch("ConfigMap", shape.config_map, patch, shape.system)


def retrying(site: Site, *, attempts: int) -> dict[str, Any]:
    """Return the route of ``retried``: so many attempts after the first one."""
    destination = {"host": retried(site).fqdn}
    return {"route": [{"destination": destination}], "retries": {"attempts": attempts}}


def keeping(site: Site) -> dict[str, Any]:
    """Return the route of ``kept`` for callers in ``site``: to the instances there."""
    return {
        "match": [{"sourceLabels": {CLUSTER_LABEL: site.name}}],
        "route": [{"destination": {"host": KEPT.fqdn, "subset": site.name}}],
    }


def near_policy(ejection: str = f"{EJECTION}s") -> dict[str, Any]:
    """Return the traffic policy of ``near``: one 5xx ejects, a whole locality may be ejected."""
    return {
        "loadBalancer": {"localityLbSetting": {"enabled": True}},
        "outlierDetection": {
            "consecutive5xxErrors": 1,
            "interval": "1s",
            "baseEjectionTime": ejection,
            "maxEjectionPercent": 100,
        },
    }


#: In turns, so that nobody is spared for being slow; connections of their own, because one that
#: was open before its server died never fails.
_SPARING: Mapping[str, Any] = {
    **FRESH,
    "loadBalancer": {"simple": "ROUND_ROBIN", "localityLbSetting": {"enabled": False}},
    "outlierDetection": {
        "consecutive5xxErrors": 1,
        "interval": "1s",
        "baseEjectionTime": "20s",
        "maxEjectionPercent": 100,
    },
}


def ranked_policy(key: str) -> dict[str, Any]:
    """Return the traffic policy of ``ranked``: endpoints that share ``key`` come first."""
    locality = {"enabled": True, "failoverPriority": [key]}
    return {
        "loadBalancer": {"localityLbSetting": locality},
        "outlierDetection": {"consecutive5xxErrors": 5, "interval": "5s"},
    }


def _by_version(sites: Sequence[Site]) -> list[Manifest]:
    versions = [version_of(site, sites) for site in sites]
    return [{"name": version, "labels": {"version": version}} for version in versions]


def by_cluster(sites: Sequence[Site]) -> list[Manifest]:
    """Return a subset for each cluster, called like it."""
    return [{"name": site.name, "labels": {CLUSTER_LABEL: site.name}} for site in sites]


def shares_of_split(sites: Sequence[Site]) -> dict[str, int]:
    """Return the weight of each version in ``split``: 90 for the first, 10 among the others."""
    first, *others = [version_of(site, sites) for site in sites]
    if not others:
        return {first: 100}
    share, left = divmod(10, len(others))
    weights = [share + (number < left) for number in range(len(others))]
    return {first: 90, **dict(zip(others, weights, strict=True))}


def _split(sites: Sequence[Site]) -> list[Manifest]:
    return [
        {"destination": {"host": SPLIT.fqdn, "subset": version}, "weight": weight}
        for version, weight in shares_of_split(sites).items()
    ]


def _towards(site: Site) -> Manifest:
    return {
        "match": [{"headers": {"x-cluster": {"exact": site.name}}}],
        "route": [{"destination": {"host": SORTED.fqdn, "subset": site.name}}],
    }

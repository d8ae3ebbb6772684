"""The dictionary of needs: what a requirement may ask for beyond a topology, and who offers it.

A name that is not listed here is refused when the catalogue is loaded. Facts about the structure
of a topology are no needs but conditions (:mod:`harness.model.conditions`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Offerer(StrEnum):
    """Who can offer a need."""

    #: Something that a topology declares beside its structure.
    TOPOLOGY = "topology"
    #: A capability of the provider (``harness.providers.base``).
    PROVIDER = "provider"
    #: Something the harness itself can do, wherever it runs.
    HARNESS = "harness"
    #: A fact about the mesh under test, which the mesh declares (``Mesh.offers``).
    MESH = "mesh"


@dataclass(frozen=True, slots=True)
class Need:
    """One entry: ``planned`` ones are offered by nobody yet, and say so in the report."""

    offerer: Offerer
    meaning: str
    planned: bool = False


_T, _P, _H, _M = Offerer.TOPOLOGY, Offerer.PROVIDER, Offerer.HARNESS, Offerer.MESH

NEEDS: Mapping[str, Need] = {
    "access-log": Need(_M, "proxies log requests as JSON with the fields of the mesh contract"),
    "admin-stats": Need(_M, "proxies answer Envoy's admin port, gateways their statistics port"),
    "alien-ca": Need(_H, "certificates of a root that no mesh knows"),
    "api-cut": Need(_P, "an API server can be cut off from another cluster"),
    "authz": Need(_M, "AuthorizationPolicy and PeerAuthentication are enforced"),
    "bundle-endpoint": Need(_H, "a SPIFFE bundle endpoint"),
    "capture": Need(_P, "packets between clusters can be recorded"),
    "dns-capture": Need(_M, "proxies can be told to answer DNS"),
    "dns-capture-off": Need(_M, "proxies do not answer DNS unless they are told to"),
    "dual-stack": Need(_T, "clusters with both address families", planned=True),
    "gateway-api": Need(_M, "the Gateway API is installed, and a gateway is of it"),
    "gateway-cut": Need(_P, "a gateway's addresses can be cut off from another cluster"),
    "ingress": Need(_M, "gateways are deployed by the template of injection for them"),
    "install-phase": Need(_H, "a look at a cluster in the middle of an installation", planned=True),
    "istiod-restart": Need(_M, "istiod is a Deployment that may be restarted"),
    "istiod-scale": Need(_M, "istiod is a Deployment that may be scaled"),
    "load-generator": Need(_H, "an open-loop load with a ledger"),
    "locality-labels": Need(_T, "nodes of every cluster have a region"),
    "machine": Need(_P, "a machine that is no node can be put on a network"),
    "mcs-api": Need(_M, "control planes can be told to follow the multi-cluster Services API"),
    "mesh-config": Need(_M, "the mesh configuration is a ConfigMap that istiod follows"),
    "multi-revision": Need(_M, "two revisions can be installed side by side"),
    "nftables": Need(_M, "redirection by nftables can be chosen", planned=True),
    "node-pause": Need(_P, "a node can be frozen"),
    "packet-counters": Need(_P, "packets between clusters can be counted"),
    "partition": Need(_P, "two clusters can be cut off from each other"),
    "plugged-ca": Need(_M, "authorities are plugged in by a Secret that can be read and changed"),
    "pod-routes": Need(_P, "pods of isolated networks can be given a direct path"),
    "preflight": Need(_H, "ranges of addresses are compared"),
    "snapshot": Need(_H, "all objects of a cluster can be listed"),
    "tcp-grpc-probes": Need(_H, "calls by TCP and gRPC"),
    "telemetry": Need(_M, "request telemetry by Istio's own build of the proxy", planned=True),
    "tenant-credentials": Need(_H, "credentials that are bound to a namespace"),
    "trust-bundles": Need(_M, "trust bundles of other meshes can be given to it"),
    "uninjected-probe": Need(_H, "calls from a pod without a proxy"),
    "waypoint": Need(_M, "waypoints can be deployed, as ambient meshes have them"),
    "xfcc-probe": Need(_H, "servers tell the identity that proxies saw"),
}


def offered_by(offerer: Offerer) -> frozenset[str]:
    """Return the names that ``offerer`` may offer today."""
    return frozenset(
        name for name, need in NEEDS.items() if need.offerer is offerer and not need.planned
    )

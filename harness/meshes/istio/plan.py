"""Who installs what: the values of every cluster, derived from a topology alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.meshes.base import MeshShape
from harness.model import ControlPlane, Gateway, Topology, structure

#: The Gateway object of a cluster, as the guides call it.
_EXPOSURE = "cross-network-gateway"


@dataclass(frozen=True, slots=True)
class ClusterInstall:
    """What one cluster gets: a control plane of ``version``, and its east-west gateways.

    ``aliases`` are the trust domains of other control planes of the same mesh and root.
    """

    cluster: str
    network: str
    plane: ControlPlane
    version: str
    gateways: tuple[Gateway, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def shape(self) -> MeshShape:
        """The names by which all of it is found."""
        plane = self.plane
        suffix = f"-{plane.revision}" if plane.revision else ""
        own = MeshShape(
            system=plane.namespace,
            root=plane.root_namespace,
            revision=plane.revision,
            trust_domain=plane.trust_domain,
            istiod=f"istiod{suffix}",
            istiod_pods=f"app=istiod,istio.io/rev={plane.revision}" if suffix else "app=istiod",
            config_map=f"istio{suffix}",
            gateway_namespace=plane.namespace,
        )
        return self._with_gateway(own, self.gateways[0]) if self.gateways else own

    def exposure(self, gateway: Gateway) -> str:
        """Return the name of the Gateway object that opens ``gateway``."""
        first = gateway == self.gateways[0]
        return _EXPOSURE if first else f"{_EXPOSURE}-{gateway.name}"

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Every namespace that is made for it, that of the control plane first."""
        own = (self.plane.namespace, self.plane.root_namespace)
        return tuple(dict.fromkeys([*own, *(each.namespace for each in self.gateways)]))

    def _with_gateway(self, shape: MeshShape, gateway: Gateway) -> MeshShape:
        return replace(
            shape,
            gateway=gateway.name,
            gateway_namespace=gateway.namespace,
            gateway_pods=",".join(f"{key}={value}" for key, value in gateway.labels.items()),
            gateway_port=gateway.port,
            exposure=self.exposure(gateway),
        )


@dataclass(frozen=True, slots=True)
class InstallPlan:
    """A whole mesh, clusters in the topology's order."""

    clusters: tuple[ClusterInstall, ...]

    def cluster(self, name: str) -> ClusterInstall:
        """Return what the cluster called ``name`` gets."""
        return next(install for install in self.clusters if install.cluster == name)


def plan_install(topology: Topology, version: Callable[[str], str] = str) -> InstallPlan:
    """Apply the recipes of the documentation to ``topology``.

    ``version`` returns which version a control plane gets that asks for one, or for none ("").
    """
    planes = structure.control_planes(topology)
    return InstallPlan(
        tuple(
            ClusterInstall(
                cluster=plane.cluster,
                network=topology.cluster(plane.cluster).network,
                plane=plane,
                version=version(plane.version),
                gateways=structure.gateways_of(topology, plane.cluster),
                aliases=_aliases(plane, planes),
            )
            for cluster in topology.primaries
            for plane in structure.control_planes_of(topology, cluster.name)[:1]
        )
    )


def _aliases(plane: ControlPlane, planes: tuple[ControlPlane, ...]) -> tuple[str, ...]:
    domains = (other.trust_domain for other in planes if other.mesh == plane.mesh)
    return tuple(dict.fromkeys(each for each in domains if each != plane.trust_domain))

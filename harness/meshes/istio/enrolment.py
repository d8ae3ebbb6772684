"""The files by which a machine joins, as ``istioctl experimental workload entry`` writes them."""

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from harness.kube import Kube, Manifest
from harness.meshes.addresses import external_addresses, is_ip
from harness.meshes.istio.plan import ClusterInstall
from harness.model import Gateway, Lab, MachineError, Topology, structure
from harness.tools.istioctl import Istioctl


@dataclass(frozen=True, slots=True)
class Door:
    """How a cluster is asked, and at which address its machines reach istiod."""

    kubeconfig: Path
    address: str

    @classmethod
    def of(cls, lab: Lab, cluster: str) -> Self:
        """Find the first IP address of a gateway that exposes an istiod that serves the cluster.

        Where none is declared to do so, it is any gateway beside one: a check may expose it there.
        """
        beside = gateways_beside_istiod(lab.topology, cluster)
        for gateway in doors(lab.topology, cluster) or beside:
            kube = Kube(lab.cluster(gateway.cluster).kubeconfig)
            service = kube.get("Service", gateway.workload, gateway.namespace)
            for address in filter(is_ip, external_addresses(service)):
                return cls(Path(lab.cluster(cluster).kubeconfig), address)
        raise MachineError(f"no gateway beside an istiod of {cluster} has an IP address")


def doors(topology: Topology, cluster: str) -> list[Gateway]:
    """Return the gateways by which machines reach the istiods that serve a cluster."""
    found = gateways_beside_istiod(topology, cluster)
    return [each for each in found if "istiod" in each.exposes]


def gateways_beside_istiod(topology: Topology, cluster: str) -> list[Gateway]:
    """Return the gateways of clusters in which an istiod runs that serves ``cluster``."""
    planes = structure.control_planes_of(topology, cluster)
    return [each for plane in planes for each in structure.gateways_of(topology, plane.cluster)]


def enrolled(
    istioctl: Istioctl, install: ClusterInstall, door: Door, group: Manifest, *, registers: bool
) -> dict[str, str]:
    """Return the files for a machine of ``group``, by their names; a token is among them."""
    # It lies beside the kubeconfig, where nobody else may look and which goes with the lab.
    with TemporaryDirectory(dir=door.kubeconfig.parent, prefix="machine-") as place:
        directory = Path(place)
        described = directory / "group.yaml"
        described.write_text(json.dumps(group), encoding="utf-8")
        output = directory / "files"
        istioctl.workload_entry_configure(
            described,
            output,
            kubeconfig=door.kubeconfig,
            cluster=install.cluster,
            system=install.plane.namespace,
            address=door.address,
            revision=install.plane.revision,
            registers=registers,
        )
        return {path.name: path.read_text(encoding="utf-8") for path in output.iterdir()}

"""What only Istio's steps do: let istioctl install, try injection, tell istiods of each other."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.kube import Kube, Manifest
from harness.meshes import waiting
from harness.meshes.addresses import external_addresses, is_ip
from harness.meshes.base import MeshShape
from harness.meshes.federation import imported
from harness.meshes.installation import Clusters
from harness.meshes.istio import ready
from harness.meshes.istio.operator import SOME_ADDRESS
from harness.meshes.istio.plan import Imported, KnownGateway, Way
from harness.meshes.istio.remote_secret import (
    READER,
    Credentials,
    config_secret,
    credentials_in,
    kubeconfig,
    remote_secret,
    token_name,
    token_secret,
)
from harness.model import HarnessError
from harness.tools.istioctl import Istioctl


@dataclass(frozen=True, slots=True)
class InstallByIstioctl:
    """Run ``istioctl install`` as a user would; it returns when what it knows of is ready."""

    istioctl: Istioctl
    operator: str = field(repr=False)
    manifests: Sequence[Manifest] = field(repr=False)
    #: By which gateways its istiods are reached, whose address the operator lacks.
    ways: Sequence[Way] = ()

    def carry_out(self, clusters: Clusters, cluster: str) -> None:
        """Run it."""
        operator = self.operator
        if self.ways:
            operator = operator.replace(SOME_ADDRESS, addresses_of(clusters, self.ways[0])[0])
        self.istioctl.install(operator, kubeconfig=Path(clusters.kubeconfig(cluster)))

    def __str__(self) -> str:
        return f"istioctl install ({len(self.manifests)} objects)"


@dataclass(frozen=True, slots=True)
class TryInjection:
    """Wait until the control plane adds proxies to pods."""

    shape: MeshShape
    manifests: Sequence[Manifest] = ()

    def carry_out(self, clusters: Clusters, cluster: str) -> None:
        """Try it until it works."""
        ready.injecting(clusters.kube(cluster), self.shape, who=cluster)

    def __str__(self) -> str:
        return f"wait until {self.shape.istiod} injects pods"


@dataclass(frozen=True, slots=True)
class Introduce:
    """Make credentials for the cluster, and give them to the control planes that read it.

    ``readers`` are clusters, each with the namespace of its control plane.
    """

    namespace: str
    readers: Sequence[tuple[str, str]]
    manifests: Sequence[Manifest] = ()

    def carry_out(self, clusters: Clusters, cluster: str) -> None:
        """Have the token made, and apply a remote secret to each reader."""
        found = _credentials(clusters.kube(cluster), cluster, self.namespace, READER)
        config = kubeconfig(cluster, clusters.server(cluster), found)
        for reader, namespace in self.readers:
            clusters.kube(reader).apply(remote_secret(cluster, config, namespace))

    def __str__(self) -> str:
        readers = ", ".join(f"{namespace} of {reader}" for reader, namespace in self.readers)
        return f"remote secret, given to {readers}"


@dataclass(frozen=True, slots=True)
class Entrust:
    """Let an external istiod (in ``namespace`` of ``host``) be configured by the cluster.

    It acts there as ``account``, in a namespace that is called like its own.
    """

    host: str
    namespace: str
    account: str
    manifests: Sequence[Manifest] = ()

    def carry_out(self, clusters: Clusters, cluster: str) -> None:
        """Have the token made, and apply the Secret by which the istiod starts."""
        found = _credentials(clusters.kube(cluster), cluster, self.namespace, self.account)
        config = kubeconfig(cluster, clusters.server(cluster), found)
        clusters.kube(self.host).apply(config_secret(cluster, config, self.namespace))

    def __str__(self) -> str:
        return f"config secret, given to {self.namespace} of {self.host}"


def _credentials(kube: Kube, cluster: str, namespace: str, account: str) -> Credentials:
    """Have the token controller make a token that lives as long as its Secret."""
    kube.apply(token_secret(namespace, account))
    filled = waiting.watched(
        kube,
        "Secret",
        token_name(account),
        namespace,
        lambda secret: credentials_in(secret) is not None,
        what=f"the token controller of {cluster} has made a token for {account}",
    )
    if (found := credentials_in(filled)) is None:
        raise HarnessError(f"Secret {token_name(account)} of {cluster} lost its token")
    return found


@dataclass(frozen=True, slots=True)
class LeadToIstiod:
    """Apply what makes a remote find its istiods: behind gateways, whose addresses it reads.

    ``manifests`` are what istioctl renders for one address: a Service, and an EndpointSlice for
    it. Of an address that is a name they become an ExternalName Service, as in the chart.
    """

    ways: Sequence[Way]
    manifests: Sequence[Manifest] = field(repr=False)

    def carry_out(self, clusters: Clusters, cluster: str) -> None:
        """Read the addresses, and apply."""
        addresses = [each for way in self.ways for each in addresses_of(clusters, way)]
        led = led_to(self.manifests, addresses)
        waiting.apply(clusters.kube(cluster), led, where=cluster)

    def __str__(self) -> str:
        return (
            f"lead to istiod by {', '.join(f'{way.gateway} of {way.cluster}' for way in self.ways)}"
        )


@dataclass(frozen=True, slots=True)
class TellNetworks:
    """Tell an istiod by ``meshNetworks`` of gateways whose addresses depend on who asks."""

    shape: MeshShape
    told: Sequence[KnownGateway]
    manifests: Sequence[Manifest] = ()

    def carry_out(self, clusters: Clusters, cluster: str) -> None:
        """Read the addresses, and write them into the settings, which an istiod follows."""
        networks: dict[str, Manifest] = {}
        for each in self.told:
            gateway = each.gateway
            network = networks.setdefault(
                gateway.network,
                {"endpoints": [{"fromRegistry": name} for name in each.members], "gateways": []},
            )
            way = Way(gateway.cluster, gateway.namespace, gateway.workload)
            for address in gateway.told(addresses_of(clusters, way), each.seen_from):
                network["gateways"].append({"address": address, "port": gateway.port})
        data = {"meshNetworks": json.dumps({"networks": networks})}
        kube = clusters.kube(cluster)
        kube.patch("ConfigMap", self.shape.config_map, {"data": data}, self.shape.system)

    def __str__(self) -> str:
        names = ", ".join(f"{each.gateway.name} of {each.gateway.cluster}" for each in self.told)
        return f"tell the addresses of {names}"


def addresses_of(clusters: Clusters, way: Way) -> list[str]:
    """Return the addresses of a gateway's Service; :class:`HarnessError` if it has none."""
    service = clusters.kube(way.cluster).get("Service", way.gateway, way.namespace)
    if found := external_addresses(service):
        return found
    raise HarnessError(f"gateway {way.gateway} of {way.cluster} has no address any more")


def led_to(manifests: Sequence[Manifest], addresses: Sequence[str]) -> list[Manifest]:
    """Return ``manifests`` (rendered for some address) for these ``addresses``."""
    name = next((each for each in addresses if not is_ip(each)), "")
    if name:
        services = [each for each in manifests if each["kind"] == "Service"]
        outside = {"type": "ExternalName", "externalName": name}
        return [{**each, "spec": {**each["spec"], **outside}} for each in services]
    endpoints = [{"addresses": [address]} for address in addresses]
    return [
        {**each, "endpoints": endpoints} if each["kind"] == "EndpointSlice" else each
        for each in manifests
    ]


@dataclass(frozen=True, slots=True)
class ImportServices:
    """Make services of other meshes known: behind gateways, whose addresses it reads."""

    imports: Sequence[Imported]
    namespace: str

    @property
    def manifests(self) -> Sequence[Manifest]:
        """The objects, as if every gateway had one and the same address."""
        return [
            each
            for found in self.imports
            for each in imported(
                found.service, self.namespace, [(SOME_ADDRESS, way.port) for way in found.ways]
            )
        ]

    def carry_out(self, clusters: Clusters, cluster: str) -> None:
        """Read the addresses, and apply."""
        kube = clusters.kube(cluster)
        for found in self.imports:
            ways = [
                (address, way.port) for way in found.ways for address in addresses_of(clusters, way)
            ]
            domain = found.ways[0].domain
            objects = imported(found.service, self.namespace, ways, domain)
            waiting.apply(kube, objects, where=cluster)

    def __str__(self) -> str:
        return f"import {', '.join(each.service.name for each in self.imports)}"


@dataclass(frozen=True, slots=True)
class AwaitReads:
    """Wait until every istiod of the cluster has read the others."""

    shape: MeshShape
    reads: Sequence[str]
    manifests: Sequence[Manifest] = ()

    def carry_out(self, clusters: Clusters, cluster: str) -> None:
        """Ask until they have."""
        ready.links(clusters.kube(cluster), self.shape, set(self.reads), who=cluster)

    def __str__(self) -> str:
        return f"wait until {self.shape.istiod} has read {', '.join(self.reads)}"

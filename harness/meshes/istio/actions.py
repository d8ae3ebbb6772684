"""What only Istio's steps do: let istioctl install, try injection, tell istiods of each other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.converge import Budget, eventually
from harness.kube import Kube, Manifest
from harness.meshes import waiting
from harness.meshes.base import MeshShape
from harness.meshes.installation import Clusters
from harness.meshes.istio import ready
from harness.meshes.istio.remote_secret import (
    TOKEN,
    Credentials,
    credentials_in,
    kubeconfig,
    remote_secret,
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

    def carry_out(self, clusters: Clusters, cluster: str) -> None:
        """Run it."""
        self.istioctl.install(self.operator, kubeconfig=Path(clusters.kubeconfig(cluster)))

    def __str__(self) -> str:
        return f"istioctl install ({len(self.manifests)} objects)"


@dataclass(frozen=True, slots=True)
class TryInjection:
    """Wait until the control plane adds proxies to pods."""

    shape: MeshShape
    manifests: Sequence[Manifest] = ()

    def carry_out(self, clusters: Clusters, cluster: str) -> None:
        """Try it until it works."""
        eventually(
            lambda: ready.injected(clusters.kube(cluster), self.shape),
            lambda trouble: not trouble,
            what=f"{self.shape.istiod} of {cluster} injects pods",
            budget=Budget(timeout=60, interval=0.05, firm=True),
        )

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
        found = self._credentials(clusters.kube(cluster), cluster)
        config = kubeconfig(cluster, clusters.server(cluster), found)
        for reader, namespace in self.readers:
            clusters.kube(reader).apply(remote_secret(cluster, config, namespace))

    def _credentials(self, kube: Kube, cluster: str) -> Credentials:
        """Have the token controller make a token that lives as long as its Secret."""
        kube.apply(token_secret(self.namespace))
        filled = waiting.watched(
            kube,
            "Secret",
            TOKEN,
            self.namespace,
            lambda secret: credentials_in(secret) is not None,
            what=f"the token controller of {cluster} has made a token",
        )
        if (found := credentials_in(filled)) is None:
            raise HarnessError(f"Secret {TOKEN} of {cluster} lost its token")
        return found

    def __str__(self) -> str:
        readers = ", ".join(f"{namespace} of {reader}" for reader, namespace in self.readers)
        return f"remote secret, given to {readers}"


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

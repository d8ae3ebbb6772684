"""A WorkloadGroup, and the WorkloadEntry that somebody writes for a machine of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.kube import Manifest


@dataclass(frozen=True, slots=True)
class Group:
    """A WorkloadGroup: what its machines are called, act as, and are known by."""

    name: str
    namespace: str
    account: str
    labels: Mapping[str, str]
    network: str = ""
    probe: Manifest | None = None

    def manifest(self) -> Manifest:
        """Return the object."""
        template = {"serviceAccount": self.account, "network": self.network}
        spec: Manifest = {"metadata": {"labels": dict(self.labels)}, "template": template}
        if self.probe is not None:
            spec["probe"] = self.probe
        return _object("WorkloadGroup", self.name, self.namespace, spec)

    def entry(self, address: str) -> Manifest:
        """Return the WorkloadEntry of a machine of the group that does not register itself."""
        spec = {
            "address": address,
            "labels": dict(self.labels),
            "serviceAccount": self.account,
            "network": self.network,
        }
        return _object("WorkloadEntry", f"{self.name}-by-hand", self.namespace, spec)


def _object(kind: str, name: str, namespace: str, spec: Manifest) -> Manifest:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }

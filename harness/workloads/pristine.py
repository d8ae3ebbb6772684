"""A lab without a mesh, and what stood in it before anybody installed one."""

from dataclasses import dataclass

from harness.converge import Budget, eventually
from harness.kube import Kube
from harness.model import Lab

#: The cluster-scoped kinds by which a mesh takes hold of a cluster.
KINDS = (
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "Namespace",
)

#: Cluster, kind and name of an object.
Trace = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Pristine:
    """The lab, and its cluster-scoped objects when it was new."""

    lab: Lab
    before: frozenset[Trace]

    @classmethod
    def of(cls, lab: Lab) -> "Pristine":
        """Look at a new lab once its clusters have made everything of their own."""
        looks = [cluster_scoped(lab)]

        def grown() -> int:
            looks.append(cluster_scoped(lab))
            return len(looks[-1] - looks[-2])

        eventually(
            grown,
            lambda new: new == 0,
            what="the clusters have made their own roles and namespaces",
            budget=Budget(timeout=60, interval=0.3, successes=4, firm=True),
        )
        return cls(lab, looks[-1])

    def snapshot(self) -> frozenset[Trace]:
        """Return the cluster-scoped objects that stand now."""
        return cluster_scoped(self.lab)


def cluster_scoped(lab: Lab) -> frozenset[Trace]:
    """Return every object of :data:`KINDS` in every cluster of ``lab``."""
    return frozenset(
        (cluster.name, kind, item["metadata"]["name"])
        for cluster in lab.clusters
        for kind in KINDS
        for item in Kube(cluster.kubeconfig).list(kind)
    )

"""Istio on real clusters: both drivers leave the same objects, and nothing when they go."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from harness.kube import Kube, Manifest
from harness.meshes.base import Mesh, MeshShape
from harness.meshes.contract import InstalledMeshContract
from harness.meshes.installation import Installation
from harness.meshes.istio import IstioMesh, ready
from harness.meshes.istio.reads import Istiods
from harness.model import ApiError, Lab
from harness.phases import Phases

CLUSTER_SCOPED = (
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "MutatingWebhookConfiguration",
    "Namespace",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
)
NAMESPACED = (
    "ConfigMap",
    "Deployment",
    "Gateway",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "Role",
    "RoleBinding",
    "Secret",
    "Service",
    "ServiceAccount",
)
#: Bookkeeping of istioctl: it says who installed an object, not what the object does.
BOOKKEEPING = ("operator.istio.io/", "install.operator.istio.io/", "istio.io/rev")
#: Fields that the API server or a controller fills in, different for every object ever made.
GENERATED = (
    "caBundle",
    "clusterIP",
    "clusterIPs",
    "creationTimestamp",
    "generation",
    "managedFields",
    "nodePort",
    "resourceVersion",
    "status",
    "uid",
)
#: What an election writes, and the keys: every installation makes its own.
OWN = ("control-plane.alpha.kubernetes.io/leader", "kubernetes.io/service-account.uid")


def _without(value: Any, *names: str) -> Any:
    if isinstance(value, dict):
        return {key: _without(each, *names) for key, each in value.items() if key not in names}
    return [_without(each, *names) for each in value] if isinstance(value, list) else value


def _normal(found: Manifest) -> Manifest:
    normal: Manifest = _without(found, *GENERATED, *OWN)
    meta = normal["metadata"]
    labels = meta.get("labels", {})
    meta["labels"] = {key: labels[key] for key in labels if not key.startswith(BOOKKEEPING)}
    certificates = meta["name"].endswith(("root-cert", "root-ca.crt"))
    if found["kind"] == "Secret" or certificates:
        normal["data"] = sorted(found["data"])
    return normal


def _objects(kube: Kube, shape: MeshShape) -> dict[str, Manifest]:
    found = [each for kind in CLUSTER_SCOPED for each in kube.list(kind)]
    for kind in NAMESPACED:
        found += kube.list(kind, shape.system)
    return {f"{each['kind']} {each['metadata']['name']}": _normal(each) for each in found}


@contextmanager
def installed(mesh: IstioMesh, lab: Lab) -> Iterator[Installation]:
    """Install, and remove whatever happens."""
    installation = mesh.prepare(lab.topology, lab.plan)
    try:
        mesh.install(lab, installation, Phases(say=lambda _: None))
        yield installation
    finally:
        mesh.uninstall(lab, installation)


def _left(mesh: IstioMesh, lab: Lab) -> list[dict[str, Manifest]]:
    """Return the objects that an installation leaves in each cluster."""
    with installed(mesh, lab) as installation:
        return [
            _objects(Kube(cluster.kubeconfig), installation.shapes[cluster.name])
            for cluster in lab.clusters
        ]


def test_both_drivers_leave_the_same_objects(lab: Lab) -> None:
    applied = _left(IstioMesh(), lab)
    by_istioctl = _left(IstioMesh(by_istioctl=True), lab)
    for ours, theirs in zip(applied, by_istioctl, strict=True):
        assert sorted(ours) == sorted(theirs)
        assert [name for name in ours if ours[name] != theirs[name]] == []


def test_an_installed_mesh_is_linked_and_injects(lab: Lab) -> None:
    with installed(IstioMesh(), lab) as installation:
        for cluster in lab.clusters:
            kube, shape = Kube(cluster.kubeconfig), installation.shapes[cluster.name]
            others = {each.name for each in lab.clusters if each != cluster}
            (read,) = Istiods(kube, shape).read()
            assert read.clusters == others
            assert ready.injected(kube, shape) == ""


def test_nothing_of_what_was_planned_is_missing(lab: Lab) -> None:
    with installed(IstioMesh(), lab) as installation:
        for cluster in lab.clusters:
            kube = Kube(cluster.kubeconfig)
            planned = installation.manifests(cluster.name)
            missing = [
                f"{each['kind']} {each['metadata']['name']}"
                for each in planned
                if kube.find(
                    each["kind"], each["metadata"]["name"], each["metadata"].get("namespace")
                )
                is None
            ]
            assert planned
            assert not missing


def test_the_validator_refuses_what_istio_does_not_understand(lab: Lab) -> None:
    wrong = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "wrong", "namespace": "default"},
        "spec": {"host": ""},
    }
    with (
        installed(IstioMesh(), lab),
        pytest.raises(ApiError, match=r"denied the request"),
    ):
        Kube(lab.clusters[0].kubeconfig).apply(wrong)


class TestIstio(InstalledMeshContract):
    @pytest.fixture
    def mesh(self) -> Mesh:
        return IstioMesh()

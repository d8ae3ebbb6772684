"""Every object that stands in a cluster, of whatever kind: what a mesh may leave behind."""

from collections.abc import Iterator

from harness.converge import concurrently
from harness.kube import Kube, Manifest
from harness.model import ApiError, Lab

#: Cluster, kind, namespace (empty: none) and name of an object.
Trace = tuple[str, str, str, str]

#: Kinds whose objects end by themselves.
_PASSING = frozenset({"Event", "CertificateSigningRequest"})
#: Label of the roles that every API server makes, and mends as it likes.
_BOOTSTRAPPED = "kubernetes.io/bootstrapping"


def traces(lab: Lab) -> frozenset[Trace]:
    """Return what stands in every cluster of ``lab``.

    What belongs to another object is left out, because it goes with that one.
    """

    def one(name: str) -> frozenset[Trace]:
        return frozenset(_traces(name, Kube(lab.cluster(name).kubeconfig)))

    return frozenset().union(*concurrently(one, [cluster.name for cluster in lab.clusters]))


def _traces(cluster: str, kube: Kube) -> Iterator[Trace]:
    for version in ("v1", *_versions(kube)):
        for kind, path in _listable(kube, version):
            for item in _items(kube, path):
                metadata = item["metadata"]
                if "ownerReferences" not in metadata and not _bootstrapped(metadata):
                    yield cluster, kind, str(metadata.get("namespace", "")), str(metadata["name"])


def _versions(kube: Kube) -> Iterator[str]:
    for group in kube.request("GET", "/apis").json()["groups"]:
        yield str(group["preferredVersion"]["groupVersion"])


def _listable(kube: Kube, version: str) -> Iterator[tuple[str, str]]:
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    for resource in _listing(kube, base, "resources"):
        if "list" in resource["verbs"] and resource["kind"] not in _PASSING:
            yield str(resource["kind"]), f"{base}/{resource['name']}"


def _items(kube: Kube, path: str) -> list[Manifest]:
    return _listing(kube, path, "items")


def _listing(kube: Kube, path: str, key: str) -> list[Manifest]:
    """Return a part of a page; nothing of a kind that went after it was found."""
    try:
        return kube.request("GET", path).json()[key] or []
    except ApiError as error:
        if error.status == 404:
            return []
        raise


def _bootstrapped(metadata: Manifest) -> bool:
    return _BOOTSTRAPPED in metadata.get("labels", {})

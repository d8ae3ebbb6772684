"""Read the objects that pods refer to (ConfigMaps, Secrets, Services) and request their tokens."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from harness.kube import Kube, Manifest
from harness.model import ApiError


class Unavailable(Exception):  # noqa: N818 - a pod waits for it; nothing is wrong yet
    """Something that a pod refers to is not there (yet)."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bound token of a ServiceAccount, and until when it is good (epoch seconds)."""

    value: str
    issued: float
    expires: float

    @property
    def refresh_at(self) -> float:
        """When to replace it: at 80 % of its life."""
        return self.issued + 0.8 * (self.expires - self.issued)


class ObjectCache(Protocol):
    """Where the contents of volumes and variables come from."""

    def find(self, kind: str, name: str, namespace: str) -> Manifest | None:
        """Return the object as it is now, or ``None``."""
        ...

    def services(self, namespace: str) -> list[Manifest]:
        """Return the Services of a namespace."""
        ...

    def token(self, pod: Manifest, audience: str, seconds: int, now: float) -> Token:
        """Return a new token for the pod's account, bound to the pod."""
        ...


@dataclass(frozen=True, slots=True)
class ApiObjects:
    """The cluster's own API."""

    kube: Kube

    def find(self, kind: str, name: str, namespace: str) -> Manifest | None:
        """Return the object as it is now, or ``None``."""
        return self.kube.find(kind, name, namespace)

    def services(self, namespace: str) -> list[Manifest]:
        """Return the Services of a namespace."""
        return self.kube.list("Service", namespace)

    def token(self, pod: Manifest, audience: str, seconds: int, now: float) -> Token:
        """Return a new token for the pod's account, bound to the pod."""
        meta = pod["metadata"]
        account = pod["spec"].get("serviceAccountName") or "default"
        bound = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]}
        spec: Manifest = {"expirationSeconds": seconds, "boundObjectRef": bound}
        if audience:
            spec["audiences"] = [audience]
        path = f"/api/v1/namespaces/{meta['namespace']}/serviceaccounts/{account}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        try:
            given = self.kube.request("POST", path, request).json()["status"]
        except ApiError as error:
            raise Unavailable(f"no token for account {account}: {error}") from error
        expires = datetime.fromisoformat(given["expirationTimestamp"]).timestamp()
        return Token(str(given["token"]), now, expires)

"""What a pod's thread may be told."""

from dataclasses import dataclass

from harness.kube import Manifest
from harness.providers.podrunner.probe_state import Look, ProbeKind


@dataclass(frozen=True, slots=True)
class Updated:
    """The API server has a newer version of the pod."""

    pod: Manifest


@dataclass(frozen=True, slots=True)
class Removed:
    """The pod is gone from the API server."""


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """A ConfigMap or Secret of the pod's namespace changed."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Exited:
    """A container's process ended."""

    name: str
    container_id: str
    exit_code: int
    wall: float


@dataclass(frozen=True, slots=True)
class Looked:
    """A probe has looked at a container."""

    name: str
    container_id: str
    kind: ProbeKind
    look: Look


@dataclass(frozen=True, slots=True)
class Hooked:
    """A lifecycle hook (``postStart`` or ``preStop``) has been carried out."""

    name: str
    container_id: str
    hook: str
    look: Look


Message = Updated | Removed | SourceChanged | Exited | Looked | Hooked

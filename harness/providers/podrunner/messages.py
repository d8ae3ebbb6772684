"""The messages in a pod worker's queue: the pod changed, a container exited, a probe finished."""

from dataclasses import dataclass

from harness.kube import Manifest
from harness.providers.podrunner.containers import Hook
from harness.providers.podrunner.probe_state import ProbeKind, ProbeResult


@dataclass(frozen=True, slots=True)
class PodUpdated:
    """The API server has a newer version of the pod."""

    pod: Manifest


@dataclass(frozen=True, slots=True)
class PodRemoved:
    """The pod is gone from the API server."""


@dataclass(frozen=True, slots=True)
class ObjectChanged:
    """A ConfigMap or Secret of the pod's namespace changed."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class ContainerExited:
    """A container's process ended."""

    name: str
    container_id: str
    exit_code: int
    wall: float


@dataclass(frozen=True, slots=True)
class ProbeFinished:
    """A probe of a container has a result."""

    name: str
    container_id: str
    kind: ProbeKind
    result: ProbeResult


@dataclass(frozen=True, slots=True)
class HookFinished:
    """A lifecycle hook has been carried out."""

    name: str
    container_id: str
    hook: Hook
    result: ProbeResult


Message = PodUpdated | PodRemoved | ObjectChanged | ContainerExited | ProbeFinished | HookFinished

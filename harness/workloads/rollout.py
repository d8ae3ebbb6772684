"""Where a Deployment stands, and why its pods are not ready."""

from dataclasses import dataclass
from typing import Any, Self

from harness.kube import Kube, Manifest
from harness.model import ApiError
from harness.probes.cluster_view import is_ready

_LOG_LINES = 5
_EVENTS = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """A Deployment's own account of its replicas; ``seen`` if it is of the newest spec."""

    wanted: int
    total: int
    updated: int
    available: int
    seen: bool

    @classmethod
    def of(cls, deployment: Manifest) -> Self:
        """Read it from a Deployment."""
        status = deployment.get("status", {})
        return cls(
            wanted=int(deployment["spec"].get("replicas", 1)),
            total=int(status.get("replicas", 0)),
            updated=int(status.get("updatedReplicas", 0)),
            available=int(status.get("availableReplicas", 0)),
            seen=status.get("observedGeneration", 0) >= deployment["metadata"]["generation"],
        )

    @property
    def complete(self) -> bool:
        """Whether every replica is new and available, and no other is left."""
        counts = {self.total, self.updated, self.available}
        return self.seen and counts == {self.wanted}

    def __str__(self) -> str:
        """Say the counts."""
        told = f"{self.available} of {self.wanted} available, {self.updated} updated"
        told += f", {self.total} in all"
        return told if self.seen else f"{told}, newest spec not yet observed"


def why_not(kube: Kube, deployment: str, namespace: str) -> str:
    """Say why a Deployment's pods are not ready, in a few lines; never raises for it."""
    try:
        spec = kube.get("Deployment", deployment, namespace)
        wanted = spec["spec"]["selector"]["matchLabels"]
        labels = ",".join(f"{key}={value}" for key, value in wanted.items())
        pods = [pod for pod in kube.list("Pod", namespace, labels=labels) if not is_ready(pod)]
        told = [_told_of(kube, pod) for pod in pods] or [_conditions(spec)]
    except ApiError as error:
        return f"(and the API server does not say why: {error})"
    return "\n".join(told)


def _told_of(kube: Kube, pod: Manifest) -> str:
    name, namespace = str(pod["metadata"]["name"]), str(pod["metadata"]["namespace"])
    status = pod.get("status", {})
    lines = [f"pod {name}: {status.get('phase', 'unknown')} {status.get('reason', '')}".rstrip()]
    lines += [f"  event: {event}" for event in _events(kube, name, namespace)]
    for container in _unready(status):
        lines.append(f"  container {container['name']}: {_state(container)}")
        log = _log(kube, name, namespace, str(container["name"]))
        lines += [f"    | {line}" for line in log]
    return "\n".join(lines)


def _unready(status: Manifest) -> list[Manifest]:
    kinds = ("initContainerStatuses", "containerStatuses")
    every = [container for kind in kinds for container in status.get(kind, [])]
    return [one for one in every if not one.get("ready") and not _succeeded(one)]


def _succeeded(container: Manifest) -> bool:
    ended = container.get("state", {}).get("terminated")
    return ended is not None and ended.get("exitCode") == 0


def _state(container: Manifest) -> str:
    state: dict[str, Any] = container.get("state", {})
    for kind, detail in state.items():
        words = (detail.get("reason", ""), detail.get("message", ""))
        told = " ".join([kind, *(word for word in words if word)])
        return f"{told}, restarted {container.get('restartCount', 0)}x"
    return "no state"


def _events(kube: Kube, pod: str, namespace: str) -> list[str]:
    """Return the last events of a pod; a failed probe is told there and nowhere else."""
    found = kube.list("Event", namespace, fields=f"involvedObject.name={pod}")
    found.sort(key=_moment)
    return [f"{event.get('reason', '')}: {event.get('message', '')}" for event in found[-_EVENTS:]]


def _moment(event: Manifest) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _log(kube: Kube, pod: str, namespace: str, container: str) -> list[str]:
    try:
        return kube.logs(pod, namespace, container, tail=_LOG_LINES).splitlines()[-_LOG_LINES:]
    except ApiError as error:
        return [f"(no log: {error.message})"]


def _conditions(deployment: Manifest) -> str:
    """Return what the Deployment says of itself where it has no pod to blame."""
    conditions = deployment.get("status", {}).get("conditions", [])
    bad = [one for one in conditions if one["type"] == "ReplicaFailure" or one["status"] != "True"]
    return "; ".join(f"{one['type']}: {one.get('message', '')}" for one in bad) or "no pods"

"""A pod's status as a kubelet reports it: phase, conditions, container statuses. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from harness.kube import Manifest
from harness.providers.podrunner.containers import Role
from harness.providers.podrunner.lifecycle import ContainerStatus, Terminated, Waiting, initialized

_KUBELET_CONDITIONS = (
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
)


def rfc3339(wall: float) -> str:
    """Return a time (seconds since the epoch) as Kubernetes writes it."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSnapshot:
    """What a pod's status is computed from.

    ``now`` is monotonic (for back-offs), ``wall`` and ``start_time`` are seconds since the
    epoch. ``terminal``: nothing runs any more and nothing will. ``sandbox_error`` is why no
    container of the pod can start (a missing volume).
    """

    pod: Manifest
    statuses: Sequence[ContainerStatus]
    host: str
    address: str
    start_time: float
    now: float
    wall: float
    terminal: bool = False
    sandbox_error: Waiting | None = None


def pod_status(snapshot: PodSnapshot) -> Manifest:
    """Return the pod's whole status, keeping transition times and others' conditions."""
    init = [status for status in snapshot.statuses if status.container.role is not Role.MAIN]
    main = [status for status in snapshot.statuses if status.container.role is Role.MAIN]
    reported: Manifest = {
        "phase": phase(snapshot),
        "conditions": _conditions(snapshot),
        "hostIP": snapshot.host,
        "hostIPs": [{"ip": snapshot.host}],
        "startTime": rfc3339(snapshot.start_time),
        "qosClass": qos_class(snapshot.pod),
        "containerStatuses": [_container_status(status, snapshot) for status in main],
    }
    if init:
        reported["initContainerStatuses"] = [_container_status(status, snapshot) for status in init]
    if snapshot.address:
        reported |= {"podIP": snapshot.address, "podIPs": [{"ip": snapshot.address}]}
    return reported


def phase(snapshot: PodSnapshot) -> str:
    """Return the pod's phase."""
    main = [status for status in snapshot.statuses if status.container.role is Role.MAIN]
    if any(status.failed for status in snapshot.statuses if status.container.role is Role.INIT):
        return "Failed"
    if not initialized(snapshot.statuses) or any(not status.runs for status in main):
        return "Failed" if snapshot.terminal else "Pending"
    if any(status.running for status in main):
        return "Running"
    return _outcome(main, snapshot)


def _outcome(main: Sequence[ContainerStatus], snapshot: PodSnapshot) -> str:
    if not snapshot.terminal and not all(status.finished for status in main):
        return "Running"
    good = all(
        status.terminated is not None and status.terminated.exit_code == 0 for status in main
    )
    return "Succeeded" if good else "Failed"


def qos_class(pod: Manifest) -> str:
    """Return the pod's quality of service class."""
    spec = pod["spec"]
    every = [*(spec.get("initContainers") or []), *spec["containers"]]
    resources = [item.get("resources") or {} for item in every]
    if not any(item.get("limits") or item.get("requests") for item in resources):
        return "BestEffort"
    return "Guaranteed" if all(_guaranteed(item) for item in resources) else "Burstable"


def _guaranteed(resources: Manifest) -> bool:
    limits: Mapping[str, Any] = resources.get("limits") or {}
    requests = {**limits, **(resources.get("requests") or {})}
    return {"cpu", "memory"} <= set(limits) and all(
        requests[key] == limits[key] for key in ("cpu", "memory")
    )


def _conditions(snapshot: PodSnapshot) -> list[Manifest]:
    before = {item["type"]: item for item in snapshot.pod.get("status", {}).get("conditions") or []}
    others = [item for kind, item in before.items() if kind not in _KUBELET_CONDITIONS]
    stamp = rfc3339(snapshot.wall)
    fresh = _kubelet_conditions(
        snapshot, {item["type"] for item in others if item["status"] == "True"}
    )
    return [*(_with_times(item, before.get(item["type"]), stamp) for item in fresh), *others]


def _kubelet_conditions(snapshot: PodSnapshot, gates_open: set[str]) -> list[Manifest]:
    over = phase(snapshot) in ("Succeeded", "Failed")
    unready = _unready(snapshot)
    gates = [gate["conditionType"] for gate in snapshot.pod["spec"].get("readinessGates") or []]
    shut = [gate for gate in gates if gate not in gates_open]
    containers = _condition("ContainersReady", unready, "ContainersNotReady", over=over)
    ready = _condition("Ready", unready, "ContainersNotReady", over=over)
    if shut and ready["status"] == "True":
        message = f"the status of pod readiness gates is not True: {shut}"
        ready |= {"status": "False", "reason": "ReadinessGatesNotReady", "message": message}
    up = bool(snapshot.address) and not snapshot.terminal
    return [
        {"type": "PodReadyToStartContainers", "status": "True" if up else "False"},
        _initialized(snapshot, over=over),
        ready,
        containers,
        {"type": "PodScheduled", "status": "True"},
    ]


def _unready(snapshot: PodSnapshot) -> str:
    names = [
        status.name
        for status in snapshot.statuses
        if status.container.role is not Role.INIT and not (status.running and status.ready)
    ]
    return f"containers with unready status: [{' '.join(names)}]" if names else ""


def _condition(kind: str, unready: str, reason: str, *, over: bool) -> Manifest:
    if over:
        return {"type": kind, "status": "False", "reason": "PodCompleted"}
    if unready:
        return {"type": kind, "status": "False", "reason": reason, "message": unready}
    return {"type": kind, "status": "True"}


def _initialized(snapshot: PodSnapshot, *, over: bool) -> Manifest:
    if initialized(snapshot.statuses):
        reason = {"reason": "PodCompleted"} if over else {}
        return {"type": "Initialized", "status": "True", **reason}
    names = [status.name for status in snapshot.statuses if _uninitialized(status)]
    return {
        "type": "Initialized",
        "status": "False",
        "reason": "ContainersNotInitialized",
        "message": f"containers with incomplete status: [{' '.join(names)}]",
    }


def _uninitialized(status: ContainerStatus) -> bool:
    if status.container.role is Role.INIT:
        return not status.finished or status.failed
    return status.container.role is Role.SIDECAR and not status.started


def _with_times(item: Manifest, before: Manifest | None, stamp: str) -> Manifest:
    same = before is not None and before["status"] == item["status"]
    at = before["lastTransitionTime"] if before and same else stamp
    return {"lastProbeTime": None, **item, "lastTransitionTime": at or stamp}


def _container_status(status: ContainerStatus, snapshot: PodSnapshot) -> Manifest:
    done = status.container.role is Role.INIT and status.finished and not status.failed
    reported: Manifest = {
        "name": status.name,
        "image": status.container.image,
        "imageID": status.container.image if status.runs else "",
        "ready": status.ready if status.running else done,
        "started": status.running and status.started,
        "restartCount": status.restarts,
        "state": _state(status, snapshot),
        "lastState": _last_state(status, snapshot),
    }
    if status.container_id:
        reported["containerID"] = f"embedded://{status.container_id}"
    return reported


def _state(status: ContainerStatus, snapshot: PodSnapshot) -> Manifest:
    if status.running_since is not None:
        return {"running": {"startedAt": rfc3339(status.running_since)}}
    if waiting := _waiting(status, snapshot):
        text = {"message": waiting.message} if waiting.message else {}
        return {"waiting": {"reason": waiting.reason, **text}}
    assert status.terminated is not None  # what neither runs nor waits has ended
    return {"terminated": _terminated(status.terminated)}


def _waiting(status: ContainerStatus, snapshot: PodSnapshot) -> Waiting | None:
    if status.terminated is not None and (status.finished or snapshot.terminal):
        return None
    if status.waiting is not None:
        return status.waiting
    if status.terminated is not None:
        return _back_off(status, snapshot) if snapshot.now < status.not_before else None
    if snapshot.sandbox_error is not None:
        return snapshot.sandbox_error
    first = next((other for other in snapshot.statuses if _uninitialized(other)), None)
    behind = first is not None and first.name != status.name
    return Waiting("PodInitializing" if behind else "ContainerCreating")


def _back_off(status: ContainerStatus, snapshot: PodSnapshot) -> Waiting:
    meta = snapshot.pod["metadata"]
    where = f"{meta['name']}_{meta['namespace']}({meta['uid']})"
    message = f"back-off restarting failed container={status.name} pod={where}"
    return Waiting("CrashLoopBackOff", message)


def _last_state(status: ContainerStatus, snapshot: PodSnapshot) -> Manifest:
    shown_now = status.terminated is not None and _waiting(status, snapshot) is None
    last = status.previous if status.running or shown_now else status.terminated
    return {"terminated": _terminated(last)} if last else {}


def _terminated(terminated: Terminated) -> Manifest:
    reported: Manifest = {
        "exitCode": terminated.exit_code,
        "reason": terminated.reason,
        "startedAt": rfc3339(terminated.started_at),
        "finishedAt": rfc3339(terminated.finished_at),
    }
    if terminated.container_id:
        reported["containerID"] = f"embedded://{terminated.container_id}"
    if terminated.message:
        reported["message"] = terminated.message
    return reported

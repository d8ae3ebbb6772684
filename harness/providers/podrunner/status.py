"""A pod's status, worded as a kubelet words it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from harness.kube import Manifest
from harness.providers.podrunner.containers import Role
from harness.providers.podrunner.lifecycle import Ended, State, Trouble, initialized

_OWN = (
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
class Snapshot:
    """What a pod's status is computed from.

    ``now`` is monotonic (for back-offs), ``wall`` and ``accepted`` are seconds since the
    epoch. ``terminal``: nothing runs any more and nothing will. ``obstacle`` keeps the pod
    as a whole from starting (a missing volume).
    """

    pod: Manifest
    states: Sequence[State]
    host: str
    address: str
    accepted: float
    now: float
    wall: float
    terminal: bool = False
    obstacle: Trouble | None = None


def status(seen: Snapshot) -> Manifest:
    """Return the pod's whole status, keeping transition times and others' conditions."""
    early = [state for state in seen.states if state.container.role is not Role.MAIN]
    work = [state for state in seen.states if state.container.role is Role.MAIN]
    told: Manifest = {
        "phase": phase(seen),
        "conditions": _conditions(seen),
        "hostIP": seen.host,
        "hostIPs": [{"ip": seen.host}],
        "startTime": rfc3339(seen.accepted),
        "qosClass": quality(seen.pod),
        "containerStatuses": [_container(state, seen) for state in work],
    }
    if early:
        told["initContainerStatuses"] = [_container(state, seen) for state in early]
    if seen.address:
        told |= {"podIP": seen.address, "podIPs": [{"ip": seen.address}]}
    return told


def phase(seen: Snapshot) -> str:
    """Return the pod's phase."""
    work = [state for state in seen.states if state.container.role is Role.MAIN]
    if any(state.failed for state in seen.states if state.container.role is Role.INIT):
        return "Failed"
    if not initialized(seen.states) or any(not state.runs for state in work):
        return "Failed" if seen.terminal else "Pending"
    if any(state.running for state in work):
        return "Running"
    return _outcome(work, seen)


def _outcome(work: Sequence[State], seen: Snapshot) -> str:
    if not seen.terminal and not all(state.over for state in work):
        return "Running"
    good = all(state.ended is not None and state.ended.exit_code == 0 for state in work)
    return "Succeeded" if good else "Failed"


def quality(pod: Manifest) -> str:
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


def _conditions(seen: Snapshot) -> list[Manifest]:
    before = {item["type"]: item for item in seen.pod.get("status", {}).get("conditions") or []}
    others = [item for kind, item in before.items() if kind not in _OWN]
    stamp = rfc3339(seen.wall)
    fresh = _judged(seen, {item["type"] for item in others if item["status"] == "True"})
    return [*(_stamped(item, before.get(item["type"]), stamp) for item in fresh), *others]


def _judged(seen: Snapshot, gates_open: set[str]) -> list[Manifest]:
    over = phase(seen) in ("Succeeded", "Failed")
    unready = _unready(seen)
    gates = [gate["conditionType"] for gate in seen.pod["spec"].get("readinessGates") or []]
    shut = [gate for gate in gates if gate not in gates_open]
    containers = _verdict("ContainersReady", unready, "ContainersNotReady", over=over)
    ready = _verdict("Ready", unready, "ContainersNotReady", over=over)
    if shut and ready["status"] == "True":
        message = f"the status of pod readiness gates is not True: {shut}"
        ready |= {"status": "False", "reason": "ReadinessGatesNotReady", "message": message}
    up = bool(seen.address) and not seen.terminal
    return [
        {"type": "PodReadyToStartContainers", "status": "True" if up else "False"},
        _initialized(seen, over=over),
        ready,
        containers,
        {"type": "PodScheduled", "status": "True"},
    ]


def _unready(seen: Snapshot) -> str:
    names = [
        state.name
        for state in seen.states
        if state.container.role is not Role.INIT and not (state.running and state.ready)
    ]
    return f"containers with unready status: [{' '.join(names)}]" if names else ""


def _verdict(kind: str, unready: str, reason: str, *, over: bool) -> Manifest:
    if over:
        return {"type": kind, "status": "False", "reason": "PodCompleted"}
    if unready:
        return {"type": kind, "status": "False", "reason": reason, "message": unready}
    return {"type": kind, "status": "True"}


def _initialized(seen: Snapshot, *, over: bool) -> Manifest:
    if initialized(seen.states):
        reason = {"reason": "PodCompleted"} if over else {}
        return {"type": "Initialized", "status": "True", **reason}
    names = [state.name for state in seen.states if _holds_up(state)]
    return {
        "type": "Initialized",
        "status": "False",
        "reason": "ContainersNotInitialized",
        "message": f"containers with incomplete status: [{' '.join(names)}]",
    }


def _holds_up(state: State) -> bool:
    if state.container.role is Role.INIT:
        return not state.over or state.failed
    return state.container.role is Role.SIDECAR and not state.started


def _stamped(item: Manifest, before: Manifest | None, stamp: str) -> Manifest:
    same = before is not None and before["status"] == item["status"]
    at = before["lastTransitionTime"] if before and same else stamp
    return {"lastProbeTime": None, **item, "lastTransitionTime": at or stamp}


def _container(state: State, seen: Snapshot) -> Manifest:
    done = state.container.role is Role.INIT and state.over and not state.failed
    told: Manifest = {
        "name": state.name,
        "image": state.container.image,
        "imageID": state.container.image if state.runs else "",
        "ready": state.ready if state.running else done,
        "started": state.running and state.started,
        "restartCount": state.restarts,
        "state": _now(state, seen),
        "lastState": _last(state, seen),
    }
    if state.container_id:
        told["containerID"] = f"embedded://{state.container_id}"
    return told


def _now(state: State, seen: Snapshot) -> Manifest:
    if state.running_since is not None:
        return {"running": {"startedAt": rfc3339(state.running_since)}}
    if waiting := _waits(state, seen):
        said = {"message": waiting.message} if waiting.message else {}
        return {"waiting": {"reason": waiting.reason, **said}}
    assert state.ended is not None  # what neither runs nor waits has ended
    return {"terminated": _terminated(state.ended)}


def _waits(state: State, seen: Snapshot) -> Trouble | None:
    if state.ended is not None and (state.over or seen.terminal):
        return None
    if state.trouble is not None:
        return state.trouble
    if state.ended is not None:
        return _back_off(state, seen) if seen.now < state.not_before else None
    if seen.obstacle is not None:
        return Trouble("ContainerCreating", seen.obstacle.message)
    first = next((other for other in seen.states if _holds_up(other)), None)
    behind = first is not None and first.name != state.name
    return Trouble("PodInitializing" if behind else "ContainerCreating")


def _back_off(state: State, seen: Snapshot) -> Trouble:
    meta = seen.pod["metadata"]
    where = f"{meta['name']}_{meta['namespace']}({meta['uid']})"
    message = f"back-off restarting failed container={state.name} pod={where}"
    return Trouble("CrashLoopBackOff", message)


def _last(state: State, seen: Snapshot) -> Manifest:
    shown_now = state.ended is not None and _waits(state, seen) is None
    last = state.previous if state.running or shown_now else state.ended
    return {"terminated": _terminated(last)} if last else {}


def _terminated(ended: Ended) -> Manifest:
    told: Manifest = {
        "exitCode": ended.exit_code,
        "reason": ended.reason,
        "startedAt": rfc3339(ended.started_at),
        "finishedAt": rfc3339(ended.finished_at),
    }
    if ended.container_id:
        told["containerID"] = f"embedded://{ended.container_id}"
    if ended.message:
        told["message"] = ended.message
    return told

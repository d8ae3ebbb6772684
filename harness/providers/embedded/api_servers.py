"""Waiting for the API servers of a lab that has just been started."""

from dataclasses import dataclass
from urllib.parse import urlencode

from harness.converge import Budget, NotConverged, eventually
from harness.kube import Kube
from harness.model import ApiError, Cluster, ClusterPlan, MachineError
from harness.providers.embedded.control import ControlClient
from harness.providers.fabric.raising import described
from harness.providers.fabric.state import State
from harness.shell import log_tail

_BUDGET = Budget(timeout=90.0, interval=0.05)
#: Default roles and priority classes come a second later; nothing of ours depends on them.
_NOT_AWAITED = urlencode(
    {
        "exclude": (
            "poststarthook/rbac/bootstrap-roles",
            "poststarthook/scheduling/bootstrap-system-priority-classes",
        )
    },
    doseq=True,
)


@dataclass(frozen=True, slots=True)
class _Look:
    ready: bool
    trouble: str = ""
    hopeless: bool = False

    def __str__(self) -> str:
        return self.trouble


def answering(state: State, cluster: ClusterPlan) -> Cluster:
    """Wait for the API server of ``cluster``, then start what needs it.

    Raises :class:`MachineError` if it does not come up, at once if one of its programs ends.
    """
    kubeconfig = state.kubeconfigs / f"{cluster.name}.yaml"
    kube = Kube(kubeconfig)
    try:
        eventually(
            lambda: _look(state, kube, cluster.name),
            lambda seen: seen.ready,
            what=f"the API server of {cluster.name} answers",
            budget=_BUDGET,
            final=lambda seen: seen.hopeless,
        )
    except NotConverged as error:
        raise MachineError(f"{error.what}: {error.last}") from error
    with ControlClient(state.control) as control:
        control.start(cluster.name)
    return described(cluster, kubeconfig)


def _look(state: State, kube: Kube, cluster: str) -> _Look:
    try:
        kube.request("GET", f"/readyz?{_NOT_AWAITED}")
    except ApiError as error:
        return _trouble(state, cluster) or _Look(ready=False, trouble=str(error))
    return _Look(ready=True)


def _trouble(state: State, cluster: str) -> _Look | None:
    """Say what makes waiting pointless, if anything does."""
    if not state.alive():
        return _Look(ready=False, trouble="the lab is gone", hopeless=True)
    with ControlClient(state.control) as control:
        states = control.states()
    for program in ("etcd", "kube-apiserver"):
        name = f"{cluster}-{program}"
        if (code := states.get(name)) is not None:
            said = log_tail(state.logs / f"{name}.log")
            return _Look(ready=False, trouble=f"{program} exited {code}: {said}", hopeless=True)
    return None

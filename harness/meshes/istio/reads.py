"""Which remote clusters an istiod has read, by the best of what its version tells.

A metric tells it, which istiods before 1.29 lack, and of which 1.29 and 1.30.0 say *timeout*
after half a minute, read or not. Then the debug page decides; but most istiods answer that to a
token only, and the API server's proxy passes none on. What remains is the log, in which an istiod
notes when it has read a cluster's Services and endpoints.
"""

import re
from dataclasses import dataclass, field

from harness.kube import Answer, Kube
from harness.meshes.base import DEBUG_PORT, METRICS_PORT, MeshShape
from harness.model import ApiError

_NOT_FOUND, _UNAVAILABLE = 404, 503
_STATUS = re.compile(
    r'^istiod_remote_cluster_sync_status\{cluster="(?P<cluster>[^"]+)"'
    r'[^}]*status="(?P<status>\w+)"[^}]*\} 1$',
    re.MULTILINE,
)
_NO_REMOTE = re.compile(r'^istiod_managed_clusters\{cluster_type="remote"\} 0$', re.MULTILINE)
#: What ends what an istiod knew of a cluster, and what says that it has read it anew.
_LOGGED = re.compile(
    r"Deleting cluster_id=(?P<gone>\S+) configured by"
    r"|kube controller for (?P<read>\S+) synced after"
)


@dataclass(frozen=True, slots=True)
class Read:
    """The remote clusters that one istiod has read completely, and what says so."""

    istiod: str
    clusters: frozenset[str]
    told_by: str


@dataclass(frozen=True, slots=True)
class Istiods:
    """The istiods of one cluster, as far as the API server lets us ask them."""

    kube: Kube
    shape: MeshShape
    #: Istiods that want a token for their debug pages; each refusal is an error in their logs.
    shut: set[str] = field(default_factory=set)

    def read(self) -> list[Read]:
        """Return what every running one has read."""
        running = self.kube.list(
            "Pod",
            self.shape.system,
            labels=self.shape.istiod_pods,
            fields="status.phase=Running",
        )
        return [self._read_by(pod["metadata"]["name"]) for pod in running]

    def _read_by(self, istiod: str) -> Read:
        metrics = self._asked(istiod, METRICS_PORT, "/metrics").text
        states = dict(_STATUS.findall(metrics))
        known = frozenset(cluster for cluster, status in states.items() if status == "synced")
        if _NO_REMOTE.search(metrics) or (states and "timeout" not in states.values()):
            return Read(istiod, known, "metric")
        other = self._by_page(istiod) or self._by_log(istiod)
        return Read(istiod, known | other.clusters, other.told_by)

    def _by_page(self, istiod: str) -> Read | None:
        """Ask the debug page; ``None`` where it is shut."""
        if istiod in self.shut:
            return None
        page = self._asked(istiod, DEBUG_PORT, "/debug/clusterz")
        if page.status in (401, 403):
            self.shut.add(istiod)
        if page.status != 200:
            return None
        try:
            listed = page.json() or []
        except ValueError:
            return None
        read = (each["id"] for each in listed if each.get("syncStatus") == "synced")
        return Read(istiod, frozenset(read), "debug page")

    def _asked(self, istiod: str, port: int, path: str) -> Answer:
        """Return a page of an istiod; one that begins or ends just now says nothing."""
        try:
            return self.kube.through_pod(istiod, self.shape.system, port, path)
        except ApiError as error:
            if error.status in (_NOT_FOUND, _UNAVAILABLE):
                return Answer(error.status, b"")
            raise

    def _by_log(self, istiod: str) -> Read:
        """Follow the log of its container as it is now: one that has started anew begins empty."""
        try:
            log = self.kube.logs(istiod, self.shape.system, "discovery")
        except ApiError as error:
            return Read(istiod, frozenset(), f"nothing: no metric, no debug page, {error}")
        read: set[str] = set()
        for event in _LOGGED.finditer(log):
            read.discard(event["gone"])
            read |= {event["read"]} - {None}
        return Read(istiod, frozenset(read), "log")

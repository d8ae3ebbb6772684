"""A node: every pod bound to it gets a worker, and hears what concerns it."""

from threading import Lock

from harness.kube import Kube, Manifest
from harness.providers.podrunner.informer import follow
from harness.providers.podrunner.messages import Removed, SourceChanged, Updated
from harness.providers.podrunner.pod_worker import PodWorker
from harness.providers.podrunner.runtime import Runtime


class Node:
    """The pods of one node."""

    def __init__(self, kube: Kube, runtime: Runtime) -> None:
        self._kube = kube
        self._runtime = runtime
        self._workers: dict[str, PodWorker] = {}
        self._lock = Lock()

    def follow(self) -> None:
        """Begin to run whatever is bound to this node."""
        mine = f"spec.nodeName={self._runtime.config.node}"
        follow(self._kube, "Pod", fields=mine, seen=self.pod, gone=self.pod_gone)
        for kind in ("ConfigMap", "Secret"):
            self._follow_sources(kind)

    def _follow_sources(self, kind: str) -> None:
        def changed(manifest: Manifest) -> None:
            meta = manifest["metadata"]
            self.source(kind, meta["name"], meta["namespace"])

        follow(self._kube, kind, seen=changed, gone=changed)

    def pod(self, manifest: Manifest) -> None:
        """Take in a pod that is bound to this node, new or changed."""
        uid = str(manifest["metadata"]["uid"])
        with self._lock:
            worker = self._workers.get(uid)
            if worker is None:
                worker = self._workers[uid] = PodWorker(manifest, self._runtime)
                worker.begin()
                self._forget_done()
                return
        worker.post(Updated(manifest))

    def pod_gone(self, manifest: Manifest) -> None:
        """Take in that a pod is not in the cluster any more."""
        with self._lock:
            worker = self._workers.pop(str(manifest["metadata"]["uid"]), None)
        if worker is not None:
            worker.post(Removed())

    def source(self, kind: str, name: str, namespace: str) -> None:
        """Tell the pods of a namespace that one of its ConfigMaps or Secrets changed."""
        with self._lock:
            workers = list(self._workers.values())
        for worker in workers:
            if worker.pod["metadata"]["namespace"] == namespace and worker.uses(kind, name):
                worker.post(SourceChanged(kind, name))

    def find(self, namespace: str, name: str) -> PodWorker | None:
        """Return the worker of a pod by its name (the newest, if one took another's place)."""
        with self._lock:
            workers = list(self._workers.values())
        for worker in reversed(workers):
            meta = worker.pod["metadata"]
            if (meta["namespace"], meta["name"]) == (namespace, name):
                return worker
        return None

    def _forget_done(self) -> None:
        for uid in [uid for uid, worker in self._workers.items() if worker.done]:
            del self._workers[uid]

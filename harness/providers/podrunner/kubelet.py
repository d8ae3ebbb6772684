"""The kubelet: watches pods bound to its node, ConfigMaps and Secrets; a worker for each pod."""

from threading import Lock

from harness.kube import Manifest
from harness.providers.podrunner.informer import CanWatch, Informer
from harness.providers.podrunner.messages import ObjectChanged, PodRemoved, PodUpdated
from harness.providers.podrunner.pod_worker import PodWorker
from harness.providers.podrunner.runtime import Runtime


class Kubelet:
    """The pod workers of one node."""

    def __init__(self, kube: CanWatch, runtime: Runtime) -> None:
        self._kube = kube
        self._runtime = runtime
        self._workers: dict[str, PodWorker] = {}
        self._lock = Lock()

    def run(self) -> None:
        """Begin to run whatever is bound to this node."""
        mine = f"spec.nodeName={self._runtime.config.node}"
        Informer(
            self._kube, "Pod", fields=mine, on_update=self.pod_updated, on_delete=self.pod_deleted
        ).start()
        for kind in ("ConfigMap", "Secret"):
            self._follow_objects(kind)

    def _follow_objects(self, kind: str) -> None:
        def changed(manifest: Manifest) -> None:
            meta = manifest["metadata"]
            self.object_changed(kind, meta["name"], meta["namespace"])

        Informer(self._kube, kind, on_update=changed, on_delete=changed).start()

    def pod_updated(self, manifest: Manifest) -> None:
        """Take in a pod that is bound to this node, new or changed."""
        uid = str(manifest["metadata"]["uid"])
        with self._lock:
            worker = self._workers.get(uid)
            if worker is None:
                worker = self._workers[uid] = PodWorker(manifest, self._runtime)
                worker.start()
                self._drop_finished()
                return
        worker.enqueue(PodUpdated(manifest))

    def pod_deleted(self, manifest: Manifest) -> None:
        """Take in that a pod is not in the cluster any more."""
        with self._lock:
            worker = self._workers.pop(str(manifest["metadata"]["uid"]), None)
        if worker is not None:
            worker.enqueue(PodRemoved())

    def object_changed(self, kind: str, name: str, namespace: str) -> None:
        """Tell the pods of a namespace that one of its ConfigMaps or Secrets changed."""
        with self._lock:
            workers = list(self._workers.values())
        for worker in workers:
            if worker.pod["metadata"]["namespace"] == namespace and worker.depends_on(kind, name):
                worker.enqueue(ObjectChanged(kind, name))

    def find(self, namespace: str, name: str) -> PodWorker | None:
        """Return the worker of a pod by its name (the newest, if one took another's place)."""
        with self._lock:
            workers = list(self._workers.values())
        for worker in reversed(workers):
            meta = worker.pod["metadata"]
            if (meta["namespace"], meta["name"]) == (namespace, name):
                return worker
        return None

    def _drop_finished(self) -> None:
        for uid in [uid for uid, worker in self._workers.items() if worker.done]:
            del self._workers[uid]

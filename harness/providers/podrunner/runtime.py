"""Everything through which pods reach the world, in one bundle; tests bring their own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from harness.kube import Kube, Manifest
from harness.model import ApiError
from harness.providers.podrunner.clock import Clock
from harness.providers.podrunner.config import NodeConfig
from harness.providers.podrunner.events import Events
from harness.providers.podrunner.network import Networks
from harness.providers.podrunner.object_cache import ObjectCache
from harness.providers.podrunner.prober import Prober
from harness.providers.podrunner.processes import Launcher


class Reporter(Protocol):
    """Tells the API server how pods fare."""

    def report(self, pod: Manifest, status: Manifest) -> Manifest | None:
        """Write the pod's status; return the pod as it is then, ``None`` if it is gone.

        Raises :class:`ApiError` if it should be tried again.
        """
        ...

    def remove(self, pod: Manifest) -> None:
        """Remove a pod of which nothing runs any more; raises as :meth:`report` does."""
        ...


@dataclass(frozen=True, slots=True)
class ClusterReporter:
    """Writes through the API; never to a namesake that took the pod's place."""

    kube: Kube

    def report(self, pod: Manifest, status: Manifest) -> Manifest | None:
        """Write the pod's status; return the pod as it is then, ``None`` if it is gone."""
        meta = pod["metadata"]
        patch = {"metadata": {"uid": meta["uid"]}, "status": status}
        try:
            return self.kube.patch(
                "Pod", meta["name"], patch, meta["namespace"], subresource="status"
            )
        except ApiError as error:
            if error.status in (404, 409):
                return None
            raise

    def remove(self, pod: Manifest) -> None:
        """Remove a pod of which nothing runs any more; raises as :meth:`report` does."""
        meta = pod["metadata"]
        try:
            self.kube.delete("Pod", meta["name"], meta["namespace"], grace=0, uid=meta["uid"])
        except ApiError as error:
            if error.status != 409:
                raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The world as pods reach it. ``background`` runs a piece of work on another thread."""

    config: NodeConfig
    networks: Networks
    objects: ObjectCache
    launcher: Launcher
    prober: Prober
    reporter: Reporter
    events: Events
    clock: Clock
    background: Callable[[Callable[[], None]], None]

"""What pod workers depend on (network, launcher, prober, status, events, clock), in one bundle."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from harness.kube import Kube, Manifest
from harness.model import ApiError
from harness.providers.podrunner.clock import Clock
from harness.providers.podrunner.config import NodeConfig
from harness.providers.podrunner.events import EventRecorder
from harness.providers.podrunner.network import NetworkPlugin
from harness.providers.podrunner.object_cache import ObjectCache
from harness.providers.podrunner.prober import Prober
from harness.providers.podrunner.processes import Launcher


class StatusManager(Protocol):
    """Keeps the API server's pods up to date."""

    def patch_status(self, pod: Manifest, status: Manifest) -> Manifest | None:
        """Write the pod's status; return the pod as it is then, ``None`` if it is gone.

        Raises :class:`ApiError` if it should be tried again.
        """
        ...

    def delete_pod(self, pod: Manifest) -> None:
        """Remove a pod of which nothing runs any more; raises as :meth:`patch_status` does."""
        ...


@dataclass(frozen=True, slots=True)
class ApiStatusManager:
    """Writes through the API; never to a namesake that took the pod's place."""

    kube: Kube

    def patch_status(self, pod: Manifest, status: Manifest) -> Manifest | None:
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

    def delete_pod(self, pod: Manifest) -> None:
        """Remove a pod of which nothing runs any more; raises as :meth:`patch_status` does."""
        meta = pod["metadata"]
        try:
            self.kube.delete("Pod", meta["name"], meta["namespace"], grace=0, uid=meta["uid"])
        except ApiError as error:
            if error.status != 409:
                raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What pod workers depend on. ``background`` runs a piece of work on another thread."""

    config: NodeConfig
    networks: NetworkPlugin
    objects: ObjectCache
    launcher: Launcher
    prober: Prober
    status_manager: StatusManager
    events: EventRecorder
    clock: Clock
    background: Callable[[Callable[[], None]], None]

"""What a pod stands on: its network, its directories, its volumes, its tokens."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.kube import Manifest
from harness.providers.podrunner import hostfiles
from harness.providers.podrunner.atomic_writer import Owner, prepare, project
from harness.providers.podrunner.clock import Clock
from harness.providers.podrunner.config import NodeConfig
from harness.providers.podrunner.downward_api import Facts
from harness.providers.podrunner.network import Networks, PodNetwork
from harness.providers.podrunner.object_cache import ObjectCache, Token
from harness.providers.podrunner.security_context import users
from harness.providers.podrunner.volumes import (
    FILLED,
    Filling,
    Refused,
    has_tokens,
    kind,
    payload,
    references,
    shows_the_pod,
)

#: Seconds until the API is asked again for a token that it did not give.
_REFRESH_AGAIN = 10.0


class PodSandbox:
    """One pod's sandbox. Used by the pod's own thread only."""

    def __init__(
        self,
        pod: Manifest,
        config: NodeConfig,
        networks: Networks,
        objects: ObjectCache,
        clock: Clock,
    ) -> None:
        self.pod = pod
        self.network: PodNetwork | None = None
        self.address = ""  # kept when the network is given back, as in a kubelet's last words
        self.directory = config.state / "pods" / str(pod["metadata"]["uid"])
        self._config = config
        self._networks = networks
        self._objects = objects
        self._clock = clock
        self._tokens: dict[tuple[str, int], Token] = {}
        self._refresh_after = 0.0
        self._volumes: list[Manifest] = pod["spec"].get("volumes") or []
        self.watched = frozenset(item for volume in self._volumes for item in references(volume))

    @property
    def etc(self) -> Path:
        """Where the pod's own files of ``/etc`` are."""
        return self.directory / "etc"

    @property
    def facts(self) -> Facts:
        """What the pod may know about itself."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        cores = os.cpu_count() or 1
        return Facts(self.pod, self.address, self._config.address, cores, memory)

    def lay(self) -> None:
        """Make what is not made yet; may be repeated after trouble.

        Raises :class:`Unavailable` or :class:`Refused` for volumes, and what making a network
        may raise.
        """
        if self.pod["spec"].get("hostNetwork"):
            raise Refused("hostNetwork is not supported by the embedded node")
        for volume in self._volumes:
            kind(volume)
        if self.network is None:
            self.network = self._networks.make()
            self.address = self.network.address
            naming = hostfiles.Naming(self.pod, self.address, self._config.dns, self._config.domain)
            hostfiles.write(self.etc, naming, users(self.pod))
        for volume in self._volumes:
            if kind(volume) == "emptyDir":
                prepare(self.volume(volume["name"]), self._owner())
        self._fill(lambda _: True)

    def volume(self, name: str) -> Path:
        """Return the directory of a volume."""
        return self.directory / "volumes" / name

    def read_only(self, name: str) -> bool:
        """Say whether a volume's contents are the cluster's, not the pod's."""
        return any(kind(volume) in FILLED for volume in self._volumes if volume["name"] == name)

    def log(self, container: str, run: int) -> Path:
        """Return the log file of a container's run (1 is the first)."""
        return self.directory / "logs" / container / f"{run}.log"

    def termination_message(self, container: str) -> Path:
        """Return the file in which a container may leave its last words."""
        return self.directory / "last-words" / container

    def changed(self, proper_kind: str, name: str) -> None:
        """Show a changed ConfigMap or Secret."""
        self._fill(lambda volume: (proper_kind, name) in set(references(volume)))

    def renamed(self, pod: Manifest) -> None:
        """Show the pod's labels and annotations as they are now."""
        self.pod = pod
        self._fill(shows_the_pod)

    def refresh(self) -> None:
        """Replace the tokens that are due; one that cannot be had now is tried again later."""
        if self.stale_in() > 0:
            return
        wall = self._clock.wall()
        self._refresh_after = wall + _REFRESH_AGAIN
        for (audience, seconds), token in list(self._tokens.items()):
            if token.stale_at <= wall:
                fresh = self._objects.token(self.pod, audience, seconds, wall)
                self._tokens[audience, seconds] = fresh
        self._fill(has_tokens)

    def stale_in(self) -> float:
        """Return in how many seconds a token is due to be replaced."""
        soonest = min((token.stale_at for token in self._tokens.values()), default=float("inf"))
        return max(soonest, self._refresh_after) - self._clock.wall()

    def release(self) -> None:
        """Give the network back; what the pod wrote stays."""
        network, self.network = self.network, None
        if network is not None:
            self._networks.unmake(network)

    def clear(self) -> None:
        """Leave nothing behind."""
        self.release()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _fill(self, chosen: Callable[[Manifest], bool]) -> None:
        filling = Filling(
            facts=self.facts,
            objects=self._objects,
            tokens=self._token,
            private=self._owner() != Owner(),
        )
        for volume in self._filled():
            if chosen(volume):
                project(self.volume(volume["name"]), payload(volume, filling), self._owner())

    def _filled(self) -> Iterator[Manifest]:
        return (volume for volume in self._volumes if kind(volume) in FILLED)

    def _token(self, audience: str, seconds: int) -> Token:
        key = (audience, seconds)
        if key not in self._tokens:
            self._tokens[key] = self._objects.token(self.pod, audience, seconds, self._clock.wall())
        return self._tokens[key]

    def _owner(self) -> Owner:
        """Files belong to ``fsGroup``, or to the user if all containers run as the same one."""
        context = self.pod["spec"].get("securityContext") or {}
        if "fsGroup" in context:
            return Owner(group=int(context["fsGroup"]))
        spec = self.pod["spec"]
        every = [*spec["containers"], *(spec.get("initContainers") or [])]
        whose = {
            (item.get("securityContext") or {}).get("runAsUser", context.get("runAsUser"))
            for item in every
        }
        only = whose.pop() if len(whose) == 1 else None
        return Owner(user=None if only is None else int(only))

"""One pod's volumes on this node: mounted once, then kept up to date with objects and tokens."""

from collections.abc import Callable
from pathlib import Path

from harness.kube import Manifest
from harness.providers.podrunner.atomic_writer import Owner, make_empty_dir, write
from harness.providers.podrunner.clock import Clock
from harness.providers.podrunner.downward_api import PodInfo
from harness.providers.podrunner.object_cache import ObjectCache, Token
from harness.providers.podrunner.security_context import volume_owner
from harness.providers.podrunner.volumes import (
    API_VOLUMES,
    VolumeSources,
    has_downward_api,
    has_tokens,
    payload,
    references,
    volume_kind,
)

#: Seconds until the API is asked again for a token that it did not give.
_TOKEN_RETRY = 10.0


class VolumeManager:
    """The volumes of one pod below ``directory``. Used by the pod's own thread only."""

    def __init__(
        self,
        volumes: list[Manifest],
        directory: Path,
        *,
        pod_info: Callable[[], PodInfo],
        objects: ObjectCache,
        clock: Clock,
    ) -> None:
        self.references = frozenset(item for volume in volumes for item in references(volume))
        self._volumes = volumes
        self._directory = directory
        self._pod_info = pod_info
        self._objects = objects
        self._clock = clock
        self._tokens: dict[tuple[str, int], Token] = {}
        self._retry_tokens_at = 0.0

    def path(self, name: str) -> Path:
        """Return the directory of a volume."""
        return self._directory / name

    def read_only(self, name: str) -> bool:
        """Say whether a volume's contents come from the API, so that no container may write."""
        return any(
            volume_kind(volume) in API_VOLUMES for volume in self._volumes if volume["name"] == name
        )

    def mount_all(self) -> None:
        """Make every volume; :class:`Unavailable` if an object is missing. May be repeated."""
        for volume in self._volumes:
            if volume_kind(volume) not in API_VOLUMES:
                make_empty_dir(self.path(volume["name"]), volume_owner(self._pod_info().pod))
        self._write(lambda _: True)

    def object_changed(self, kind: str, name: str) -> None:
        """Write the volumes that show a ConfigMap or Secret anew."""
        self._write(lambda volume: (kind, name) in set(references(volume)))

    def metadata_changed(self) -> None:
        """Write the volumes that show the pod's labels or annotations anew."""
        self._write(has_downward_api)

    def refresh_tokens(self) -> None:
        """Replace the tokens that are due; one that cannot be had now is tried again later."""
        if self.refresh_in() > 0:
            return
        wall = self._clock.wall()
        self._retry_tokens_at = wall + _TOKEN_RETRY
        for key, token in list(self._tokens.items()):
            if token.refresh_at <= wall:
                self._tokens[key] = self._request_token(*key)
        self._write(has_tokens)

    def refresh_in(self) -> float:
        """Return in how many seconds a token is due to be replaced."""
        soonest = min((token.refresh_at for token in self._tokens.values()), default=float("inf"))
        return max(soonest, self._retry_tokens_at) - self._clock.wall()

    def _write(self, chosen: Callable[[Manifest], bool]) -> None:
        pod_info = self._pod_info()
        owner = volume_owner(pod_info.pod)
        sources = VolumeSources(
            pod_info=pod_info,
            objects=self._objects,
            tokens=self._token,
            private=owner != Owner(),
        )
        for volume in self._volumes:
            if volume_kind(volume) in API_VOLUMES and chosen(volume):
                write(self.path(volume["name"]), payload(volume, sources), owner)

    def _token(self, audience: str, seconds: int) -> Token:
        key = (audience, seconds)
        if key not in self._tokens:
            self._tokens[key] = self._request_token(*key)
        return self._tokens[key]

    def _request_token(self, audience: str, seconds: int) -> Token:
        return self._objects.token(self._pod_info().pod, audience, seconds, self._clock.wall())

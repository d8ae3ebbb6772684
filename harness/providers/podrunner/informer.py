"""An informer: list-and-watch of one kind of object through cuts and expired versions."""

from collections.abc import Callable, Iterator
from threading import Thread
from typing import Protocol

from harness.converge import pause
from harness.kube import Event, Manifest
from harness.model import ApiError

#: Seconds between attempts to reach an API server that does not answer.
_RETRY = 0.2
_GONE = 410


class CanWatch(Protocol):
    """The part of a Kubernetes client that an informer needs."""

    def watch(self, kind: str, *, fields: str, initial_end: bool) -> Iterator[Event]:
        """Yield every object, a ``BOOKMARK``, then every change; :class:`ApiError` if cut."""
        ...


class Informer:
    """Follows all objects of ``kind``.

    ``on_update`` is called for every object there is and at every change, ``on_delete`` once for
    each object that ceased to be, also if that happened while the connection was cut: objects
    are told apart by uid.
    """

    def __init__(
        self,
        kube: CanWatch,
        kind: str,
        *,
        fields: str = "",
        on_update: Callable[[Manifest], None],
        on_delete: Callable[[Manifest], None],
    ) -> None:
        self._kube = kube
        self._kind = kind
        self._fields = fields
        self._on_update = on_update
        self._on_delete = on_delete
        self._known: dict[str, Manifest] = {}

    def start(self) -> None:
        """Follow for ever, on a thread of its own."""
        Thread(target=self._run, name=f"informer-{self._kind}", daemon=True).start()

    def _run(self) -> None:
        while True:
            self.list_and_watch()

    def list_and_watch(self) -> None:
        """List everything and follow the changes until the connection ends, however it ends."""
        try:
            self._consume(self._kube.watch(self._kind, fields=self._fields, initial_end=True))
        except ApiError as error:
            # A version that has expired is listed anew at once.
            if error.status != _GONE:
                pause(_RETRY, why="an API server that is away needs time to come back")

    def _consume(self, events: Iterator[Event]) -> None:
        listed: set[str] | None = set()
        for event in events:
            uid = str(event.manifest["metadata"].get("uid", ""))
            if event.kind == "BOOKMARK":
                for lost in self._known.keys() - (self._known.keys() if listed is None else listed):
                    self._on_delete(self._known.pop(lost))
                listed = None
            elif event.kind == "DELETED":
                self._known.pop(uid, None)
                self._on_delete(event.manifest)
            else:
                self._known[uid] = event.manifest
                if listed is not None:
                    listed.add(uid)
                self._on_update(event.manifest)

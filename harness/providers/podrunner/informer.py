"""A list-and-watch of one kind of object that survives cut connections and expired versions."""

from collections.abc import Callable, Iterator
from threading import Thread

from harness.converge import pause
from harness.kube import Event, Kube, Manifest
from harness.model import ApiError

#: Seconds between attempts to reach an API server that does not answer.
_AGAIN = 0.2
_GONE = 410


def run_informer(
    kube: Kube,
    kind: str,
    *,
    fields: str = "",
    on_update: Callable[[Manifest], None],
    on_delete: Callable[[Manifest], None],
) -> None:
    """Follow all objects of ``kind`` for ever, on a thread of its own.

    ``on_update`` is called for every object there is and at every change, ``on_delete`` once for
    each object that ceased to be, also if that happened while the connection was cut: objects
    are told apart by uid.
    """
    known: dict[str, Manifest] = {}

    def forever() -> None:
        while True:
            try:
                consume(
                    kube.watch(kind, fields=fields, initial_end=True), known, on_update, on_delete
                )
            except ApiError as error:
                if error.status != _GONE:
                    pause(_AGAIN, why="an API server that is away needs time to come back")

    Thread(target=forever, name=f"follow-{kind}", daemon=True).start()


def consume(
    events: Iterator[Event],
    known: dict[str, Manifest],
    on_update: Callable[[Manifest], None],
    on_delete: Callable[[Manifest], None],
) -> None:
    """Take in one connection's events; its first ones list everything that there is."""
    listed: set[str] | None = set()
    for event in events:
        uid = str(event.manifest["metadata"].get("uid", ""))
        if event.kind == "BOOKMARK":
            for lost in known.keys() - (known.keys() if listed is None else listed):
                on_delete(known.pop(lost))
            listed = None
        elif event.kind == "DELETED":
            known.pop(uid, None)
            on_delete(event.manifest)
        else:
            known[uid] = event.manifest
            if listed is not None:
                listed.add(uid)
            on_update(event.manifest)

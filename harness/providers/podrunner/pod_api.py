"""Which fields of the Pod API the pod runner honours, refuses or ignores, and the test of a pod.

The table itself is in :mod:`pod_api_fields`; docs/pod-runner.md is printed from it by
``python -m harness.providers.podrunner.pod_api``.
"""

import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import groupby
from typing import Any

from harness.kube import Manifest
from harness.providers.podrunner.pod_api_fields import (
    ACCEPTED,
    HONOURED,
    IGNORED,
    NESTED,
    PARTLY,
    REFUSED,
)


class Refused(Exception):  # noqa: N818 - not an error of ours: the pod asks for too much
    """A pod asks for something that cannot be given to it."""


class Support(StrEnum):
    """What becomes of a field."""

    HONOURED = "honoured"
    PARTLY = "partly"
    REFUSED = "refused"
    IGNORED = "ignored"


_TABLE: Mapping[Support, Mapping[str, str]] = {
    Support.HONOURED: HONOURED,
    Support.PARTLY: PARTLY,
    Support.REFUSED: REFUSED,
    Support.IGNORED: IGNORED,
}
#: Every field by ``Type.field``, with what becomes of it and a note.
FIELDS: Mapping[str, tuple[Support, str]] = {
    field: (support, note) for support, notes in _TABLE.items() for field, note in notes.items()
}
#: Types of which one field says where something comes from: without it there is nothing.
_SOURCES = ("EnvVarSource", "LifecycleHandler", "Probe", "Volume", "VolumeProjection")
#: What a field may hold and still ask for nothing.
_UNSET: tuple[Any, ...] = (None, False, 0, "", [])


def refused(spec: Manifest) -> Iterator[str]:
    """Yield a message for everything in a pod's spec for which the pod is not started."""
    for field, where, value in _set_fields(spec, "PodSpec", "spec"):
        if field in ACCEPTED:
            yield from _unless_accepted(field, where, value)
        elif field in REFUSED:
            yield f"{where} is not supported by the pod runner: {REFUSED[field]}"
        elif field not in FIELDS and field.split(".")[0] in _SOURCES:
            yield f"{where} is not supported by the pod runner: it is not known"


def unknown(spec: Manifest) -> Iterator[str]:
    """Yield a message for every field that has no row and for which the pod is started anyway."""
    for field, where, _ in _set_fields(spec, "PodSpec", "spec"):
        if field not in FIELDS and field.split(".")[0] not in _SOURCES:
            yield f"{where} is not known to the pod runner and has no effect"


def _set_fields(spec: Manifest, kind: str, path: str) -> Iterator[tuple[str, str, Any]]:
    """Yield ``Type.field``, place and value of every field that asks for something."""
    for name, value in spec.items():
        field, where = f"{kind}.{name}", f"{path}.{name}"
        if value in _UNSET:
            continue
        yield field, where, value
        if field in NESTED:
            for inner, at in _items(value, where):
                yield from _set_fields(inner, NESTED[field], at)


def _unless_accepted(field: str, where: str, value: Any) -> Iterator[str]:
    note = FIELDS[field][1]
    for item, at in _items(value, where):
        if item not in ACCEPTED[field]:
            yield f"{at} {item!r} is not supported by the pod runner: {note}"


def _items(value: Any, where: str) -> list[tuple[Any, str]]:
    if isinstance(value, list):
        return [(item, f"{where}[{index}]") for index, item in enumerate(value)]
    return [(value, where)]


def markdown() -> str:
    """Return the whole table, one section per type of the API, a pod's and a container's first."""
    sections: list[str] = []
    by_type = sorted(FIELDS, key=lambda field: (_rank(field), field))
    for kind, fields in groupby(by_type, key=lambda field: field.split(".")[0]):
        rows = [
            f"| `{field.split('.')[1]}` | {FIELDS[field][0]} | {FIELDS[field][1]} |"
            for field in fields
        ]
        head = [f"### {kind}", "", "| field | support | note |", "|---|---|---|"]
        sections.append("\n".join([*head, *rows]))
    return "\n\n".join(sections) + "\n"


def _rank(field: str) -> int:
    first = ("PodSpec", "Container")
    kind = field.split(".")[0]
    return first.index(kind) if kind in first else len(first)


if __name__ == "__main__":
    sys.stdout.write(markdown())

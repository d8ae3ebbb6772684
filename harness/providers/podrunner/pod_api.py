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
#: What a field may hold and still ask for nothing.
_UNSET: tuple[Any, ...] = (None, False, 0, "", [])


def refused(spec: Manifest, kind: str = "PodSpec", path: str = "spec") -> Iterator[str]:
    """Yield a message for everything in a pod's spec that the pod runner does not honour."""
    for name, value in spec.items():
        field, where = f"{kind}.{name}", f"{path}.{name}"
        if value in _UNSET:
            continue
        if field in ACCEPTED:
            yield from _unless_accepted(field, where, value)
        elif field in REFUSED:
            yield f"{where} is not supported by the pod runner: {REFUSED[field]}"
        elif field in NESTED:
            for inner, at in _items(value, where):
                yield from refused(inner, NESTED[field], at)


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
    """Return the whole table, one section per type of the API."""
    sections: list[str] = []
    for kind, fields in groupby(sorted(FIELDS), key=lambda field: field.split(".")[0]):
        rows = [
            f"| `{field.split('.')[1]}` | {FIELDS[field][0]} | {FIELDS[field][1]} |"
            for field in fields
        ]
        head = [f"### {kind}", "", "| field | | note |", "|---|---|---|"]
        sections.append("\n".join([*head, *rows]))
    return "\n\n".join(sections) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())

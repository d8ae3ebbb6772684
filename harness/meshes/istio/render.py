"""Rendered manifests, kept by their inputs: rendering takes a second of a run otherwise."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import cast

from harness import files
from harness.kube import Manifest
from harness.meshes.istio.tag import with_default_tag
from harness.tools.istioctl import Istioctl

#: Part of every key: raised when the way from istioctl's output to the result changes.
_FORMAT = 3


@dataclass(frozen=True, slots=True)
class Renderer:
    """Turns operators into manifests; ``digest`` is istioctl's, ``cache`` a directory."""

    istioctl: Istioctl
    digest: str
    cache: Path

    def render(self, operator: str, *, default: bool = True) -> list[Manifest]:
        """Return all that an installation of ``operator`` creates, in istioctl's order.

        ``default``: it becomes the revision of namespaces that name none.
        """
        inputs = f"{_FORMAT} {self.digest} {default} {operator}"
        key = hashlib.sha256(inputs.encode()).hexdigest()
        entry = self.cache / f"{key}.json"
        if (kept := _read(entry)) is not None:
            return kept
        text = self.istioctl.manifest_generate(operator)
        manifests = files.parse_manifests(text, source="istioctl")
        if default:
            manifests = with_default_tag(manifests)
        _write(entry, manifests)
        return manifests


def _read(entry: Path) -> list[Manifest] | None:
    try:
        return cast("list[Manifest]", json.loads(entry.read_bytes()))
    except (FileNotFoundError, ValueError):
        return None


def _write(entry: Path, manifests: Sequence[Manifest]) -> None:
    """Write beside and rename, so that nobody reads half an entry."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=entry.parent, delete=False, encoding="utf-8") as aside:
        json.dump(manifests, aside)
    os.replace(aside.name, entry)  # noqa: PTH105 - a name is all there is

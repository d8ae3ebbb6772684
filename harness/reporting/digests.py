"""SHA-256 of files, trees and values, so that a reader can tell what a verdict rests on."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.model import CheckResult
from harness.reporting.record import EvidenceFile

#: Directory entries that are by-products of running, never part of a suite.
_BYPRODUCTS = frozenset({"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"})


def of_file(path: Path) -> str:
    """Return the digest of the file's bytes, as ``sha256sum`` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_tree(directory: Path) -> str:
    """Return one digest over all files below ``directory``: their paths and their bytes.

    It is the digest of the lines ``sha256sum`` prints for the files in the order of their
    paths, so it can be recomputed with that program alone.
    """
    lines = [f"{of_file(path)}  {path.relative_to(directory)}\n" for path in _files(directory)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def of_value(value: Any) -> str:
    """Return the digest of a JSON-able value in canonical form (sorted keys, no spaces)."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def evidence(
    directory: Path, results: Iterable[CheckResult] | None = None
) -> tuple[EvidenceFile, ...]:
    """List every evidence file in ``directory`` with its digest, by path.

    With ``results``, only what those name: an earlier run may have left more.
    """
    places = {"evidence"} if results is None else {each.evidence for each in results}
    found = {path for place in places if place for path in _files(directory / place)}
    return tuple(
        EvidenceFile(
            path=path.relative_to(directory).as_posix(),
            sha256=of_file(path),
            size=path.stat().st_size,
        )
        for path in sorted(found)
    )


def _files(directory: Path) -> Iterator[Path]:
    found = (path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())
    wanted = (path for path in found if not _BYPRODUCTS.intersection(path.parts))
    yield from sorted(wanted, key=lambda path: path.relative_to(directory).as_posix())

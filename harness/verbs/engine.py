"""``meshproof engine``: start, look at and end a container engine of our own."""

import argparse
import os
from collections.abc import Sequence
from datetime import datetime

from harness.phases import Phases
from harness.providers.offline import engine
from harness.providers.offline.engine import Engine
from harness.providers.offline.engine.connection import HOST_VARIABLE
from harness.verbs.codes import FOUND


def add(parser: argparse.ArgumentParser) -> None:
    """Add the verbs; each leaves a function ``rows`` that returns its output and exit code."""
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    start = verbs.add_parser("up", help="start Docker without an uplink, or find the one started")
    start.set_defaults(rows=_up)
    end = verbs.add_parser("down", help="end it with all that runs on it; images stay")
    end.add_argument("--purge", action="store_true", help="remove its images as well")
    end.set_defaults(rows=_down)
    look = verbs.add_parser("status", help="say which engine labs would use, and how large ours is")
    look.set_defaults(rows=_status)


def _up(_: argparse.Namespace) -> tuple[Sequence[str], int]:
    started = engine.up(Phases())
    rows = [
        f"Docker {started.version} is up, pid {started.pid}; it outlives this command",
        f"{HOST_VARIABLE}={started.url}",
    ]
    chosen = os.environ.get(HOST_VARIABLE)
    if chosen and chosen != started.url:
        rows.append(f"but {HOST_VARIABLE} is set to {chosen}, which labs use instead; unset it")
    return rows, 0


def _down(options: argparse.Namespace) -> tuple[Sequence[str], int]:
    there = engine.down(Phases(), purge=options.purge)
    rows = ["the engine is down" if there else "no engine of ours was up"]
    left = engine.status()
    if left.megabytes:
        rows.append(
            f"its images stay: {_size(left.megabytes)} in {left.place} (--purge removes them)"
        )
    return rows, 0


def _status(_: argparse.Namespace) -> tuple[Sequence[str], int]:
    seen = engine.status()
    if seen.engine and seen.since is not None:
        began = datetime.fromtimestamp(seen.since).astimezone().isoformat(" ", "seconds")
        rows = [
            f"our own engine: Docker {seen.engine.version}, pid {seen.engine.pid}, since {began}",
            f"  {seen.engine.url}",
        ]
    else:
        rows = ["our own engine: down"]
    if seen.megabytes:
        rows.append(f"  {_size(seen.megabytes)} in {seen.place}")
    used = engine.find()
    return [*rows, _used(used)], 0 if used else FOUND


def _used(found: Engine | None) -> str:
    if found is None:
        return "labs on kind find no engine"
    return f"labs on kind use Docker {found.version} at {found.url}"


def _size(megabytes: int) -> str:
    return f"{megabytes / 1000:.1f} GB"

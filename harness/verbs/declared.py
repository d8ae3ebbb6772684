"""``meshproof topologies`` and ``schema``: what can be raised, and the shapes of files."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from harness import files
from harness.model import ConfigError
from harness.reporting import schemas


def add_schema(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``schema``, and the function that carries it out as ``rows``."""
    parser.add_argument("name", choices=schemas.NAMES)
    parser.set_defaults(rows=_schema)


def add_topologies(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``topologies``, and the function that carries it out as ``rows``."""
    parser.add_argument("--directory", type=Path, default=Path("topologies"))
    parser.set_defaults(rows=_topologies)


def _schema(options: argparse.Namespace) -> tuple[Sequence[str], int]:
    return [json.dumps(schemas.shipped(options.name), indent=2, ensure_ascii=False)], 0


def _topologies(options: argparse.Namespace) -> tuple[Sequence[str], int]:
    paths = files.topology_files(options.directory, field=True)
    if not paths:
        raise ConfigError(str(options.directory), ["holds no topology; run this in a checkout"])
    topologies = [files.load_topology(path) for path in paths]
    width = max(len(topology.name) for topology in topologies)
    return [f"{topology.name:<{width}}  {topology.title}" for topology in topologies], 0

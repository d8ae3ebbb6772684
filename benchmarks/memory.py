"""How much memory a lab takes: of processes on this machine, and of containers on an engine."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from docker import DockerClient

from harness.model import Lab
from harness.providers.fabric.state import State
from harness.providers.kind.api import NAME as KIND
from harness.providers.kind.api import client_of, containers_of

#: What the kernel keeps of files and gives back at once when memory is short.
_PAGE_CACHE = ("active_file", "inactive_file")


def of_lab(lab: Lab) -> int:
    """Return the bytes of the processes that hold a lab, and of its containers on kind."""
    place = State(Path(lab.state_dir))
    holder = place.holder()
    held = 0 if holder is None else sum(_pss(pid) for pid in _descendants(holder))
    if lab.provider != KIND:
        return held
    with client_of(lab) as client:
        return held + of_containers(client, lab.id)


def of_containers(client: DockerClient, lab: str) -> int:
    """Return the bytes of every container of a lab, without page cache."""
    found = containers_of(client, lab)
    return sum(without_page_cache(each.stats(stream=False)["memory_stats"]) for each in found)


def without_page_cache(stats: Mapping[str, Any]) -> int:
    """Return the bytes that an engine reports of a container, of either cgroup version.

    Version 1 tells of a container with all that is in it under names that begin with ``total_``.
    """
    detail: Mapping[str, int] = stats["stats"]
    cached = sum(detail.get(f"total_{name}", detail.get(name, 0)) for name in _PAGE_CACHE)
    return int(stats["usage"]) - cached


def _descendants(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _descendants(int(child))


def _pss(pid: int) -> int:
    """Return the proportional set size of a process; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))

"""Keep a control plane busy with configuration that nobody is concerned by."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from threading import Event

from harness.kube import Manifest
from harness.workloads.rules import aborting
from harness.workloads.site import Site
from harness.workloads.stage import SAMPLE

_AT_ONCE = 8


@contextmanager
def churning(site: Site, objects: int) -> Iterator[None]:
    """Write so many rules of namespace ``sample`` over and over while the body runs."""
    kube, done = site.config.kube, Event()

    def keep_writing() -> None:
        for turn in count(1):
            for number in range(objects):
                if done.is_set():
                    return
                kube.apply(_rule(number, turn))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            list(pool.map(lambda number: kube.apply(_rule(number, 0)), range(objects)))
            writing = pool.submit(keep_writing)
            yield
            done.set()
            writing.result()
        finally:
            done.set()
            names = [_rule(number, 0)["metadata"]["name"] for number in range(objects)]
            list(pool.map(lambda name: kube.delete("VirtualService", name, SAMPLE), names))


def _rule(number: int, turn: int) -> Manifest:
    """Return a rule for a host that nobody has, another one each turn."""
    name = f"churn-{number}"
    return aborting(name, SAMPLE, host=f"{name}.example", word=f"turn-{turn}")

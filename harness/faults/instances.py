"""Make a single instance of a service misbehave."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.probes.caller import Caller


@contextmanager
def failing(instance: Caller, *, status: int) -> Iterator[None]:
    """Let an instance answer ``status`` to every request while the body runs."""
    instance.fail(status=status)
    try:
        yield
    finally:
        instance.fail()

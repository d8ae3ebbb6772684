"""By which DNS domain Services are called in the clusters that are looked at now.

A topology may give its clusters another domain than ``cluster.local``; all of them have the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_DOMAIN: ContextVar[str] = ContextVar("domain", default="cluster.local")


def services_domain() -> str:
    """Return what follows NAME.NAMESPACE in the whole name of a Service."""
    return f"svc.{_DOMAIN.get()}"


def service_name(name: str, namespace: str) -> str:
    """Return the whole name of a Service."""
    return f"{name}.{namespace}.{services_domain()}"


@contextmanager
def named_in(domain: str) -> Iterator[None]:
    """Call Services by another domain while the body runs, also in threads that it starts.

    Threads get it by :func:`harness.converge.concurrently`, which hands the context on.
    """
    token = _DOMAIN.set(domain)
    try:
        yield
    finally:
        _DOMAIN.reset(token)

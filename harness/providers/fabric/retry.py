"""Doing work that an API server must let succeed, however often it comes and goes."""

import math
from collections.abc import Callable

from harness.converge import Budget, eventually
from harness.kube import Kube
from harness.model import ApiError, ToolError
from harness.phases import to_stderr

#: A lab may stand for days, and its API servers may be gone for any part of them.
FOREVER = Budget(timeout=math.inf, interval=0.1, firm=True)


def await_health(kube: Kube, cluster: str) -> None:
    """Wait until the API server is wholly healthy."""
    eventually(
        lambda: _healthy(kube),
        bool,
        what=f"the API server of {cluster} is healthy",
        budget=FOREVER,
    )


def _healthy(kube: Kube) -> bool:
    try:
        return kube.request("GET", "/healthz").status == 200
    except ApiError:
        return False


def persist(cluster: str, work: Callable[[], object], *, again: bool) -> None:
    """Do ``work`` until the API server lets it succeed; ``again``: and then for ever."""

    said = ""

    def done() -> bool:
        nonlocal said
        try:
            work()
        except (ApiError, ToolError) as error:
            if said != str(error):
                said = str(error)
                to_stderr(f"{cluster}: {error}")
            return False
        return not again

    eventually(done, bool, what=f"the cloud of {cluster} is done", budget=FOREVER)

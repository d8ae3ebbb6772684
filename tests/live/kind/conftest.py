"""Labs of the kind provider, without a mesh."""

import pytest

from harness.providers.kind.provider import KindProvider
from tests.live.triangle import callers, lab, sites

__all__ = ["callers", "lab", "sites"]


@pytest.fixture(scope="module")
def provider() -> KindProvider:
    made = KindProvider()
    if missing := made.lacks():
        pytest.skip("; ".join(missing))
    return made

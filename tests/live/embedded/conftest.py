"""Labs of the embedded provider, without a mesh."""

import pytest

from harness.providers.embedded.provider import EmbeddedProvider
from tests.live.triangle import callers, lab, sites

__all__ = ["callers", "lab", "sites"]


@pytest.fixture(scope="module")
def provider() -> EmbeddedProvider:
    made = EmbeddedProvider()
    if missing := made.lacks():
        pytest.skip("; ".join(missing))
    return made

"""Whole runs of the suites take labs of the embedded provider."""

import pytest

from harness.providers.embedded.provider import EmbeddedProvider


@pytest.fixture(autouse=True)
def machine() -> None:
    if missing := EmbeddedProvider().lacks():
        pytest.skip("; ".join(missing))

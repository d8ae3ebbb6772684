"""The cast of ambient meshes, for the checks of this directory."""

import pytest

from harness.workloads import ambient
from harness.workloads.site import Site


@pytest.fixture
def cast(sites: tuple[Site, ...]) -> tuple[Site, ...]:
    """The clusters, with the cast of ambient meshes in each."""
    ambient.stand(sites)
    return sites

"""What a vendor may implement. The prefix ``pytest_`` is what makes pytest see a hook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # every run of pytest loads this module, few need what it speaks of
    from pathlib import Path

    from harness.meshes.base import Mesh
    from harness.model import Lab
    from harness.providers.base import Provider
    from harness.reporting.writers import ReportWriter


@pytest.hookspec(firstresult=True)
def pytest_mesh_make(name: str, version: str) -> Mesh | None:
    """Return the mesh for ``--mesh NAME`` (``version`` may be empty), or ``None`` if not yours."""


@pytest.hookspec(firstresult=True)
def pytest_mesh_make_provider(name: str) -> Provider | None:
    """Return the provider for ``--provider NAME``, or ``None`` if the name is not yours."""


@pytest.hookspec
def pytest_mesh_collect_evidence(lab: Lab, directory: Path) -> None:
    """Write what explains a failed check into ``directory``, before anything is undone."""


@pytest.hookspec
def pytest_mesh_report_writers() -> list[ReportWriter]:
    """Return additional writers; each gets the finished record once."""
    return []

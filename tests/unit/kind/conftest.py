"""Fixtures of the tests of the kind provider: an engine on paper, a place for labs."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import pytest
from docker import DockerClient

from harness.providers.fabric.state import STATE_VARIABLE
from tests.unit.triangle import plan, topology

from .paper_engine import Paper

__all__ = ["plan", "topology"]


@pytest.fixture
def paper() -> Paper:
    return Paper()


@pytest.fixture
def client(paper: Paper) -> DockerClient:
    return cast("DockerClient", paper)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with TemporaryDirectory(prefix="mp-", dir="/tmp") as made:
        monkeypatch.setenv(STATE_VARIABLE, made)
        yield Path(made)

from pathlib import Path

import pytest

from harness.artifacts.home import BUNDLE_VARIABLE, HOME_VARIABLE


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a cache of its own, and no bundle."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(BUNDLE_VARIABLE, raising=False)
    return tmp_path / "cache"

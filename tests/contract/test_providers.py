import tempfile
from pathlib import Path

import pytest

from harness.model import plan_networks
from harness.phases import Phases
from harness.providers.base import CAPABILITIES, Provider, RaiseOptions
from harness.providers.contract import PAIR, ProviderContract
from harness.providers.paper import PaperProvider


class TestPaper(ProviderContract):
    @pytest.fixture
    def provider(self) -> Provider:
        return PaperProvider()


def test_paper_offers_no_capability() -> None:
    offered = [need for need, kind in CAPABILITIES.items() if isinstance(PaperProvider(), kind)]
    assert offered == []


def test_paper_leaves_nothing_when_it_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        PaperProvider().up(PAIR, plan_networks(PAIR), Phases(say=interrupt), RaiseOptions())
    assert list(tmp_path.iterdir()) == []

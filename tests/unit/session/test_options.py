"""Which provider ``--provider auto`` stands for."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.providers import BUILT_IN
from harness.providers.base import BuiltIn
from harness.providers.offline import engine
from harness.session import options

FOUND = engine.Engine(url="unix:///x.sock", pid=None, version="28.2", api="1.50")


@dataclass
class Kind:
    """A provider that lacks what it is told to lack."""

    missing: Sequence[str]

    def lacks(self) -> Sequence[str]:
        return self.missing


def settled(
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    *,
    found: engine.Engine | None = FOUND,
    missing: Sequence[str] = (),
) -> str:
    monkeypatch.setattr(engine, "find", lambda: found)
    made: Any = Kind(missing)
    monkeypatch.setitem(cast("dict[str, BuiltIn]", BUILT_IN), "kind", BuiltIn(lambda: made))
    chosen = SimpleNamespace(provider=asked)
    config: Any = SimpleNamespace(option=chosen, getoption=lambda _: chosen.provider)
    options.settle_provider(config)
    return str(chosen.provider)


def test_auto_is_kind_where_an_engine_can_hold_labs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settled(monkeypatch, "auto") == "kind"


def test_auto_is_embedded_without_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settled(monkeypatch, "auto", found=None) == "embedded"


def test_auto_is_embedded_where_kind_lacks_something(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settled(monkeypatch, "auto", missing=["no docker command"]) == "embedded"


def test_a_named_provider_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settled(monkeypatch, "embedded") == "embedded"
    assert settled(monkeypatch, "kind", found=None) == "kind"

"""Prove a check: it must turn red, by its own assertion, when what it guards is broken."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import pytest

from harness.converge import Budget, NotConverged, Pace, eventually
from harness.model import Fate, Proof
from harness.sabotages.scene import Sabotage, Scene, name_of
from harness.session.errors import by_assertion, told

#: Seconds for every wait inside a sabotaged check: what will not come need not be waited for.
CEILING = 8.0

_GREEN = "green"
_REASON_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Windows:
    """Seconds: how long a sabotage may take to show, and a healed mesh to recover."""

    red: float = 30.0
    green: float = 60.0


@dataclass(frozen=True, slots=True)
class Seen:
    """How one run of a check's body ended: ``green``, ``red`` by assertion, or ``broken``."""

    colour: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.colour}: {self.reason}" if self.reason else self.colour


class Unproved(Exception):  # noqa: N818 - the state of a check, not a mistake in the program
    """A check that is green did not notice what it must notice: its word is worth nothing."""


def prove(
    body: Callable[[], object],
    sabotages: Iterable[Sabotage],
    scene: Scene,
    windows: Windows = Windows(),
) -> list[Proof]:
    """Try every sabotage on a check that has just passed; return what became of each.

    After one that does not heal, the others are not tried: what they would show is unclear.
    """
    proofs: list[Proof] = []
    unhealed = ""
    for sabotage in sabotages:
        name = name_of(sabotage)
        began = time.monotonic()
        if unhealed:
            fate, reason = Fate.SPOILED, f"not tried: {unhealed} has not healed"
        else:
            fate, reason, healed = _attempt(body, sabotage, scene, windows)
            unhealed = "" if healed else name
        seconds = time.monotonic() - began
        proofs.append(Proof(sabotage=name, fate=fate, reason=reason, seconds=seconds))
    return proofs


def demand(proofs: Iterable[Proof]) -> None:
    """Raise :class:`Unproved` unless every sabotage was killed."""
    wrong = [each for each in proofs if each.fate is not Fate.KILLED]
    if wrong:
        listed = (f"sabotage {each.sabotage} {each.fate}: {each.reason}" for each in wrong)
        raise Unproved("; ".join(listed))


_FATES = {"red": Fate.KILLED, "green": Fate.SURVIVED, "broken": Fate.SPOILED}


def _attempt(
    body: Callable[[], object], sabotage: Sabotage, scene: Scene, windows: Windows
) -> tuple[Fate, str, bool]:
    try:
        with sabotage(scene):
            seen = _until(lambda: _sabotaged(body), windows.red, lambda seen: seen.colour != _GREEN)
    except Exception as error:  # noqa: BLE001 - a sabotage of a vendor may raise anything
        seen = Seen("broken", f"by the sabotage itself: {_told(error)}")
    healed = _until(lambda: _coloured(body), windows.green, lambda seen: seen.colour == _GREEN)
    if healed.colour != _GREEN:
        return Fate.SPOILED, f"did not heal: {healed} (before: {seen})"[:_REASON_LIMIT], False
    reason = seen.reason or f"still green after {windows.red:g} s"
    return _FATES[seen.colour], reason[:_REASON_LIMIT], True


def _until(look: Callable[[], Seen], seconds: float, until: Callable[[Seen], bool]) -> Seen:
    budget = Budget(timeout=seconds, interval=0.2)
    try:
        return eventually(look, until, what="the check changes its colour", budget=budget)
    except NotConverged as error:
        return error.last if isinstance(error.last, Seen) else Seen("broken", str(error))


def _sabotaged(body: Callable[[], object]) -> Seen:
    with replace(Pace.current(), ceiling=CEILING).kept():
        return _coloured(body)


def _coloured(body: Callable[[], object]) -> Seen:
    try:
        body()
    except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:  # noqa: BLE001 - a check may raise anything
        return Seen("red" if by_assertion(error) else "broken", _told(error))
    return Seen(_GREEN)


def _told(error: BaseException) -> str:
    return told(error).partition("\n")[0]

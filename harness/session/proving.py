"""Prove a check: it must turn red, by the right claim, when what it guards is broken."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import pytest

from harness.converge import Budget, NotConverged, Pace, eventually
from harness.model import Fate, Proof
from harness.sabotages.scene import Scene, name_of
from harness.session.check import Aim
from harness.session.errors import by_assertion, told

#: Seconds for every wait inside a sabotaged check: what will not come need not be waited for.
CEILING = 8.0

_GREEN, _RED, _BROKEN = "green", "red", "broken"
_REASON_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Windows:
    """Seconds: how long a sabotage may take to show, and a healed mesh to recover."""

    red: float = 30.0
    green: float = 60.0


@dataclass(frozen=True, slots=True)
class Seen:
    """How one run of a check's body ended: ``green``, ``red`` by assertion, or ``broken``.

    ``claim`` is what the assertion claimed, without what was seen instead.
    """

    colour: str
    reason: str = ""
    claim: str = ""

    def shows(self, breaks: str) -> bool:
        """Say whether the claim with these words was broken."""
        return self.colour == _RED and breaks in self.claim

    def __str__(self) -> str:
        return f"{self.colour}: {self.reason}" if self.reason else self.colour


class Unproved(Exception):  # noqa: N818 - the state of a check, not a mistake in the program
    """A check that is green did not notice what it must notice: its word is worth nothing."""


def prove(
    body: Callable[[], object],
    aims: Iterable[Aim],
    scene: Scene,
    windows: Windows = Windows(),
) -> list[Proof]:
    """Try every sabotage on a check that has just passed; return what became of each.

    After one that does not heal, the others are not tried: what they would show is unclear.
    """
    proofs: list[Proof] = []
    unhealed = ""
    for aim in aims:
        name = name_of(aim.sabotage)
        began = time.monotonic()
        if unhealed:
            fate, reason = Fate.SPOILED, f"not tried: {unhealed} has not healed"
        else:
            fate, reason, healed = _attempt(body, aim, scene, windows)
            unhealed = "" if healed else name
        seconds = time.monotonic() - began
        tried = {"sabotage": name, "claim": aim.breaks, "reason": reason, "seconds": seconds}
        proofs.append(Proof(fate=fate, **tried))
    return proofs


def missing(names: Iterable[str]) -> list[Proof]:
    """Return what is to be said of sabotages that nobody has written."""
    reason = "the catalogue names it, and no check implements it"
    return [Proof(sabotage=name, fate=Fate.MISSING, reason=reason) for name in names]


def demand(proofs: Iterable[Proof]) -> None:
    """Raise :class:`Unproved` unless every sabotage that was tried was killed."""
    wrong = [each for each in proofs if each.fate in (Fate.SURVIVED, Fate.SPOILED)]
    if wrong:
        listed = (f"sabotage {each.sabotage} {each.fate}: {each.reason}" for each in wrong)
        raise Unproved("; ".join(listed))


def _attempt(
    body: Callable[[], object], aim: Aim, scene: Scene, windows: Windows
) -> tuple[Fate, str, bool]:
    def decided(seen: Seen) -> bool:
        return seen.colour == _BROKEN or seen.shows(aim.breaks)

    try:
        with aim.sabotage(scene.of_pair(aim.pair)):
            seen = _until(lambda: _sabotaged(body), windows.red, decided)
    except Exception as error:  # noqa: BLE001 - a sabotage of a vendor may raise anything
        seen = Seen(_BROKEN, f"by the sabotage itself: {_told(error)}")
    healed = _until(lambda: _coloured(body), windows.green, lambda seen: seen.colour == _GREEN)
    if healed.colour != _GREEN:
        return Fate.SPOILED, f"did not heal: {healed} (before: {seen})"[:_REASON_LIMIT], False
    fate, reason = _judged(seen, aim.breaks, windows)
    return fate, reason[:_REASON_LIMIT], True


def _judged(seen: Seen, breaks: str, windows: Windows) -> tuple[Fate, str]:
    if seen.shows(breaks):
        return Fate.KILLED, seen.reason
    if seen.colour == _RED:
        return Fate.SPOILED, f"by another claim: {seen.reason}"
    if seen.colour == _GREEN:
        return Fate.SURVIVED, f"still green after {windows.red:g} s"
    return Fate.SPOILED, seen.reason


def _until(look: Callable[[], Seen], seconds: float, until: Callable[[Seen], bool]) -> Seen:
    budget = Budget(timeout=seconds, interval=0.2)
    try:
        return eventually(look, until, what="the check changes its colour", budget=budget)
    except NotConverged as error:
        return error.last if isinstance(error.last, Seen) else Seen(_BROKEN, str(error))


def _sabotaged(body: Callable[[], object]) -> Seen:
    with replace(Pace.current(), ceiling=CEILING).kept():
        return _coloured(body)


def _coloured(body: Callable[[], object]) -> Seen:
    try:
        body()
    except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:  # noqa: BLE001 - a check may raise anything
        if by_assertion(error):
            return Seen(_RED, _told(error), claim_of(error))
        return Seen(_BROKEN, _told(error))
    return Seen(_GREEN)


def claim_of(error: BaseException) -> str:
    """Return what a broken expectation claimed: what a wait was for, or an assertion's words.

    An assertion's words are those before the first colon; behind it stands what was seen.
    """
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(map(claim_of, error.exceptions))
    if isinstance(error, NotConverged):
        return error.what
    return _told(error).partition(": ")[0]


def _told(error: BaseException) -> str:
    return told(error).partition("\n")[0]

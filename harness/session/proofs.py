"""With ``--prove``, a plugin of its own: after a clean run, a check is run under its sabotages."""

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pytest

from harness.model import Lab, Proof
from harness.sabotages.scene import Scene
from harness.session import proving
from harness.session.check import CHECK
from harness.session.diary import diary
from harness.session.run import RUN
from harness.workloads.site import Site

_STAND = "meshproof_stand"
_PROVING: pytest.StashKey[bool] = pytest.StashKey()


@dataclass(frozen=True, slots=True)
class Stand:
    """What every sabotage may touch, whatever the check itself has asked for."""

    lab: Lab
    sites: tuple[Site, ...]


@pytest.fixture(autouse=True, name=_STAND)
def stand(request: pytest.FixtureRequest) -> Stand | None:
    """Return the lab and its clusters for a check that is to be proved."""
    check = request.node.stash.get(CHECK, None)
    if check is None or not (check.aims or check.missing):
        return None
    return Stand(request.getfixturevalue("lab"), request.getfixturevalue("sites"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """After a clean run: run the check under each of its sabotages, healed in between."""
    began = time.monotonic()
    done = yield
    stand = pyfuncitem.funcargs.get(_STAND)
    if not isinstance(stand, Stand) or pyfuncitem.stash.get(_PROVING, False):
        return done
    said = diary(pyfuncitem)
    said.close(time.monotonic() - began)
    pyfuncitem.stash[_PROVING] = True
    try:
        said.proofs = _proved(pyfuncitem, stand)
    finally:
        del pyfuncitem.stash[_PROVING]
    proving.demand(said.proofs)
    return done


def _proved(item: pytest.Function, stand: Stand) -> list[Proof]:
    run, check = item.config.stash[RUN], item.stash[CHECK]
    given: dict[str, Any] = {name: each for name, each in item.funcargs.items() if name != _STAND}
    scene = Scene(
        lab=stand.lab,
        mesh=run.mesh,
        provider=run.provider,
        sites=stand.sites,
        source=given.get("source"),
        target=given.get("target"),
        cluster=given.get("cluster"),
        fixtures=given,
    )

    def body() -> object:
        return item.ihook.pytest_pyfunc_call(pyfuncitem=item)

    windows = proving.Windows(red=run.options.prove_window)
    unwritten = proving.missing(check.missing)
    return [*unwritten, *proving.prove(body, check.aims, scene, windows)]

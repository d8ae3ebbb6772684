"""``meshproof labs``, ``down`` and ``reap``: labs that outlive the run that raised them."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from harness.lab.kept import standing_labs
from harness.model import ConfigError, Lab
from harness.phases import Phases
from harness.providers import BUILT_IN
from harness.providers.base import Reaps
from harness.providers.fabric.state import loaded, present
from harness.providers.offline import engine


def add_down(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``down``, and the function that carries it out as ``rows``."""
    parser.add_argument(
        "labs", nargs="+", metavar="LAB", help="ids, as `meshproof labs` lists them"
    )
    parser.set_defaults(rows=_down)


def add_labs(parser: argparse.ArgumentParser) -> None:
    """Add the function that carries ``labs`` out as ``rows``."""
    parser.set_defaults(rows=_labs)


def add_reap(parser: argparse.ArgumentParser) -> None:
    """Add the function that carries ``reap`` out as ``rows``."""
    parser.set_defaults(rows=_reap)


def _down(options: argparse.Namespace) -> tuple[Sequence[str], int]:
    standing = _standing()
    if unknown := [lab for lab in options.labs if lab not in standing]:
        raise ConfigError("labs", [f"no lab {lab} stands" for lab in unknown])
    if foreign := [standing[lab] for lab in options.labs if standing[lab].provider not in BUILT_IN]:
        raise ConfigError("labs", [_foreign(lab) for lab in foreign])
    for lab in options.labs:
        BUILT_IN[standing[lab].provider].make().down(standing[lab])
        standing_labs().forget(standing[lab])
    return [f"took down lab {lab}" for lab in options.labs], 0


def _foreign(lab: Lab) -> str:
    return (
        f"lab {lab.id} is of provider {lab.provider!r}, which is a plugin's: take it down by that "
        f"provider's own means; it is forgotten once {lab.state_dir} is gone"
    )


def _labs(_: argparse.Namespace) -> tuple[Sequence[str], int]:
    rows = []
    for lab in _standing().values():
        rows.append(f"{lab.id}  {lab.topology.name} on {lab.provider}")
        rows += [f"  {cluster.name}  {cluster.kubeconfig}" for cluster in lab.clusters]
    return rows or ["no lab stands"], 0


def _standing() -> dict[str, Lab]:
    """Return the labs of this user that stand: those that were kept, and those in use now."""
    used = [lab for state in present() if state.alive() and (lab := loaded(state))]
    kept = [each.lab for each in standing_labs().all()]
    return {lab.id: lab for lab in [*kept, *used] if Path(lab.state_dir).exists()}


def _reap(_: argparse.Namespace) -> tuple[Sequence[str], int]:
    rows = [f"removed what was left of lab {lab}" for lab in reaped()]
    for kept in standing_labs().all():
        if not Path(kept.lab.state_dir).exists():
            standing_labs().forget(kept.lab)
    if engine.reap(Phases()):
        rows.append("removed what was left of a container engine")
    return rows or ["nothing was left"], 0


def reaped() -> list[str]:
    """Remove what is left of labs of every built-in provider; return their ids."""
    makers = [built_in.make() for built_in in BUILT_IN.values()]
    return [lab for maker in makers if isinstance(maker, Reaps) for lab in maker.reap()]

"""How workers get the labs of another process: one begins a check, and waits for its lab.

The owner hears of every check that begins. It raises the next lab when every worker waits for
another than the one that stands, for whoever waits has put back what it did on the last one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import files
from harness.converge import Budget, eventually
from harness.lab.keeper import Keeper, NoLab
from harness.model import Lab, Topology

#: A worker waits as long as checks of others take on the lab before, and is ended with the owner.
_PATIENCE = Budget(timeout=86400, interval=0.1, firm=True)


@dataclass(frozen=True, slots=True)
class Loan:
    """What the owner hands to workers: a lab as plain data, or why there is none."""

    lab: Mapping[str, Any] = field(default_factory=dict)
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where loans lie for workers to see, one for each topology; none holds a credential."""

    directory: Path

    def lay(self, topology: str, loan: Loan) -> None:
        """Let every worker see ``loan``, all of it at once."""
        self.directory.mkdir(exist_ok=True)
        text = json.dumps({"lab": dict(loan.lab), "trouble": loan.trouble})
        files.publish(self._path(topology), text)

    def clear(self, topology: str) -> None:
        """Take the loan of ``topology`` back."""
        self._path(topology).unlink(missing_ok=True)

    def loan(self, topology: str) -> Loan | None:
        """Return the loan of ``topology``, if it lies here."""
        path = self._path(topology)
        return Loan(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None

    def _path(self, topology: str) -> Path:
        return self.directory / f"{topology}.json"


@dataclass(slots=True)
class Lender:
    """Decides, in the process that owns the labs, when which is raised: one stands at a time."""

    keeper: Keeper
    desk: Desk
    topologies: Sequence[Topology]
    _workers: int = 0
    #: Checks that have begun and not ended, each with the topology whose lab it may ask for.
    _begun: list[tuple[str, str | None]] = field(default_factory=list)
    _lent: str = ""

    def came(self) -> None:
        """Hear of a worker that is about to start."""
        self._workers += 1

    def went(self) -> None:
        """Hear of a worker that has ended, however it did."""
        self._workers -= 1
        self._serve()

    def began(self, check: str, topology: str | None) -> None:
        """Hear of a check that a worker has begun; without a ``topology``, it asks for no lab."""
        self._begun.append((check, topology))
        self._serve()

    def ended(self, check: str) -> None:
        """Hear of a check that has ended, be it with its worker, and be it before it began."""
        for begun in self._begun:
            if begun[0] == check:
                self._begun.remove(begun)
                break
        self._serve()

    def _serve(self) -> None:
        """Raise the next lab, if nobody needs the one that stands."""
        wanted = {topology for _, topology in self._begun}
        if self._lent in wanted or len(self._begun) < self._workers:
            return
        for topology in self.topologies:
            if topology.name in wanted:
                self._lend(topology)
                return

    def _lend(self, topology: Topology) -> None:
        if self._lent:
            self.desk.clear(self._lent)
        self._lent = topology.name
        try:
            loan = Loan(lab=self.keeper.lab(topology).dump())
        except NoLab as error:
            loan = Loan(trouble=str(error))
        self.desk.lay(topology.name, loan)


@dataclass(slots=True)
class BorrowingKeeper:
    """Holds the lab that its owner has lent last. Lives in an xdist worker."""

    desk: Desk
    used: Sequence[Lab] = ()
    _lab: Lab | None = None

    @property
    def standing(self) -> Lab | None:
        """The borrowed lab."""
        return self._lab

    def lab(self, topology: Topology) -> Lab:
        """Return the lab of ``topology``, waiting until its owner has raised it."""
        if self._lab is None or self._lab.topology.name != topology.name:
            self._lab = None
            self._lab = self._borrowed(topology)
        return self._lab

    def close(self) -> None:
        """Do nothing: the owner takes it down."""

    def _borrowed(self, topology: Topology) -> Lab:
        loan = eventually(
            lambda: self.desk.loan(topology.name),
            lambda found: found is not None,
            what=f"the owner lends the lab of {topology.name}",
            budget=_PATIENCE,
        )
        if loan is None or not loan.lab:
            raise NoLab(loan.trouble if loan else "")
        return Lab.load(dict(loan.lab))

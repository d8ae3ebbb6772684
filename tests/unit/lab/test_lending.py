"""When workers get which lab of the process that owns them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.lab.keeper import NoLab
from harness.lab.lending import BorrowingKeeper, Desk, Lender, Loan
from harness.model import Cluster, ClusterSpec, Lab, NetworkSpec, Topology, plan_networks


def topology(name: str) -> Topology:
    return Topology(
        name=name,
        title=name,
        networks=(NetworkSpec(name="n"),),
        clusters=(ClusterSpec(name="c", network="n"),),
    )


ONE, TWO, THREE = map(topology, ("one", "two", "three"))


@dataclass
class Raising:
    """A keeper that notes what it raises, and cannot raise what it is told."""

    raised: list[str] = field(default_factory=list)
    broken: str = ""
    standing: Lab | None = None
    used: Sequence[Lab] = ()

    def lab(self, topology: Topology) -> Lab:
        self.raised.append(topology.name)
        if topology.name == self.broken:
            raise NoLab("no room")
        cluster = Cluster(name="c", network="n", kubeconfig="/k", server="", version="v1")
        return Lab(
            id=f"lab-{topology.name}",
            provider="paper",
            topology=topology,
            plan=plan_networks(topology),
            clusters=(cluster,),
            state_dir="/nowhere",
        )

    def close(self) -> None: ...


@pytest.fixture
def keeper() -> Raising:
    return Raising()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "loans")


@pytest.fixture
def lender(keeper: Raising, desk: Desk) -> Lender:
    lender = Lender(keeper, desk, (ONE, TWO, THREE))
    lender.came()
    lender.came()
    return lender


def test_a_lab_is_lent_as_plain_data_and_taken_down_by_nobody_who_borrows(
    lender: Lender, keeper: Raising, desk: Desk
) -> None:
    lender.began("a", "one")
    lender.began("b", "one")
    assert BorrowingKeeper(desk).standing is None
    borrowing = BorrowingKeeper(desk)
    assert borrowing.lab(ONE) == keeper.lab(ONE) == borrowing.standing
    borrowing.close()
    assert borrowing.standing is not None  # it is the owner's


def test_what_could_not_be_raised_is_lent_as_a_reason(
    lender: Lender, keeper: Raising, desk: Desk
) -> None:
    keeper.broken = "one"
    lender.began("a", "one")
    lender.began("b", "one")
    with pytest.raises(NoLab, match="no room"):
        BorrowingKeeper(desk).lab(ONE)


def test_nothing_is_raised_before_every_worker_has_begun(lender: Lender, keeper: Raising) -> None:
    lender.began("a", "two")
    assert keeper.raised == []
    lender.began("b", "one")
    assert keeper.raised == ["one"]  # the first in order, whoever came first


def test_the_next_is_raised_when_nobody_is_on_the_last(
    lender: Lender, keeper: Raising, desk: Desk
) -> None:
    lender.began("a", "one")
    lender.began("b", "one")
    lender.ended("a")
    lender.began("c", "two")
    assert keeper.raised == ["one"]  # b is still on it
    lender.ended("b")
    assert keeper.raised == ["one"]  # its worker may go on there
    lender.began("d", "two")
    assert keeper.raised == ["one", "two"]
    assert desk.loan("one") is None
    assert desk.loan("two") is not None


def test_a_worker_that_has_nothing_left_keeps_nobody_waiting(
    lender: Lender, keeper: Raising
) -> None:
    lender.began("a", "one")
    lender.began("b", "one")
    lender.ended("a")
    lender.began("c", "two")
    lender.ended("b")
    lender.went()
    assert keeper.raised == ["one", "two"]


def test_the_check_of_a_worker_that_died_keeps_nobody_waiting(
    lender: Lender, keeper: Raising
) -> None:
    lender.began("a", "one")
    lender.began("b", "one")
    lender.ended("a")
    lender.began("c", "three")
    lender.went()
    lender.came()  # the one that replaces it
    lender.ended("b")
    assert keeper.raised == ["one"]
    lender.began("b", "one")  # what the dead one has left
    assert keeper.raised == ["one"]
    lender.ended("b")
    lender.began("d", "three")
    assert keeper.raised == ["one", "three"]


def test_a_check_whose_worker_died_before_it_began_ends_nothing(
    lender: Lender, keeper: Raising
) -> None:
    lender.ended("a")
    lender.began("b", "two")
    assert keeper.raised == []
    lender.began("a", "one")
    assert keeper.raised == ["one"]


def test_what_asks_for_no_lab_gets_none(lender: Lender, keeper: Raising, desk: Desk) -> None:
    lender.began("a", None)
    lender.began("b", None)
    assert keeper.raised == []
    lender.ended("a")
    lender.began("c", "three")
    assert keeper.raised == ["three"]


def test_a_borrower_goes_from_lab_to_lab(desk: Desk, keeper: Raising) -> None:
    borrowing = BorrowingKeeper(desk)
    for each in (ONE, TWO, ONE):
        desk.lay(each.name, Loan(lab=keeper.lab(each).dump()))
        assert borrowing.lab(each).topology == each
        desk.clear(each.name)

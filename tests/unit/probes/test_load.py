"""The harness's end of a load: what it fetches, and what it makes of it."""

from dataclasses import dataclass, field
from typing import Any

from harness.probes.load import Load


def entry(at: float) -> dict[str, Any]:
    return {"at": at, "status": 200, "cluster": "c1", "ms": 1.0}


@dataclass
class PaperAgent:
    """Has a load under way of which some entries more are known at each look."""

    total: int
    step: int
    made: int = 0
    told: int = 0
    asked: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str) -> dict[str, Any]:
        self.asked.append(f"{method} {path}")
        self.made = self.total if method == "DELETE" else min(self.total, self.made + self.step)
        after = int(path.rpartition("=")[2])
        entries = [entry(float(number ^ 1)) for number in range(after, self.made)]
        self.told += len(entries)
        return {
            "began": 0.0,
            "sent": self.total,
            "finished": self.made == self.total,
            "entries": entries,
        }

    def load(self) -> Load:
        return Load(self.ask, {"id": "7"}, seconds=30, timeout=2)


def test_every_entry_is_fetched_once_however_often_one_looks() -> None:
    agent = PaperAgent(total=5000, step=50)
    load = agent.load()
    while agent.made < 5000:
        assert len(load.now().entries) == agent.told
    ledger = load.ledger()
    assert (ledger.sent, ledger.ok, agent.told) == (5000, 5000, 5000)
    assert [seen.at for seen in ledger.entries] == [float(number) for number in range(5000)]
    assert agent.asked[:2] == ["GET /load/7?after=0", "GET /load/7?after=50"]


def test_a_load_that_has_ended_is_not_asked_again() -> None:
    agent = PaperAgent(total=10, step=10)
    load = agent.load()
    first = load.ledger()
    assert load.now() == load.stop() == load.ledger() == first
    assert len(agent.asked) == 1


def test_stopping_keeps_what_was_seen_before() -> None:
    agent = PaperAgent(total=10, step=4)
    load = agent.load()
    assert len(load.now().entries) == 4
    assert len(load.stop().entries) == 10
    assert agent.asked == ["GET /load/7?after=0", "DELETE /load/7?after=4"]


def test_a_load_that_never_began_says_why() -> None:
    agent = PaperAgent(total=0, step=0)
    load = Load(agent.ask, {"id": "", "trouble": "name not resolved"}, seconds=1, timeout=1)
    assert load.ledger().trouble == load.stop().trouble == "name not resolved"
    assert agent.asked == []

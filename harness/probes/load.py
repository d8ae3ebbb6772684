"""The harness's end of an open-loop load, and the ledger that it leaves."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from harness.converge import Budget, eventually

#: Speaks to an agent: method, path, body.
Ask = Callable[..., Any]
#: Seconds for an agent on a busy machine to enter its last calls.
_MARGIN = 30.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One call: ``at`` seconds after the start it was due; ``ms`` count from then.

    ``identity`` is the SPIFFE URI of the caller as the server's proxy saw it, empty if none.
    """

    at: float
    status: int | None
    trouble: str
    cluster: str
    version: str
    pod: str
    identity: str
    ms: float

    @property
    def ok(self) -> bool:
        """Whether the call was served."""
        return self.status == 200


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without a served call: from the last one before to the first one after it."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything that one load saw. ``entries`` are in the order in which they were due."""

    began: datetime
    sent: int
    entries: tuple[Entry, ...]
    trouble: str = ""

    @property
    def ok(self) -> int:
        """How many calls were served."""
        return sum(entry.ok for entry in self.entries)

    @property
    def failed(self) -> tuple[Entry, ...]:
        """The calls that were not served."""
        return tuple(entry for entry in self.entries if not entry.ok)

    @property
    def share(self) -> float:
        """The share of served calls among those sent; 0 if none was."""
        return self.ok / self.sent if self.sent else 0.0

    @property
    def by_cluster(self) -> Counter[str]:
        """How many calls each cluster served."""
        return Counter(entry.cluster for entry in self.entries if entry.ok)

    @property
    def identities(self) -> Counter[str]:
        """How often servers saw which identity of the caller (empty: none)."""
        return Counter(entry.identity for entry in self.entries if entry.ok)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The times around failed calls in which none was served, in order."""
        found: list[Gap] = []
        start, broken = 0.0, False
        for entry in self.entries:
            if entry.ok and broken:
                found.append(Gap(start, entry.at))
            start, broken = (entry.at, False) if entry.ok else (start, True)
        if broken:
            found.append(Gap(start, self.entries[-1].at))
        return tuple(found)

    def between(self, start: float, end: float) -> "Ledger":
        """Return the part that was due from ``start`` to before ``end`` (seconds)."""
        part = tuple(entry for entry in self.entries if start <= entry.at < end)
        return Ledger(self.began, len(part), part, self.trouble)

    def __str__(self) -> str:
        """Say how many were served, by whom, how slowly, and what the others met."""
        met = Counter(entry.trouble or str(entry.status) for entry in self.failed)
        failed = ", ".join(f"{count}x {what}" for what, count in met.most_common(5))
        told = f"{self.ok} of {self.sent} served {dict(self.by_cluster)}"
        return "; ".join(filter(None, (told, self._slowest, failed, self.trouble)))

    @property
    def _slowest(self) -> str:
        served = [entry for entry in self.entries if entry.ok]
        if not served:
            return ""
        slowest = max(served, key=lambda entry: entry.ms)
        return f"the slowest in {slowest.ms:.0f} ms, {slowest.at:.1f} s after the start"


class Load:
    """A load that runs inside a pod; made by ``Caller.load``.

    Each look fetches only what is new since the one before, and the agent forgets what was
    fetched: a long load costs its own size, however often it is looked at.
    """

    def __init__(
        self, ask: Ask, started: Mapping[str, Any], *, seconds: float, timeout: float
    ) -> None:
        self._ask = ask
        self._seconds = seconds
        self._name = str(started["id"])
        self._timeout = timeout
        self._lock = Lock()
        self._entries: list[Entry] = []
        self._ledger = Ledger(datetime.now(UTC), 0, (), str(started.get("trouble", "")))
        #: Whether the ledger is whole; without a name nothing was sent.
        self._finished = not self._name

    def now(self) -> Ledger:
        """Return what has been seen so far; calls that are under way are sent, not entered."""
        with self._lock:
            if not self._finished:
                self._look()
            return self._ledger

    def stop(self) -> Ledger:
        """Send no more, wait for what is under way, return everything."""
        with self._lock:
            if not self._finished:
                self._look("DELETE")
        return self._finish(self._timeout + _MARGIN)

    def ledger(self) -> Ledger:
        """Wait until the whole load was sent and answered, return everything."""
        return self._finish(self._seconds + self._timeout + _MARGIN)

    def _finish(self, within: float) -> Ledger:
        return eventually(
            self.now,
            lambda _: self._finished,
            what="the load has ended",
            budget=Budget(timeout=within, interval=0.2, firm=True),
        )

    def _look(self, method: str = "GET") -> None:
        """Fetch what is new; the number of the first wanted entry acknowledges those before."""
        said = self._ask(method, f"/load/{self._name}?after={len(self._entries)}")
        self._entries += map(_entry, said["entries"])
        began = datetime.fromtimestamp(said["began"], UTC)
        # Entries come as calls end. Between looks few are out of order, which sorts fast.
        entries = tuple(sorted(self._entries, key=lambda entry: entry.at))
        self._ledger = Ledger(began, said["sent"], entries)
        self._finished = bool(said["finished"])


_WORDS = ("trouble", "cluster", "version", "pod", "identity")


def _entry(raw: Mapping[str, Any]) -> Entry:
    words = {name: str(raw.get(name, "")) for name in _WORDS}
    return Entry(at=raw["at"], status=raw["status"], ms=raw["ms"], **words)

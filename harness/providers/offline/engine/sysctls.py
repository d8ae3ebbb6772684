"""The machine's own settings that nodes need or overwrite, lent for a time and put back.

No namespace keeps these apart: limits on inotify count for the whole machine, and a kubelet
writes a few more from within its (privileged) node. Whoever runs nodes takes a loan; when the
last borrower is gone, however it ended, the next look puts back what was there before. The
ledger lies below ``/run``, as it is worth nothing after a reboot.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness import files, locks
from harness.providers.fabric.claims import start_time

#: What several nodes on one machine need at least.
LIMITS: Mapping[str, int] = {
    "fs.inotify.max_user_instances": 8192,
    "fs.inotify.max_user_watches": 524288,
}
#: What every kubelet writes.
OVERWRITTEN: Mapping[str, int] = {
    "kernel.keys.root_maxbytes": 25000000,
    "kernel.keys.root_maxkeys": 1000000,
    "kernel.panic": 10,
    "kernel.panic_on_oops": 1,
    "vm.overcommit_memory": 1,
    "vm.panic_on_oom": 0,
}


@dataclass(slots=True)
class _Book:
    """What was there before, by setting, and who relies on what is there now."""

    before: dict[str, int] = field(default_factory=dict)
    borrowers: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The loans of this machine. ``settings`` is another directory only in tests."""

    directory: Path = Path("/run")
    settings: Path = Path("/proc/sys")

    def lend(self, pid: int) -> list[str]:
        """Raise limits that are too low until process ``pid`` has ended; say what was changed.

        Raises :class:`OSError` where the machine does not allow it, and changes nothing then.
        """
        with self._book() as book:
            if not book.borrowers:
                self._put_back(book)
                names = (*LIMITS, *OVERWRITTEN)
                book.before = {n: v for n in names if (v := self.value(n)) is not None}
            book.borrowers.append((pid, start_time(pid)))
            return [self._raise(name, low) for name, low in self.low().items()]

    def settle(self) -> list[str]:
        """Put back what no borrower needs any more; say what was changed."""
        if not self._path.exists():
            return []
        with self._book() as book:
            return [] if book.borrowers else self._put_back(book)

    def low(self) -> dict[str, int]:
        """Return the limits that are lower than nodes need, with their values."""
        seen = {name: self.value(name) for name in LIMITS}
        return {n: v for n, v in seen.items() if v is not None and v < LIMITS[n]}

    def value(self, name: str) -> int | None:
        """Return one setting, ``None`` if this machine does not have it."""
        try:
            return int(self._file(name).read_text())
        except (OSError, ValueError):
            return None

    def _put_back(self, book: _Book) -> list[str]:
        """Put back what was there before, where our value, and nobody else's, is there now."""
        ours = {**LIMITS, **OVERWRITTEN}
        changed = [n for n, v in book.before.items() if v != ours[n] and self.value(n) == ours[n]]
        return [self._write(name, book.before[name]) for name in changed]

    def _raise(self, name: str, low: int) -> str:
        self._write(name, LIMITS[name])
        return f"{name} raised from {low} to {LIMITS[name]}"

    def _write(self, name: str, value: int) -> str:
        self._file(name).write_text(f"{value}\n")
        return f"{name} put back to {value}"

    def _file(self, name: str) -> Path:
        return self.settings / name.replace(".", "/")

    @property
    def _path(self) -> Path:
        return self.directory / "meshproof-sysctls.json"

    @contextmanager
    def _book(self) -> Iterator[_Book]:
        """Lend the book, without borrowers that are gone; it is removed with the last of them."""
        with locks.held(locks.of_directory(self.directory)):
            book = self._read()
            yield book
            self._keep(book)

    def _read(self) -> _Book:
        try:
            told = json.loads(self._path.read_bytes())
        except (FileNotFoundError, ValueError):
            return _Book()
        borrowers = [(pid, began) for pid, began in told["borrowers"] if start_time(pid) == began]
        return _Book(told["before"], borrowers)

    def _keep(self, book: _Book) -> None:
        if not book.borrowers:
            self._path.unlink(missing_ok=True)
            return
        text = json.dumps({"before": book.before, "borrowers": book.borrowers})
        files.publish(self._path, text)


def needed_commands(low: Mapping[str, int]) -> Sequence[str]:
    """Return the commands by which a person raises limits that are too low."""
    return [f"sysctl -w {name}={LIMITS[name]}" for name in low]

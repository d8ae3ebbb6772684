"""A directory for evidence that is bounded, redacted, and survives what goes wrong."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.shell import redact

#: What to keep of a text that is too long: logs end with what matters, dumps begin with it.
Keep = Literal["head", "tail"]

#: Seconds that collecting may take: a failed check is explained while its lab still fails.
SECONDS = 20.0

_CUT = "\n[… cut: {dropped} of {total} bytes left out …]\n"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the index; ``trouble`` says why there is no file."""

    path: str
    what: str
    size: int = 0
    trouble: str = ""


@dataclass(slots=True)
class Folder:
    """Collects files below ``root`` within a number of bytes and of seconds. Thread-safe.

    ``seconds`` bounds when a step may begin, so one step may run a little longer.
    """

    root: Path
    total: int = 20_000_000
    per_file: int = 2_000_000
    seconds: float = SECONDS
    clock: Callable[[], float] = time.monotonic
    _entries: list[Entry] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _began: float = 0.0

    def __post_init__(self) -> None:
        self._began = self.clock()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What was collected, and what could not be, by path."""
        with self._lock:
            return tuple(sorted(self._entries, key=lambda entry: entry.path))

    def add(self, path: str, what: str, make: Callable[[], str], *, keep: Keep = "head") -> None:
        """Write what ``make`` returns to ``path``, or note why that was not possible."""
        if self.clock() - self._began > self.seconds:
            self.note(path, what, f"left out: {self.seconds:g}s were over")
            return
        try:
            text = redact(make())
            self._write(path, what, text, keep)
        except Exception as error:  # noqa: BLE001 - must not hide the failure it is to explain
            self.note(path, what, f"{type(error).__name__}: {error}")

    def note(self, path: str, what: str, trouble: str) -> None:
        """Record that ``path`` is missing, and why."""
        with self._lock:
            self._entries.append(Entry(path, what, trouble=redact(trouble)))

    def index(self, title: str) -> Path:
        """Write ``index.md``: what is where, and what could not be collected."""
        rows = [
            f"| {_where(entry)} | {_cell(entry.what)} | {_cell(entry.trouble or _size(entry))} |"
            for entry in self.entries
        ]
        text = [
            f"# {title}",
            "",
            "| file | what | size, or why it is missing |",
            "|--|--|--|",
            *rows,
        ]
        self.root.mkdir(parents=True, exist_ok=True)
        path = self.root / "index.md"
        path.write_text("\n".join(text) + "\n", encoding="utf-8")
        return path

    def _write(self, path: str, what: str, text: str, keep: Keep) -> None:
        data = text.encode(errors="replace")
        with self._lock:
            allowed = min(self.per_file, self.total)
            data = _shortened(data, allowed, keep)
            self.total = max(0, self.total - len(data))
            self._entries.append(Entry(path, what, size=len(data)))
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _shortened(data: bytes, allowed: int, keep: Keep) -> bytes:
    if len(data) <= allowed:
        return data
    cut = _CUT.format(dropped=len(data) - allowed, total=len(data)).encode()
    kept = data[:allowed] if keep == "head" else data[len(data) - allowed :]
    return kept + cut if keep == "head" else cut + kept


def _where(entry: Entry) -> str:
    return entry.path if entry.trouble else f"[{entry.path}]({entry.path})"


def _size(entry: Entry) -> str:
    return f"{entry.size / 1000:.1f} kB"


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")

"""Where a finished record goes: one writer per format, each ignorant of the others."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from harness.reporting.allure import AllureWriter
from harness.reporting.conformance import ConformanceWriter
from harness.reporting.junit import JUnitWriter
from harness.reporting.page import PageWriter
from harness.reporting.record import RunRecord


class ReportWriter(Protocol):
    """Turns a finished record into one report."""

    @property
    def name(self) -> str:
        """What the report is called in messages, such as ``JUnit``."""
        ...

    def write(self, record: RunRecord, directory: Path) -> Path:
        """Write the report into ``directory`` (which exists); return what to open first.

        Reads only the record (and evidence that it names), and writes equal bytes for equal
        records.
        """
        ...


#: The writers that ship with the harness, in the order in which they are announced.
BUILT_IN: tuple[ReportWriter, ...] = (
    ConformanceWriter(),
    PageWriter(),
    JUnitWriter(),
    AllureWriter(),
)


@dataclass(frozen=True, slots=True)
class Written:
    """A report that was written, or why it could not be."""

    name: str
    path: Path | None
    trouble: str = ""


def write_all(
    record: RunRecord, directory: Path, writers: Iterable[ReportWriter] = BUILT_IN
) -> list[Written]:
    """Save the record in ``directory``, then let every writer have it.

    A writer that breaks costs its own report, never the others'.
    """
    directory.mkdir(parents=True, exist_ok=True)
    named = [(writer.name, partial(writer.write, record, directory)) for writer in writers]
    return [_written(*each) for each in [("record", partial(record.save, directory)), *named]]


def _written(name: str, write: Callable[[], Path]) -> Written:
    try:
        return Written(name, write())
    except Exception as error:  # noqa: BLE001 - a writer may be a vendor's
        return Written(name, None, f"{type(error).__name__}: {error}")

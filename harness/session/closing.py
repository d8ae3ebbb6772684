"""The end of a run: take the lab down, settle what was seen, write the reports."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from harness.session import recording
from harness.session.errors import told
from harness.session.run import Run
from harness.session.verdicts import Ledger, Settled

if TYPE_CHECKING:  # writers are slow to load, and only the end of a run needs them
    from harness.reporting.writers import ReportWriter, Written


@dataclass(slots=True)
class Closing:
    """Ends a run once, however it ends."""

    run: Run
    ledger: Ledger
    hook: Any
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    complete: bool = False
    interrupted: bool = False
    #: Whether there is something to report: nothing may replace an older report otherwise.
    due: bool = False
    settled: Settled = field(default_factory=Settled)
    written: "list[Written]" = field(default_factory=list)
    _finished: bool = False

    def finish(self) -> None:
        """Take the lab down and write the reports. Idempotent."""
        if self._finished:
            return
        self._finished = True
        try:
            self.run.keeper.close()
        except KeyboardInterrupt:
            self.interrupted = True
            self.complete = False
        except Exception as error:  # noqa: BLE001 - whatever broke must not cost the report
            self.run.troubles.note("taking the lab down", told(error))
        self.settled = self.ledger.closed(self.run.options.catalogue)
        if self.due:
            self._write()

    @property
    def failed(self) -> bool:
        """Whether anything was seen that must not end in exit code 0."""
        settled = self.settled
        unwritten = any(each.trouble for each in self.written)
        left_open = settled.left_open(self.run.options.catalogue, self.run.options.level)
        return bool(settled.failed or left_open or settled.lost or self.run.troubles or unwritten)

    def _write(self) -> None:
        from harness.reporting.writers import BUILT_IN, write_all

        writers = [*BUILT_IN, *self._vendors_writers()]
        complete = self.complete and not self.settled.lost
        try:
            record = recording.record(self.run, self.settled, self.started, complete=complete)
            self.written = write_all(record, self.run.options.report_dir, writers)
        except Exception as error:  # noqa: BLE001 - what the run saw is still to be told
            self.run.troubles.note("the reports, which were not written", told(error))

    def _vendors_writers(self) -> "list[ReportWriter]":
        try:
            return [each for listed in self.hook.pytest_mesh_report_writers() for each in listed]
        except Exception as error:  # noqa: BLE001 - a vendor's hook must not cost the report
            self.run.troubles.note("reports", told(error))
            return []

"""The process that owns a run: it hears of every check, and ends the run."""

import pytest

from harness.session import summary
from harness.session.closing import Closing
from harness.shell import redact

_NOTHING_RUN = (pytest.ExitCode.NO_TESTS_COLLECTED, pytest.ExitCode.USAGE_ERROR)


class Owner:
    """Collects what every process reports, and ends the run."""

    def __init__(self, config: pytest.Config, closing: Closing) -> None:
        self._config = config
        self._closing = closing
        self._collected = False
        self._uncollected = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """From here on, whatever ends the run is worth a report."""
        self._closing.due = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Tell a run from options such as ``--fixtures``, which only show something."""
        self._collected = True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Enter what could not be collected: nobody knows which checks are missing."""
        if report.failed:
            said = redact(report.longreprtext).strip().rpartition("\n")[2]
            self._closing.run.troubles.note(f"collecting {report.nodeid}", said)
            self._uncollected = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Enter the results that a report carries."""
        self._closing.ledger.enter(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Take the lab down and write the reports; nothing left open ends in success."""
        cut = session.shouldstop or session.shouldfail
        ran = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        self._closing.complete = ran and not cut and not self._uncollected
        self._closing.due = self._collected and exitstatus not in _NOTHING_RUN
        if reporter := self._config.pluginmanager.getplugin("terminalreporter"):
            reporter.write_line("")  # ends the line of progress
        self._closing.finish()
        if self._closing.interrupted:
            session.exitstatus = pytest.ExitCode.INTERRUPTED
        elif exitstatus == pytest.ExitCode.OK and self._closing.failed:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was judged, what counts, and where the reports are."""
        terminalreporter.section("meshproof")
        for line in summary.lines(self._closing):
            terminalreporter.write_line(line)

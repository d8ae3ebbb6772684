"""Workers as the process that owns the run hears of them: it lends them labs."""

import pytest

from harness.lab.lending import Lender
from harness.session import opening, verdicts
from harness.session.run import Run


class Workers:
    """Hears what xdist's workers begin and end, and has the next lab raised when it is due."""

    def __init__(self, run: Run) -> None:
        self._run = run
        desk = opening.desk(run.directory)
        self._lender = Lender(run.keeper, desk, run.options.topologies)
        self._labs = verdicts.labs(run.directory)  # nothing yet: workers write it

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self) -> None:
        """Count a worker that is about to start."""
        self._lender.came()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self) -> None:
        """Count a worker that has ended no more."""
        self._lender.went()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Hear of a check that may wait for its lab from now on."""
        self._labs = self._labs or verdicts.labs(self._run.directory)
        self._lender.began(nodeid, self._labs.get(nodeid))

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Hear of a check that has ended."""
        self._lender.ended(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hear of a check that has ended with its worker, which reports in no phase of it."""
        if report.when not in ("setup", "call", "teardown"):
            self._lender.ended(report.nodeid)

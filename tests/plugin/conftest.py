"""A project of its own for whole runs of pytest: a toy mesh on a toy provider, on paper."""

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness import files

pytest_plugins = ["pytester"]

TEMPLATE = Path(__file__).parent / "project"
CHECKOUT = Path(__file__).parents[2]
TOYS = ("--provider=toy", "--mesh=toy")


@dataclass(frozen=True)
class Project:
    """Runs pytest in a directory with topologies, a catalogue and checks."""

    pytester: pytest.Pytester

    @property
    def path(self) -> Path:
        return self.pytester.path

    def check(self, text: str, name: str = "suites/test_it.py") -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("import os\nimport pytest\n\n" + text)

    def run(self, *options: str, topology: str = "pair") -> pytest.RunResult:
        """Run pytest in this process: fast."""
        return self.pytester.runpytest_inprocess(*TOYS, f"--topology={topology}", *options)

    def run_apart(self, *options: str, topology: str = "pair") -> pytest.RunResult:
        """Run pytest in a process of its own: needed for workers and signals."""
        return self.pytester.runpytest_subprocess(*TOYS, f"--topology={topology}", *options)

    @property
    def log(self) -> list[str]:
        path = self.path / "log"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def leftovers(self) -> list[str]:
        """Labs that were raised and not taken down."""
        path = self.path / "labs"
        labs = path.read_text().splitlines() if path.exists() else []
        return [lab for lab in labs if Path(lab).exists()]

    def report(self) -> Any:
        return files.read(self.path / "reports/conformance.yaml").data

    def record(self) -> Any:
        return files.read(self.path / "reports/record.json").data

    def results(self) -> dict[str, str]:
        """Verdicts by what stands behind the file name of a check."""
        return {
            each["check"].partition("::")[2]: each["verdict"] for each in self.record()["results"]
        }

    def reasons(self) -> dict[str, str]:
        return {
            each["check"].partition("::")[2]: each["reason"] for each in self.record()["results"]
        }


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("MESHPROOF_HOME", str(pytester.path / "home"))
    monkeypatch.setenv("TMPDIR", str(pytester.path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(pytester.mkdir("tmp")))
    # As for a vendor, the package is installed, not found beside the project: pytest would want to
    # rewrite the assertions of a package that the run around this one has imported already.
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if Path(entry) != CHECKOUT])
    shutil.copytree(TEMPLATE, pytester.path, dirs_exist_ok=True)
    pytester.makeini("[pytest]\naddopts = --import-mode=importlib\nfilterwarnings = error\n")
    return Project(pytester)

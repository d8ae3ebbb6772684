import os
from pathlib import Path

import pytest

from harness.artifacts.progress import PatientShell
from harness.model import ToolError
from harness.phases import Phases


def shell(tmp_path: Path, phases: Phases, every: float = 10.0) -> PatientShell:
    log = tmp_path / "log"
    return PatientShell(title="etcd 3", estimate=28, log=log, phases=phases, every=every)


def test_output_is_returned_and_kept(tmp_path: Path) -> None:
    patient = shell(tmp_path, Phases(say=lambda _: None))
    assert patient.run(["echo", "one"]).checked() == "one\n"
    assert patient.run(["echo", "two"]).checked() == "two\n"
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_the_last_lines_of_a_failure_are_in_the_error(tmp_path: Path) -> None:
    patient = shell(tmp_path, Phases(say=lambda _: None))
    script = "for i in $(seq 999); do echo line $i; done; echo undefined: pilot >&2; exit 2"
    with pytest.raises(ToolError, match="exited 2") as caught:
        patient.run(["sh", "-c", script]).checked()
    assert caught.value.stderr.endswith("line 998\nline 999\nundefined: pilot\n")
    assert "line 1\n" not in caught.value.stderr


def test_output_is_redacted(tmp_path: Path) -> None:
    patient = shell(tmp_path, Phases(say=lambda _: None))
    outcome = patient.run(["sh", "-c", "echo Bearer s3cret; exit 1"])
    assert "s3cret" not in outcome.stderr + outcome.stdout + "".join(outcome.argv)


def test_progress_is_said_with_the_estimate(tmp_path: Path, said: list[str]) -> None:
    patient = shell(tmp_path, Phases(say=said.append), every=0.01)
    patient.run(["sleep", "0.1"])
    assert "etcd 3: 0s of about 28s" in said[0]


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    patient = shell(tmp_path, Phases(say=lambda _: None), every=0.01)
    assert patient.run(["sleep", "60"], timeout=0.02).exit_code == 124


def test_an_interruption_ends_the_program(tmp_path: Path) -> None:
    def interrupt(_: str) -> None:
        if (tmp_path / "log").read_text():
            raise KeyboardInterrupt

    patient = shell(tmp_path, Phases(say=interrupt), every=0.01)
    with pytest.raises(KeyboardInterrupt):
        patient.run(["sh", "-c", "echo $$; exec sleep 60"])
    pid = int((tmp_path / "log").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)

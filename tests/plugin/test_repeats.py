"""Calls that had to be made twice are in the report of the check that made them, and only there."""

import pytest

from tests.plugin.conftest import Project

CHECKS = '''
import json
from base64 import b64encode
from dataclasses import replace

from harness.kube import Answer
from harness.model import InterruptedAnswerError


class Breaking:
    """A cluster with one agent, the way to which breaks once."""

    def __init__(self):
        self.broken = False

    def list(self, kind, namespace, *, labels):
        return [{
            "metadata": {"namespace": namespace, "name": "echo-1", "creationTimestamp": "now"},
            "status": {"podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
        }]

    def get(self, kind, name, namespace):
        return {"data": {"token": b64encode(b"mpt-x").decode()}}

    def through_pod(self, *where, **what):
        if not self.broken:
            self.broken = True
            raise InterruptedAnswerError("POST /call", 0, "broken")
        return Answer(200, json.dumps({"results": [{"status": 200}] * 7}).encode())


def calls(site):
    return replace(site, kube=Breaking()).caller("sample", "echo").call("http://x", count=7)


@pytest.mark.requirement("TO-01")
def test_of_a_site(source, target):
    assert calls(source).ok


@pytest.mark.requirement("TO-02")
def test_of_all_sites(sites):
    assert calls(sites[0]).repeated == 7


@pytest.mark.requirement("TO-03")
def test_in_order(source, target):
    assert source.name != target.name
'''


@pytest.mark.parametrize("workers", [0, 2])
def test_the_report_says_what_was_called_twice(project: Project, workers: int) -> None:
    project.check(CHECKS)
    run = project.run_apart(f"-n{workers}")
    assert run.ret == pytest.ExitCode.OK
    told = "up to 7 calls of sample/echo-1 in {} were made twice, as the answers were lost"
    notes = {}
    for result in project.record()["results"]:
        name = result["check"].partition("::")[2]
        notes[name] = [note.partition(": ")[0] for note in result["notes"]]
    assert notes == {
        "test_of_a_site[east->west]": [told.format("east")],
        "test_of_a_site[west->east]": [told.format("west")],
        "test_of_all_sites": [told.format("east")],
        "test_in_order[east->west]": [],
        "test_in_order[west->east]": [],
    }

"""Evidence of a check that has just failed, taken before anything else touches the lab."""

import os
import re
from pathlib import Path

import pytest

from harness.lab.trouble import Trouble
from harness.model import Lab
from harness.providers.base import TellsIncidents
from harness.session.diary import diary
from harness.session.errors import told
from harness.session.run import Run

#: Checks whose evidence is kept per process: beyond that, one cause has many faces.
LIMIT = 12
#: Seconds for which what broke of a lab may be felt: pods of a node are started again.
AFTERMATH = 60.0
#: Processes per processor that want to run, beyond which calls may time out for that alone.
BUSY = 8.0


def take(item: pytest.Item, run: Run) -> str:
    """Collect evidence for ``item``; return its directory relative to the reports.

    Where there is none, returns nothing, and a note of the check says why.
    """
    if told_busy := busyness():
        _note(item, "the machine was busy", told_busy)
    lab = run.keeper.standing
    taken: set[str] = item.config.stash.setdefault(_TAKEN, set())
    if lab is None:
        return ""
    if len(taken) >= LIMIT:
        _note(item, "no evidence", f"{LIMIT} checks have left theirs in this process before")
        return ""
    taken.add(item.nodeid)
    try:
        return _collect(item, run, lab)
    except Exception as error:  # noqa: BLE001 - must not cost the verdict that it is to explain
        _note(item, "no evidence", told(error))
        return ""


def busyness() -> str:
    """Say how busy the machine is, if that alone may be why a check failed; else nothing."""
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    if load < BUSY * processors:
        return ""
    return f"{load:.0f} processes wanted to run on {processors} processors in the last minute"


def incidents(item: pytest.Item, run: Run, began: float) -> list[str]:
    """Return what broke of the lab itself since a check ``began`` (Unix time), or shortly before.

    A provider that tells none says nothing of its lab; one that cannot be asked is noted.
    """
    lab, provider = run.keeper.standing, run.provider
    if lab is None or not isinstance(provider, TellsIncidents):
        return []
    try:
        return list(provider.incidents(lab, began - AFTERMATH))
    except Exception as error:  # noqa: BLE001 - must not cost the verdict that it is to explain
        _note(item, "the lab was not asked what broke", told(error))
        return []


def _collect(item: pytest.Item, run: Run, lab: Lab) -> str:
    from harness.evidence import collect
    from harness.evidence.folder import Folder
    from harness.kube import Kube  # all of these are needed by failures only

    relative = Path("evidence", run.id, _slug(item.nodeid))
    directory = run.options.report_dir / relative
    directory.mkdir(parents=True, exist_ok=True)
    kubes = {cluster.name: Kube(cluster.kubeconfig) for cluster in lab.clusters}
    folder = Folder(directory)
    shapes = run.mesh.shapes(lab.topology)
    collect.collect(lab, shapes, run.provider, kubes, folder, secret=run.secret)
    _ask_vendors(item, run, directory)
    return relative.as_posix()


_TAKEN: pytest.StashKey[set[str]] = pytest.StashKey()


def _ask_vendors(item: pytest.Item, run: Run, directory: Path) -> None:
    hook = item.config.hook
    try:
        hook.pytest_mesh_collect_evidence(lab=run.keeper.standing, directory=directory)
    except Exception as error:  # noqa: BLE001 - a vendor's code must not hide the failure
        trouble = _note(item, "a plugin could not collect evidence", told(error))
        (directory / "plugin-error.txt").write_text(f"{trouble}\n", encoding="utf-8")


def _note(item: pytest.Item, subject: str, words: str) -> Trouble:
    """Note with the check what went wrong: its result finds its way out of a worker."""
    trouble = Trouble(subject, words)
    diary(item).note(str(trouble))
    return trouble


def _slug(nodeid: str) -> str:
    """Return a file name that a reader still recognises the check in."""
    name = nodeid.replace("->", "-to-").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-")[:120]

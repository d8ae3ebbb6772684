"""Where pytest meets the harness: options in, verdicts out. Holds no policy of its own."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import meshes, providers
from harness.lab.keeper import NoLab, OwningKeeper
from harness.lab.turns import Turns
from harness.lab.usage import used, users
from harness.session import collection, failure_evidence, hookspecs, opening, options, verdicts
from harness.session.check import CHECK, Check
from harness.session.closing import Closing
from harness.session.diary import diary
from harness.session.fixtures import (
    cluster,
    control_plane,
    lab,
    machine,
    mesh,
    network,
    notes,
    observed,
    outage,
    phases,
    provider,
    repeats,
    repeats_noted,
    sites,
    source,
    sources,
    target,
    targets,
    topology,
    uncaptured,
    waits,
)
from harness.session.owner import Owner
from harness.session.run import RUN, Run
from harness.session.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Generator

    from harness.meshes.base import Mesh
    from harness.model import Lab
    from harness.providers.base import Provider
    from harness.session.asked import Options

#: The fixtures that the harness offers.
__all__ = [
    "cluster",
    "control_plane",
    "lab",
    "machine",
    "mesh",
    "network",
    "notes",
    "observed",
    "outage",
    "phases",
    "provider",
    "repeats",
    "repeats_noted",
    "sites",
    "source",
    "sources",
    "target",
    "targets",
    "topology",
    "waits",
]

_KNOWN: pytest.StashKey[list[pytest.Item]] = pytest.StashKey()
_TURN: pytest.StashKey[ExitStack] = pytest.StashKey()


# --- Options and hooks -------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare every command-line option of the harness."""
    options.declare(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Open the hooks that vendors may implement."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_mesh_make(name: str, version: str) -> Mesh | None:
    """Offer the meshes that ship with the harness."""
    known = meshes.BUILT_IN.get(name)
    return known.make(version) if known else None


def pytest_mesh_make_provider(name: str) -> Provider | None:
    """Offer the providers that ship with the harness."""
    known = providers.BUILT_IN.get(name)
    return known.make() if known else None


# --- Start and end of a run --------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """Read everything that can be wrong before anything is started."""
    for mark in (
        "requirement(*ids): the requirements that this check verifies",
        "disturbs: this check needs the lab to itself",
        "sabotage(*functions, breaks=..., on=...): faults under which this check must fail "
        "(--prove) by the claim with these words; on: only for pairs of clusters of this kind",
    ):
        config.addinivalue_line("markers", mark)
    if not options.asked(config):
        return
    run = opening.opened(config)
    config.stash[RUN] = run
    if run.options.prove:
        from harness.session import proofs  # it knows the whole stack, which few runs need

        config.pluginmanager.register(proofs, "meshproof-proofs")
    if not isinstance(run.keeper, OwningKeeper):
        return
    config.add_cleanup(lambda: shutil.rmtree(run.directory, ignore_errors=True))
    if config.option.collectonly:  # nothing will be run that a report could tell of
        return
    ledger = verdicts.Ledger(run.directory)
    closing = Closing(run, ledger, config.hook)
    config.pluginmanager.register(Owner(config, closing), "meshproof-owner")
    if config.getoption("dist", "no") != "no":
        config.pluginmanager.register(Workers(run), "meshproof-workers")
    # Cleanups run last-in first-out, and run even where pytest_sessionfinish does not.
    config.add_cleanup(closing.finish)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker of the run that it is part of."""
    run = node.config.stash.get(RUN, None)
    if run is not None:
        node.workerinput[opening.WORKER] = opening.shared(run)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say on what and with what the checks run."""
    run = config.stash.get(RUN, None)
    if run is None:
        return []
    topologies = ", ".join(each.name for each in run.options.topologies)
    left = [f"meshproof: left out: {each.topology}: {each.reason}" for each in run.options.left_out]
    return [f"meshproof: {topologies} on {run.provider.name}, mesh {run.options.mesh}", *left]


# --- Collection --------------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat a check for what each topology has."""
    if run := metafunc.config.stash.get(RUN, None):
        collection.parametrise(metafunc, run.options)


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class,
) -> Generator[None, Any, Any]:
    """Remember every check, selected or not."""
    made = yield
    known = collector.config.stash.setdefault(_KNOWN, [])
    listed = made if isinstance(made, list) else [made]
    known += [each for each in listed if isinstance(each, pytest.Function)]
    return made


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose the checks, put them in order, and mark those that have nothing to judge here."""
    run = config.stash.get(RUN, None)
    if run is None:
        _leave_out(items)
        return
    for item in items:
        if check := collection.examine(item, run.options, _grounds(run)):
            item.stash[CHECK] = check
            if not check.runs:
                reason = "; ".join(sorted({gate.reason for gate in check.gates.values()}))
                item.add_marker(pytest.mark.skip(reason=reason))
    if wrong := collection.unknown(items, run.options.catalogue):
        raise pytest.UsageError("\n".join(wrong))
    left = {item for item in items if not _wanted(item, run.options)}
    config.hook.pytest_deselected(items=[item for item in items if item in left])
    items[:] = collection.ordered((item for item in items if item not in left), run.options)
    if run.options.prove:
        collection.proving(items, config.stash.get(_KNOWN, items), run.options)
    verdicts.list_checks(items, run.directory)
    verdicts.list_labs(collection.labs(items, run.options), run.directory)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note what is left out, now that every plugin has selected."""
    run = session.config.stash.get(RUN, None)
    if run is None:
        return
    known = session.config.stash.get(_KNOWN, [])
    places = [run.options.suites, *opening.paths(session.config)]
    files = opening.test_files(session.config, places)
    left_out = collection.left_out(known, session.items, files, run.options, _grounds(run))
    verdicts.list_unselected(left_out, run.directory)


def _grounds(run: Run) -> collection.Grounds:
    return collection.Grounds(run.provider, run.mesh)


def _leave_out(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("requirement"):
            item.add_marker(pytest.mark.skip(reason="needs a lab; choose one with --topology NAME"))


def _wanted(item: pytest.Item, options: Options) -> bool:
    check = item.stash.get(CHECK, None)
    return check is None or collection.wanted(check, options)


# --- Checks ------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let a check that disturbs others have the lab to itself, across all workers."""
    with ExitStack() as turn:
        item.stash[_TURN] = turn
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Keep a check from running if what it rests on has failed; else let it take its turn."""
    run, check = item.config.stash.get(RUN, None), item.stash.get(CHECK, None)
    if run is None or check is None or not check.runs:
        return
    known = verdicts.Preconditions(run.directory, run.options.catalogue)
    failed = known.failed(check.topology)
    if reason := verdicts.resting(check, failed, run.options.catalogue):
        diary(item).barred = reason
        pytest.skip(reason)
    turn = item.stash[_TURN]
    turn.close()  # a plugin that repeats checks sets them up more than once
    turn.enter_context(_turn(item, run, check))


@contextmanager
def _turn(item: pytest.Item, run: Run, check: Check) -> Generator[None]:
    lab = _lab(item, run, check)
    if lab is None:
        yield
        return
    turns = Turns(Path(lab.state_dir) / "turns")
    alone = check.disturbs or bool(check.aims)
    with turns.alone() if alone else turns.side_by_side(), used(users(lab)):
        yield


def _lab(item: pytest.Item, run: Run, check: Check) -> Lab | None:
    """Return the lab that a check is about to use, raised or lent by now, if it asks for one."""
    owned = isinstance(run.keeper, OwningKeeper)
    if owned and not ("lab" in getattr(item, "fixturenames", ()) or check.aims or check.missing):
        return None  # what nobody asks for is not raised
    # If there is none, the check's own set-up says why.
    with uncaptured(item.config), suppress(NoLab):
        return run.keeper.lab(run.topology(check.topology))
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    """Let no fixture outlive the checks of its topology: the lab goes before the next is raised."""
    run = item.config.stash.get(RUN, None)
    try:
        return (yield)
    finally:
        if run and nextitem and _leaves(item, nextitem, run):
            item.session._setupstate.teardown_exact(None)  # noqa: SLF001 - there is no other door


def _leaves(item: pytest.Item, following: pytest.Item, run: Run) -> bool:
    here = collection.topology_of(item, run.options)
    return here != collection.topology_of(following, run.options)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach results to the report, where they survive the trip from worker to controller."""
    report = yield
    run, check = item.config.stash.get(RUN, None), item.stash.get(CHECK, None)
    if run is None or check is None:
        return report
    error = call.excinfo.value if call.excinfo else None
    if report.failed and report.when in ("setup", "call") and not diary(item).proofs:
        diary(item).incidents = failure_evidence.incidents(item, run, call.start)
        diary(item).evidence = failure_evidence.take(item, run)
    for result in verdicts.results(item, report, error):
        verdicts.Preconditions(run.directory, run.options.catalogue).note(result)
        report.user_properties.append((verdicts.PROPERTY, result.model_dump(mode="json")))
    return report

"""The command line: every option of the harness, read and checked as a whole."""

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from harness import files
from harness.model import ConfigError, Level, Topology
from harness.providers import BUILT_IN
from harness.session.asked import DEFAULT_OUTAGE, Options

Loaded = TypeVar("Loaded")

_GROUP = "meshproof: conformance of meshes"


@dataclass(frozen=True, slots=True)
class _Declared:
    """A topology that is asked for: its file, and whether it was named or is one of a group."""

    path: Path
    topology: Topology
    named: bool


def declare(parser: pytest.Parser) -> None:
    """Declare every option and ini value, in the order in which a run meets them."""
    group = parser.getgroup("meshproof", _GROUP)
    _declare_subject(group)
    _declare_lab(group)
    _declare_proof(group)
    _declare_times(group)
    group.addoption("--report-dir", default="reports", metavar="DIR", help="where reports go")
    parser.addini("topology_dir", "where topologies are declared", default="topologies")
    parser.addini("catalogue", "the requirement catalogue", default="suites/requirements.yaml")
    parser.addini("suites", "what --topology runs if no path is given", default="suites")


def _declare_subject(group: pytest.OptionGroup) -> None:
    """Declare what is judged, and of what it is made."""
    group.addoption(
        "--topology",
        action="append",
        metavar="NAME|PATH",
        help="topology to raise and judge (repeatable; `all`: every one that a guide describes, "
        "`field`: those that operators run beside these, a directory: every one in it)",
    )
    group.addoption(
        "--provider",
        default="auto",
        metavar="NAME",
        help="how to raise it (auto: kind where a container engine can hold it, else embedded)",
    )
    group.addoption(
        "--kind-binary",
        metavar="PATH",
        help="kind command to use with --provider kind (default: one of the harness's programs)",
    )
    group.addoption(
        "--mesh", default="istio", metavar="NAME[+DRIVER]", help="mesh under test (none: baseline)"
    )
    group.addoption("--mesh-version", default="", metavar="VERSION", help="version to install")
    group.addoption(
        "--kubernetes-version",
        default="",
        metavar="VERSION",
        help="version of clusters whose topology names none",
    )
    group.addoption(
        "--level",
        default=str(Level.CORE),
        choices=[str(level) for level in Level],
        help="run the checks of this level and the more binding ones",
    )


def _declare_lab(group: pytest.OptionGroup) -> None:
    group.addoption("--keep", action="store_true", help="leave the lab standing after the run")
    group.addoption(
        "--reuse", action="store_true", help="use a kept lab of the same kind, if one stands"
    )


def _declare_proof(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--prove",
        action="store_true",
        help="prove each check: clean, then sabotaged (must fail), then healed",
    )
    group.addoption(
        "--prove-window",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="how long a check may stay green under its sabotage",
    )


def _declare_times(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--budget-scale",
        type=float,
        default=1.0,
        metavar="FACTOR",
        help="stretch every wait, for slow machines",
    )
    group.addoption(
        "--outage",
        type=float,
        default=DEFAULT_OUTAGE,
        metavar="SECONDS",
        help="length of the outages that checks cause; reports note another than the default",
    )


def asked(config: pytest.Config) -> bool:
    """Say whether ``--topology`` was given: without it, the harness stays out of the way."""
    return bool(config.getoption("--topology"))


def settle_provider(config: pytest.Config) -> None:
    """Let ``--provider auto`` become a name once, for this process and for its workers."""
    if config.getoption("--provider") == "auto":
        config.option.provider = "kind" if _kind_can() else "embedded"


def _kind_can() -> bool:
    """Say whether a container engine answers on which labs can be raised."""
    from harness.providers.offline import engine  # no other run has any use for it

    return engine.find() is not None and not BUILT_IN["kind"].make().lacks()


def read(config: pytest.Config, wrong: list[str]) -> Options | None:
    """Return the options, or ``None`` after adding all that is wrong with them to ``wrong``."""
    before = len(wrong)
    catalogue_file = config.rootpath / config.getini("catalogue")
    catalogue = _load(files.load_catalogue, catalogue_file, wrong)
    declared = list(_declared(config, wrong))
    wrong.extend(_out_of_range(config))
    wrong.extend(_unwritable(config))
    if len(wrong) > before or catalogue is None:
        return None
    return Options(
        topologies=tuple(each.topology for each in declared),
        declared=tuple(each.topology for each in declared),
        files={each.topology.name: each.path for each in declared},
        catalogue=catalogue,
        catalogue_file=catalogue_file,
        provider=config.getoption("--provider"),
        mesh=config.getoption("--mesh"),
        mesh_version=config.getoption("--mesh-version"),
        kubernetes_version=config.getoption("--kubernetes-version"),
        level=Level(config.getoption("--level")),
        keep=config.getoption("--keep"),
        reuse=config.getoption("--reuse"),
        prove=config.getoption("--prove"),
        prove_window=config.getoption("--prove-window"),
        budget_scale=config.getoption("--budget-scale"),
        outage=config.getoption("--outage"),
        named=frozenset(each.topology.name for each in declared if each.named),
        selection=" ".join(_selection(config)),
        report_dir=_report_dir(config),
        root=config.rootpath,
        suites=config.rootpath / config.getini("suites"),
    )


def _report_dir(config: pytest.Config) -> Path:
    directory: str = config.getoption("--report-dir")
    return config.invocation_params.dir / directory


def _unwritable(config: pytest.Config) -> Iterator[str]:
    directory = _report_dir(config)
    there = next(each for each in (directory, *directory.parents) if each.exists())
    if not there.is_dir():
        yield f"--report-dir {directory}: {there} is not a directory"
    elif not os.access(there, os.W_OK | os.X_OK):
        yield f"--report-dir {directory}: {there} may not be written to; name another directory"


def _selection(config: pytest.Config) -> Iterator[str]:
    """Yield the options and arguments that may leave checks out, as they were given."""
    for option, name in (("-k", "keyword"), ("-m", "markexpr")):
        if value := config.getoption(name, default=""):
            yield shlex.join([option, value])
    for name in ("deselect", "ignore", "ignore_glob"):
        for value in config.getoption(name, default=None) or ():
            yield shlex.join([f"--{name.replace('_', '-')}", value])
    for name in ("lf", "stepwise"):
        if config.getoption(name, default=False):
            yield f"--{name}"
    yield from (shlex.quote(argument) for argument in config.args if "::" in argument)


def _declared(config: pytest.Config, wrong: list[str]) -> Iterator[_Declared]:
    directory = config.rootpath / config.getini("topology_dir")
    seen: set[str] = set()
    for path, named in _paths(config.getoption("--topology"), directory, wrong):
        topology = _load(files.load_topology, path, wrong)
        if topology is None:
            continue
        if topology.name in seen:
            wrong.append(f"--topology {topology.name}: given twice")
        seen.add(topology.name)
        yield _Declared(path, topology, named)


def _paths(wanted: Sequence[str], directory: Path, wrong: list[str]) -> Iterator[tuple[Path, bool]]:
    """Yield the files that are asked for, and whether each was named, or is one of a group."""
    for name in wanted:
        try:
            group = files.topology_group(name, directory)
            found = [files.find_topology(name, directory)] if group is None else group
        except ConfigError as error:
            wrong.extend(f"--topology {name}: {problem}" for problem in error.problems)
        else:
            yield from ((path, group is None) for path in found)


def _load(load: Callable[[Path], Loaded], path: Path, wrong: list[str]) -> Loaded | None:
    try:
        return load(path)
    except ConfigError as error:
        wrong.extend(error.problems)
        return None


def _out_of_range(config: pytest.Config) -> Iterator[str]:
    for option in ("--budget-scale", "--outage", "--prove-window"):
        value: float = config.getoption(option)
        if not value > 0:
            yield f"{option} {value:g}: must be more than 0"
    kind: str | None = config.getoption("--kind-binary")
    if kind and not os.access(kind, os.X_OK):
        yield f"--kind-binary {kind}: no program that can be run"

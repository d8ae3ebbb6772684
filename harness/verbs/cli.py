"""The command ``meshproof``: what is done beside running checks."""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.artifacts import ensure, manifest, supply
from harness.artifacts.components import COMPONENTS, known
from harness.artifacts.manifest import Artifact
from harness.artifacts.recipes import Component
from harness.model import ConfigError, HarnessError, MachineError, Program, ToolError
from harness.phases import Phases
from harness.verbs import coverage, declared, doctor, engine, explain, images, labs, reports
from harness.verbs.codes import FOUND, UNABLE, WRONG

#: The options of runs that ask for versions, by the component that they are about.
_VERSIONED = {"--mesh-version": "istio", "--kubernetes-version": "kubernetes"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(argv)
    try:
        code: int = options.run(options)
    except ConfigError as error:
        return _trouble(error, WRONG)
    except (MachineError, ToolError) as error:
        return _trouble(error, UNABLE)
    except HarnessError as error:
        return _trouble(error, FOUND)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="meshproof", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _artifacts_parser(commands.add_parser("artifacts", help="the programs that labs are made of"))
    sick = commands.add_parser("doctor", help="say what this machine lacks to raise labs")
    sick.set_defaults(run=_doctor)
    for name, add, text in (
        ("compare", reports.add_compare, "set two conformance reports side by side"),
        ("coverage", coverage.add, "say what is checked where, and what it said last"),
        ("down", labs.add_down, "take labs down that still stand"),
        ("engine", engine.add, "the container engine that kind's nodes run on"),
        ("explain", explain.add, "say what a declaration means"),
        ("images", images.add, "the images that kind's nodes and pods run"),
        ("labs", labs.add_labs, "list the labs that stand, with their kubeconfigs"),
        ("reap", labs.add_reap, "remove what labs left that ended without clean-up"),
        ("schema", declared.add_schema, "print a JSON Schema"),
        ("topologies", declared.add_topologies, "list the labs that can be raised"),
        ("verify", reports.add_verify, "check a conformance report for edits and gaps"),
    ):
        command = commands.add_parser(name, help=text)
        add(command)
        command.set_defaults(run=_rows)
    return parser


def _artifacts_parser(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for verb, run, text in (
        ("build", _build, "make what is missing"),
        ("bundle", _bundle, "write programs to a directory that MESHPROOF_BUNDLE may name"),
        ("list", _list, "say where each program comes from, and whether it is there"),
        ("verify", _check, "hash every program that is there anew"),
        ("where", _where, "print the path of each program"),
    ):
        command = verbs.add_parser(verb, help=text)
        command.set_defaults(run=run)
        if verb == "bundle":
            command.add_argument("directory", type=Path)
        command.add_argument("names", nargs="*", help="programs or components; all if none")
        for option, component in _VERSIONED.items():
            text = f"the version of {component}: {', '.join(known(component))}"
            command.add_argument(option, dest=component, default="", metavar="VERSION", help=text)


def _build(options: argparse.Namespace) -> int:
    return _say(f"{name} {artifact.path}" for name, artifact in _ensured(options).items())


def _bundle(options: argparse.Namespace) -> int:
    directory = options.directory.absolute()
    if (
        directory.exists()
        and not (directory / manifest.MANIFEST).exists()
        and any(directory.iterdir())
    ):
        raise ConfigError(str(directory), ["holds something else; name a new or empty directory"])
    artifacts = _ensured(options)
    (directory / manifest.MANIFEST).unlink(missing_ok=True)
    manifest.write(directory, artifacts.values())
    return _say([f"{len(artifacts)} programs in {directory}; use: MESHPROOF_BUNDLE={directory}"])


def _list(options: argparse.Namespace) -> int:
    found = _present(options)
    rows = []
    for name, component in _owners(options).items():
        program = found[name].program if name in found else None
        state = _told(program) if program else "not made yet"
        rows.append(_row(name, program.version if program else component.version, state))
    for other in supply.others(_names(options), _versions(options)):
        program = other.program
        rows.append(_row(program.name, program.version, f"{_told(program)}; another version"))
    return _say(rows)


def _row(name: str, version: str, state: str) -> str:
    return f"{name:<24} {version:<22} {state}"


def _told(program: Program) -> str:
    return f"{program.sha256[:12]}  {program.source}"


def _check(options: argparse.Namespace) -> int:
    found = _present(options)
    damaged = manifest.damaged(list(found.values()))
    _say([*damaged, f"{len(found)} programs checked, {len(damaged)} damaged"])
    return FOUND if damaged else 0


def _where(options: argparse.Namespace) -> int:
    found = _present(options)
    absent = [name for name in _owners(options) if name not in found]
    _say(f"{name} {artifact.path}" for name, artifact in found.items())
    if absent:
        raise MachineError(f"not made yet: {', '.join(absent)}", "meshproof artifacts build")
    return 0


def _names(options: argparse.Namespace) -> list[str]:
    return options.names or list(COMPONENTS)


def _versions(options: argparse.Namespace) -> dict[str, str]:
    return {component: getattr(options, component) for component in _VERSIONED.values()}


def _owners(options: argparse.Namespace) -> dict[str, Component]:
    """Return the component of each program; refuse versions that cannot be had."""
    if problems := supply.unavailable(_names(options), _versions(options)):
        raise ConfigError("versions", problems)
    return supply.owned(_names(options), supply.chosen(_versions(options)))


def _ensured(options: argparse.Namespace) -> dict[str, Artifact]:
    return ensure(_names(options), Phases(), _versions(options))


def _present(options: argparse.Namespace) -> dict[str, Artifact]:
    return supply.present(_names(options), _versions(options))


def _doctor(_: argparse.Namespace) -> int:
    findings = doctor.examine(doctor.Machine())
    _say(doctor.lines(findings))
    return 0 if all(finding.ok for finding in findings) else UNABLE


def _rows(options: argparse.Namespace) -> int:
    rows, code = options.rows(options)
    _say(rows)
    return int(code)


def _say(rows: Iterable[str]) -> int:
    try:
        for row in rows:
            sys.stdout.write(row + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # as of `meshproof labs | head -1`: nobody wants to know the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _trouble(error: HarnessError, code: int) -> int:
    sys.stderr.write(f"meshproof: {error}\n")
    return code

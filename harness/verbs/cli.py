"""The command ``meshproof``: what is done beside running checks."""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness import files
from harness.artifacts import ensure, manifest, supply
from harness.artifacts.components import COMPONENTS, known
from harness.artifacts.manifest import Artifact
from harness.artifacts.recipes import Component
from harness.lab.kept import standing_labs
from harness.model import ConfigError, HarnessError, Lab, MachineError, Program, ToolError
from harness.phases import Phases
from harness.providers import BUILT_IN
from harness.providers.base import Reaps
from harness.providers.fabric.state import loaded, present
from harness.providers.offline import engine
from harness.reporting import schemas
from harness.verbs import doctor, images, reports
from harness.verbs import engine as engine_verbs

#: Exit codes: a check of this command found something; the harness could not; wrong input
#: (the same as pytest's code for a wrong command line).
FOUND, UNABLE, WRONG = 1, 3, 4
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
    container = commands.add_parser("engine", help="the container engine that kind's nodes run on")
    engine_verbs.add(container)
    container.set_defaults(run=_rows)
    ended = commands.add_parser("down", help="take labs down that still stand")
    ended.add_argument("labs", nargs="+", metavar="LAB", help="ids, as `meshproof labs` lists them")
    ended.set_defaults(run=_down)
    held = commands.add_parser("images", help="the images that kind's nodes and pods run")
    images.add(held)
    held.set_defaults(run=_rows)
    standing = commands.add_parser("labs", help="list the labs that stand, with their kubeconfigs")
    standing.set_defaults(run=_labs)
    dead = commands.add_parser("reap", help="remove what labs left that ended without clean-up")
    dead.set_defaults(run=_reap)
    schema = commands.add_parser("schema", help="print a JSON Schema")
    schema.add_argument("name", choices=schemas.NAMES)
    schema.set_defaults(run=_schema)
    listed = commands.add_parser("topologies", help="list the labs that can be raised")
    listed.add_argument("--directory", type=Path, default=Path("topologies"))
    listed.set_defaults(run=_topologies)
    compared = commands.add_parser("compare", help="set two conformance reports side by side")
    reports.add_compare(compared)
    compared.set_defaults(run=_rows)
    report = commands.add_parser("verify", help="check a conformance report for edits and gaps")
    reports.add_verify(report)
    report.set_defaults(run=_rows)
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


def _down(options: argparse.Namespace) -> int:
    standing = _standing()
    if unknown := [lab for lab in options.labs if lab not in standing]:
        raise ConfigError("labs", [f"no lab {lab} stands" for lab in unknown])
    if foreign := [standing[lab] for lab in options.labs if standing[lab].provider not in BUILT_IN]:
        raise ConfigError("labs", [_foreign(lab) for lab in foreign])
    for lab in options.labs:
        BUILT_IN[standing[lab].provider].make().down(standing[lab])
        standing_labs().forget(standing[lab])
    return _say([f"took down lab {lab}" for lab in options.labs])


def _foreign(lab: Lab) -> str:
    return (
        f"lab {lab.id} is of provider {lab.provider!r}, which is a plugin's: take it down by that "
        f"provider's own means; it is forgotten once {lab.state_dir} is gone"
    )


def _labs(_: argparse.Namespace) -> int:
    rows = []
    for lab in _standing().values():
        rows.append(f"{lab.id}  {lab.topology.name} on {lab.provider}")
        rows += [f"  {cluster.name}  {cluster.kubeconfig}" for cluster in lab.clusters]
    return _say(rows or ["no lab stands"])


def _standing() -> dict[str, Lab]:
    """Return the labs of this user that stand: those that were kept, and those in use now."""
    used = [lab for state in present() if state.alive() and (lab := loaded(state))]
    kept = [each.lab for each in standing_labs().all()]
    return {lab.id: lab for lab in [*kept, *used] if Path(lab.state_dir).exists()}


def reap() -> list[str]:
    """Remove what is left of labs of every built-in provider; return their ids."""
    makers = [built_in.make() for built_in in BUILT_IN.values()]
    return [lab for maker in makers if isinstance(maker, Reaps) for lab in maker.reap()]


def _reap(_: argparse.Namespace) -> int:
    gone = reap()
    for kept in standing_labs().all():
        if not Path(kept.lab.state_dir).exists():
            standing_labs().forget(kept.lab)
    rows = [f"removed what was left of lab {lab}" for lab in gone]
    if engine.reap(Phases()):
        rows.append("removed what was left of a container engine")
    return _say(rows or ["nothing was left"])


def _rows(options: argparse.Namespace) -> int:
    rows, code = options.rows(options)
    _say(rows)
    return int(code)


def _schema(options: argparse.Namespace) -> int:
    return _say([json.dumps(schemas.shipped(options.name), indent=2, ensure_ascii=False)])


def _topologies(options: argparse.Namespace) -> int:
    paths = files.topology_files(options.directory)
    if not paths:
        raise ConfigError(str(options.directory), ["holds no topology; run this in a checkout"])
    topologies = [files.load_topology(path) for path in paths]
    width = max(len(topology.name) for topology in topologies)
    return _say(f"{topology.name:<{width}}  {topology.title}" for topology in topologies)


def _say(rows: Iterable[str]) -> int:
    for row in rows:
        sys.stdout.write(row + "\n")
    return 0


def _trouble(error: HarnessError, code: int) -> int:
    sys.stderr.write(f"meshproof: {error}\n")
    return code

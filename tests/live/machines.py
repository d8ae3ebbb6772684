"""What every provider's machines do: on their network, with programs of images, gone in time.

Wants fixtures ``lab`` (of :mod:`tests.live.triangle`), ``provider`` and the ``machine`` of here.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.converge import Budget, eventually
from harness.model import Lab, MachineError
from harness.providers.base import CanAddMachine, Machine, Provider
from harness.workloads.echo import IMAGE
from harness.workloads.virtual_machine import Program, VirtualMachine
from tests.live.trouble import Owners

CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2)"
SOON = Budget(timeout=10, interval=0.05)


def reaches(machine: Machine, address: str, port: int) -> bool:
    argv = ["python3", "-c", CONNECT, address, str(port)]
    return machine.run(argv, timeout=10).exit_code == 0


@pytest.fixture(scope="module")
def machine(lab: Lab, provider: CanAddMachine) -> Iterator[Machine]:
    with provider.machine(lab, network="blue", name="laptop", images=[IMAGE]) as found:
        yield found


class MachinesContract:
    def test_it_is_on_its_network(self, lab: Lab, machine: Machine) -> None:
        assert machine.address.startswith(lab.plan.network("blue").cidr.rpartition(".")[0])
        assert machine.run(["hostname"]).checked().strip() == "laptop"
        assert machine.run(["false"]).exit_code == 1
        assert machine.run(["cat"], stdin="said").stdout == "said"

    def test_it_reaches_what_its_network_may_reach(self, lab: Lab, machine: Machine) -> None:
        for cluster in ("east", "near", "west"):
            assert reaches(machine, lab.plan_of(cluster).api_address, 6443)
        near = lab.plan_of("near").api_address
        eventually(lambda: reaches(machine, near, 10250), bool, what="a node is up", budget=SOON)
        assert not reaches(machine, lab.plan_of("west").api_address, 10250)

    def test_it_is_gone_with_its_context(self, lab: Lab, provider: CanAddMachine) -> None:
        for _ in range(2):  # so its name is free again
            with provider.machine(lab, network="red", name="guest") as guest:
                assert reaches(guest, lab.plan_of("east").api_address, 6443)

    def test_it_is_gone_with_a_killed_owner(
        self, lab: Lab, provider: Provider, tmp_path: Path
    ) -> None:
        assert isinstance(provider, CanAddMachine)
        own = Owners(provider.name, tmp_path)
        killed = own("machine", str(own.noted(lab)))
        eventually(lambda: "up" in own.log.read_text(), bool, what="it is up", budget=SOON)
        killed.signal(signal.SIGKILL)
        killed.wait(10)
        network = lab.plan.networks[0].name

        def free() -> bool:
            try:
                with provider.machine(lab, network=network, name="orphan") as again:
                    return again.run(["pgrep", "sleep"]).exit_code != 0
            except MachineError:
                return False

        eventually(free, bool, what="its name is free, and nothing of it runs", budget=SOON)

    def test_a_name_is_given_once(
        self, lab: Lab, machine: Machine, provider: CanAddMachine
    ) -> None:
        with (
            pytest.raises(MachineError, match="laptop already"),
            provider.machine(lab, network="blue", name=machine.name),
        ):
            pass

    def test_pods_and_programs_are_where_a_pod_has_them(self, machine: Machine) -> None:
        vm = VirtualMachine(machine)
        caller = vm.agent(cluster="east", namespace="vm", version="v9")
        replies = caller.call("http://127.0.0.1:8080/", count=4)
        assert replies.versions == {"v9": 4}

    def test_programs_go_on_until_they_are_stopped(self, machine: Machine) -> None:
        vm = VirtualMachine(machine)
        vm.put("/srv/page/index.html", "a page\n")
        serves = ("python3", "-u", "-m", "http.server", "--directory", "/srv/page", "80")
        vm.start(Program("pages", serves))
        eventually(lambda: reaches(machine, "127.0.0.1", 80), bool, what="it serves", budget=SOON)
        assert vm.runs("pages")
        assert "Serving HTTP" in vm.log("pages")
        vm.stop("pages")
        assert not vm.runs("pages")
        assert not reaches(machine, "127.0.0.1", 80)

    def test_a_program_runs_as_who_it_is_to_be(self, machine: Machine) -> None:
        vm = VirtualMachine(machine)
        assert vm.run_as(1337, ["id", "-u"]).checked().strip() == "1337"

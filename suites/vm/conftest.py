"""A machine for each check: by itself at first, with an agent; the check lets it join."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import locks
from harness.meshes.base import EnrolsMachines, Mesh
from harness.model import Lab, MachineSpec
from harness.providers.base import CanAddMachine, Provider
from harness.session.fixtures import Repeats
from harness.workloads.echo import IMAGE
from harness.workloads.guest import Guest
from harness.workloads.neighbours import VERSION, group_of, settle
from harness.workloads.site import Site
from harness.workloads.stage import Stage
from harness.workloads.virtual_machine import VirtualMachine


@pytest.fixture
def guest(
    machine: MachineSpec,
    lab: Lab,
    provider: Provider,
    mesh: Mesh,
    sites: tuple[Site, ...],
    stage: Stage,
    repeats: Repeats,
) -> Iterator[Guest]:
    """The machine, new for each check; one check at a time has it."""
    del stage  # callers and Services that every check may rely on
    if not isinstance(mesh, EnrolsMachines):
        pytest.skip(f"mesh {mesh.name} does not say how machines join it")
    assert isinstance(provider, CanAddMachine)
    site = next(each for each in sites if each.name == machine.cluster)
    settle(site, machine)
    images = [IMAGE, *mesh.machine_images(lab.topology, machine.cluster)]
    turn = locks.of_file(Path(lab.state_dir) / "turns" / machine.name)
    standing = provider.machine(lab, network=machine.network, name=machine.name, images=images)
    with locks.held(turn), standing as found:
        vm = VirtualMachine(found, repeats)
        caller = vm.agent(cluster=machine.name, namespace=machine.namespace, version=VERSION)
        yield Guest(
            vm=vm,
            site=site,
            group=group_of(machine),
            caller=caller,
            enrol=lambda group, registers: mesh.enrolment(
                lab, machine.cluster, group, registers=registers
            ),
        )

"""A machine for each check: by itself at first, with an agent; the check lets it join."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from harness import locks
from harness.faults.exposure import istiod_exposed
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

Invites = Callable[[MachineSpec], AbstractContextManager[Guest]]


@pytest.fixture
def invites(
    lab: Lab,
    provider: Provider,
    mesh: Mesh,
    sites: tuple[Site, ...],
    stage: Stage,
    repeats: Repeats,
) -> Invites:
    """Return how a machine is put on its network, new; one check at a time has it."""
    del stage  # callers and Services that every check may rely on
    if not isinstance(mesh, EnrolsMachines):
        pytest.skip(f"mesh {mesh.name} does not say how machines join it")
    assert isinstance(provider, CanAddMachine)

    @contextmanager
    def invited(machine: MachineSpec) -> Iterator[Guest]:
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

    return invited


@pytest.fixture
def guest(machine: MachineSpec, invites: Invites) -> Iterator[Guest]:
    """The machine that the topology declares, by itself at first."""
    with invites(machine) as found:
        yield found


@pytest.fixture
def visitor(target: Site, invites: Invites) -> Iterator[Guest]:
    """A machine that no topology declares, on the target's network; istiod is exposed to it."""
    name = f"visitor-{target.name}"
    machine = MachineSpec(name=name, network=target.network, cluster=target.name)
    with istiod_exposed(target), invites(machine) as found:
        yield found

"""Machines beside the clusters of an embedded lab."""

from tests.live.machines import MachinesContract, machine

__all__ = ["TestMachines", "machine"]


class TestMachines(MachinesContract):
    pass

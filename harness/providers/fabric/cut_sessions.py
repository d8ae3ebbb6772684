"""Cuts as capabilities: rules on nodes, put there by whoever holds the lab."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.model import Lab
from harness.providers.fabric import cuts
from harness.providers.fabric.control_client import ControlClient
from harness.providers.fabric.cuts import Change
from harness.providers.fabric.state import State


@contextmanager
def changed(lab: Lab, changes: Sequence[Change]) -> Iterator[None]:
    """Make changes on nodes; they are undone on the way out, or when this process ends."""
    with ControlClient(State(Path(lab.state_dir)).control) as control:
        for change in changes:
            control.run(change.namespace, change.do, undo=change.undo).checked()
        yield


class Cuts:
    """What a provider can cut whose labs follow the network plan to the letter."""

    @contextmanager
    def api_cut(self, lab: Lab, *, client: str, server: str) -> Iterator[None]:
        """Drop packets, both ways and of open connections too, from ``client`` to ``server``."""
        with changed(lab, cuts.api_cut(lab.plan, client=client, server=server)):
            yield

    @contextmanager
    def gateway_cut(self, lab: Lab, *, client: str, server: str) -> Iterator[None]:
        """Drop packets from ``client`` to the gateway addresses of ``server``, and back."""
        with changed(lab, cuts.gateway_cut(lab.plan, client=client, server=server)):
            yield

    @contextmanager
    def partition(self, lab: Lab, *, one: str, other: str) -> Iterator[None]:
        """Drop every packet between the two, both ways."""
        with changed(lab, cuts.partition(lab.plan, one=one, other=other)):
            yield

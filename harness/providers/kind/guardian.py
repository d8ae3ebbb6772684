"""The process that holds a kind lab: it cleans up behind an owner that ends without doing so.

Run as ``python -m harness.providers.kind.guardian DIRECTORY OWNER [NAME=DESCRIPTOR …]``. OWNER
is the descriptor of a process (pidfd) with whose end the lab ends, or ``-`` for a lab that is
kept. It carries connections from this machine to API servers that only the engine reaches,
gives LoadBalancer Services their addresses, and hears requests (a line of JSON each): what a
connection has changed is undone when it closes, however its holder ended.
"""

import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from docker import DockerClient
from docker.errors import APIError

from harness import shell
from harness.converge import eventually
from harness.kube import Kube
from harness.model import ClusterPlan, HarnessError, ToolError
from harness.model.plan import API_PORT
from harness.phases import to_stderr
from harness.providers.fabric import dns, forwarder
from harness.providers.fabric.balancer import Balancer
from harness.providers.fabric.control_server import ControlServer
from harness.providers.fabric.cuts import Change
from harness.providers.fabric.retry import FOREVER, await_health, persist
from harness.providers.fabric.session import Request, Session
from harness.providers.fabric.state import State
from harness.providers.kind import capture, teardown
from harness.providers.kind.containers import ContainerShell, labels, remove
from harness.providers.kind.machines import Machines
from harness.providers.kind.spec import KindSpec, Tenant
from harness.providers.offline.engine.sysctls import Ledger


class Guardian:
    """The loop: requests, and an owner that may be gone."""

    def __init__(self, place: State, spec: KindSpec, client: DockerClient) -> None:
        self._place = place
        self._spec = spec
        self._client = client
        self._machines = Machines(client, spec, labels(place))
        self._reception = ControlServer(
            {
                "freeze": self._freeze,
                "listen": self._listen,
                "machine": self._machine,
                "run": self._run,
            }
        )

    def serve(self, owner: int) -> None:
        """Answer until the owner is gone or somebody asks for the end."""
        self._reception.mind(owner, self._place, self._abandoned)
        self._reception.open(self._place.control)
        while True:
            self._reception.turn()

    def _abandoned(self) -> None:
        """The owner ended without taking the lab down: leave nothing."""
        try:
            teardown.clear(self._place)
        except HarnessError as error:
            to_stderr(f"{error}")
            raise SystemExit(1) from None
        self._place.remove()
        raise SystemExit(0)

    def _freeze(self, visit: Session, request: Request) -> None:
        """Stop all that runs on the node ``name`` until this connection closes."""
        container = self._client.containers.get(self._spec.containers[request["name"]])
        visit.undo_by(lambda: _resumed(self._client, str(container.name)))
        container.pause()

    def _listen(self, visit: Session, request: Request) -> list[str]:
        """Record at every node until this connection closes; return the helpers' names."""
        del request
        helpers = capture.start(self._client, self._spec, labels(self._place))
        for name in helpers:
            visit.undo_by(partial(remove, self._client, name))
        return helpers

    def _machine(self, visit: Session, request: Request) -> dict[str, str]:
        """Start a machine called ``name`` on ``network``; it ends with this connection."""
        name = self._spec.names.helper(f"machine-{request['name']}")
        visit.undo_by(partial(remove, self._client, name))
        container, address, changes = self._machines.add(request["network"], request["name"])
        visit.undo_by(partial(self._machines.forget, address))
        for change in changes:
            self._change(visit, change)
        return {"container": container, "address": address}

    def _change(self, visit: Session, change: Change) -> None:
        inside = self._shell(change.namespace)
        inside.run(change.do, timeout=20).checked()
        visit.undo_by(partial(inside.run, change.undo, timeout=20))

    def _run(self, visit: Session, request: Request) -> dict[str, object]:
        """Run ``argv`` in ``namespace``; ``undo`` (argv) is run there when this visit ends."""
        inside = self._shell(request["namespace"])
        outcome = inside.run(
            request["argv"], stdin=request.get("stdin"), timeout=request.get("timeout", 10.0)
        )
        if outcome.exit_code == 0 and (undo := request.get("undo")):
            visit.undo_by(partial(inside.run, undo, timeout=20))
        return {
            "exit_code": outcome.exit_code,
            "stdout": outcome.stdout,
            "stderr": outcome.stderr,
        }

    def _shell(self, node: str) -> ContainerShell:
        return ContainerShell(self._client, self._spec.containers[node])


class Standing:
    """A node's addresses for gateways: they lie on it from the start."""

    def hold(self, address: str) -> None:
        """Do nothing."""

    def drop(self, address: str) -> None:
        """Do nothing."""


def _resumed(client: DockerClient, container: str) -> None:
    with suppress(APIError):  # it may have ended, or never have been paused
        client.containers.get(container).unpause()


def care(place: State, cluster: ClusterPlan) -> None:
    """Serve one cluster for as long as the lab lives; its API server may come and go."""
    eventually(
        Tenant.path(place, cluster.name).exists,
        bool,
        what=f"{cluster.name} can be spoken to",
        budget=FOREVER,
    )
    tenant = Tenant.read(place, cluster.name)
    kube = Kube(tenant.kubeconfig)
    balancer = Balancer(cluster.name, cluster.load_balancers, kube, Standing())
    await_health(kube, cluster.name)
    for manifest in dns.manifests(cluster.dns, tenant.dns_image):
        persist(cluster.name, partial(kube.apply, manifest), again=False)
    persist(cluster.name, balancer.follow, again=True)


def carry(spec: KindSpec, listeners: Mapping[str, int], logs: Path) -> None:
    """Start what carries connections into the engine's namespace; it ends with this process."""
    lease, held = os.pipe()
    os.set_inheritable(held, False)  # noqa: FBT003 - the parameter has no other form
    script = str(Path(forwarder.__file__))
    for name, listener in listeners.items():
        target = (spec.plan.cluster(name).api_address, str(API_PORT))
        python = (sys.executable, "-I", "-S", script)
        shell.start(
            f"{name}-forwarder",
            [*spec.engine.inside(), *python, *target, str(listener), str(lease)],
            output=logs / f"{name}-forwarder.log",
            pass_fds=[listener, lease],
        )
    os.close(lease)


def _lend(spec: KindSpec) -> None:
    """Have the machine's settings put back that nodes overwrite; our own engine does so itself."""
    local = spec.engine_url.startswith("unix://")
    if spec.engine_pid is None and local and os.geteuid() == 0:
        with suppress(OSError):
            for line in Ledger().lend(os.getpid()):
                to_stderr(line)


def main() -> None:
    """Hold the lab that the arguments name."""
    directory, owner, *named = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    place = State(Path(directory))
    spec = KindSpec.read(place)
    listeners = {name: int(fd) for name, _, fd in (word.partition("=") for word in named)}
    try:
        carry(spec, listeners, place.logs)
    except ToolError as error:
        to_stderr(f"API servers are out of reach: {error}")
        raise SystemExit(1) from None
    _lend(spec)
    for cluster in spec.plan.clusters:
        threading.Thread(target=care, args=(place, cluster), daemon=True).start()
    Guardian(place, spec, spec.engine.client()).serve(int(owner))


if __name__ == "__main__":
    main()

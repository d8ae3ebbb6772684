"""The process that holds a kind lab: it cleans up behind an owner that ends without doing so.

Run as ``python -m harness.providers.kind.guardian`` with the arguments of
:mod:`harness.providers.fabric.holding`. It carries connections from this machine to API servers
that only the engine reaches, gives LoadBalancer Services their addresses, and hears requests.
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
from harness.model import ClusterPlan, MachineError, ToolError
from harness.model.plan import API_PORT
from harness.phases import to_stderr
from harness.providers.fabric import dns, forwarder
from harness.providers.fabric.balancer import Balancer
from harness.providers.fabric.holding import Arguments, Holder
from harness.providers.fabric.retry import FOREVER, await_health, persist
from harness.providers.fabric.session import Request, Session
from harness.providers.fabric.state import State
from harness.providers.kind import capture, teardown
from harness.providers.kind.containers import ContainerShell, labels, owned, remove
from harness.providers.kind.machines import Machines
from harness.providers.kind.spec import KindSpec, Tenant
from harness.providers.offline import api as offline


class Guardian(Holder):
    """The loop: requests, and an owner that may be gone.

    An engine takes its time, so no request is dealt with by the loop. What a program in a container
    is doing when its visitor hangs up goes on until its own timeout, and is waited for by nobody.
    """

    def __init__(self, place: State, spec: KindSpec, client: DockerClient) -> None:
        super().__init__(
            place,
            quick={},
            slow={"freeze": self._freeze, "listen": self._listen, "machine": self._machine},
        )
        self._spec = spec
        self._client = client
        self._machines = Machines(client, spec, labels(place))

    def shell(self, namespace: str, session: Session | None = None) -> ContainerShell:
        """Return a shell on a node."""
        del session  # an engine cannot be told to end what it runs
        return ContainerShell(self._client, self._spec.containers[namespace])

    def abandoned(self) -> None:
        """The owner ended without taking the lab down: leave nothing."""
        teardown.clear(self.place, disturbed=self.control.busy)
        self.place.remove()

    def _freeze(self, session: Session, request: Request) -> None:
        """Stop all that runs on the node ``name`` until this connection closes."""
        container = self._client.containers.get(self._spec.containers[request["name"]])
        session.undo_by(lambda: _resumed(self._client, str(container.name)))
        container.pause()

    def _listen(self, session: Session, request: Request) -> list[str]:
        """Record at every node until this connection closes; return the helpers' names."""
        del request
        helpers = capture.helpers(self._spec)
        for name in helpers.values():
            session.undo_by(partial(remove, self._client, name))
        capture.start(self._client, self._spec, labels(self.place), helpers)
        return list(helpers.values())

    def _machine(self, session: Session, request: Request) -> dict[str, str]:
        """Start a machine called ``name`` on ``network``; it ends with this connection.

        What is in ``images`` is on it.
        """
        name = self._spec.names.helper(f"machine-{request['name']}")
        if owned(self._client, name, self._spec.lab):
            raise MachineError(f"the lab has a machine called {request['name']} already")
        address = self._machines.address(request["network"], request["name"])
        between = self._machines.between()
        session.undo_by(partial(self._machines.forget, address, between))
        session.undo_by(partial(remove, self._client, name))
        for change in self._machines.add(request["network"], request["name"], address, between):
            self.change(session, change)
        self._machines.fill(name, request["images"])
        return {"container": name, "address": address}


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
    for manifest in dns.manifests(cluster.dns, tenant.dns_image, cluster.domain):
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


def main() -> None:
    """Hold the lab that the arguments name."""
    told = Arguments.read()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    place = told.place
    spec = KindSpec.read(place)
    try:
        carry(spec, told.listeners, place.logs)
    except ToolError as error:
        to_stderr(f"API servers are out of reach: {error}")
        raise SystemExit(1) from None
    offline.lend_settings(spec.engine, os.getpid())
    for cluster in spec.plan.clusters:
        threading.Thread(target=care, args=(place, cluster), daemon=True).start()
    Guardian(place, spec, spec.engine.client()).serve(told.owner)


if __name__ == "__main__":
    main()

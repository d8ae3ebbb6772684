"""A node's world without a node: time, processes, handlers and the API are all scripted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.kube import Manifest
from harness.model import ApiError
from harness.providers.podrunner.bubblewrap import ContainerConfig
from harness.providers.podrunner.clock import Clock
from harness.providers.podrunner.config import Image, NodeConfig
from harness.providers.podrunner.messages import PodUpdated
from harness.providers.podrunner.network import PodNetwork
from harness.providers.podrunner.object_cache import Token, Unavailable
from harness.providers.podrunner.pod_worker import PodWorker
from harness.providers.podrunner.probe_state import ProbeResult
from harness.providers.podrunner.prober import Prober, Target
from harness.providers.podrunner.processes import OnExit
from harness.providers.podrunner.runtime import Runtime
from harness.shell import Outcome

EPOCH = 1_700_000_000.0
HANDLERS = ("exec", "httpGet", "sleep", "tcpSocket")


def pod(*containers: Manifest, **spec: Any) -> Manifest:
    """A pod called ``p`` with one plain container, unless others are given."""
    return {
        "metadata": {
            "name": "p",
            "namespace": "n",
            "uid": "u-1",
            "resourceVersion": "1",
            "labels": {"app": "x"},
        },
        "spec": {
            "nodeName": "node1",
            "serviceAccountName": "someone",
            "terminationGracePeriodSeconds": 30,
            "containers": list(containers) or [container()],
            **spec,
        },
        "status": {},
    }


def container(name: str = "main", **more: Any) -> Manifest:
    return {"name": name, "image": "registry.example/app:1", **more}


def config(state: Path) -> NodeConfig:
    return NodeConfig(
        cluster="c1",
        node="node1",
        address="192.0.2.1",
        pods="10.9.0.0/24",
        cluster_pods="10.9.0.0/16",
        dns="10.8.0.10",
        domain="cluster.local",
        api_service="10.8.0.1",
        kubeconfig=state / "kubeconfig",
        state=state,
        serving_cert=state / "crt",
        serving_key=state / "key",
        client_ca=state / "ca",
        images={"app": Image(argv=("/app",), env={"FROM": "image"})},
        region="r1",
        zone="z1",
    )


@dataclass
class Recorder:
    """A shell that notes what it is asked for and answers one exit code."""

    exit_code: int = 0
    ran: list[tuple[str, ...]] = field(default_factory=list)
    env: Mapping[str, str] | None = None
    timeout: float = 0.0

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 120.0,
    ) -> Outcome:
        self.ran.append(tuple(argv))
        self.env = env or self.env
        self.timeout = timeout
        return Outcome(tuple(argv), self.exit_code, "out ", "err")


@dataclass
class Time:
    now: float = 1000.0

    def pass_(self, seconds: float) -> None:
        self.now += seconds

    def wall(self) -> float:
        return EPOCH + self.now


@dataclass
class Process:
    config: ContainerConfig
    on_exit: OnExit
    pid: int = 1 << 23  # no machine has a process of this number
    signals: list[int] = field(default_factory=list)

    def signal(self, number: int) -> None:
        self.signals.append(number)


@dataclass
class World:
    """Everything a pod can reach; ``answers`` holds the result for each container and handler.

    ``prober`` carries handlers out for real, if given.
    """

    state: Path
    time: Time = field(default_factory=Time)
    objects: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    answers: dict[tuple[str, str], ProbeResult] = field(default_factory=dict)
    processes: dict[str, list[Process]] = field(default_factory=dict)
    written: list[Manifest] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)
    pending: list[Callable[[], None]] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    address: str = "10.9.0.2"
    cluster_services: list[Manifest] = field(default_factory=list)
    handled: list[tuple[str, float]] = field(default_factory=list)
    prober: Prober | None = None
    tokens: int = 0
    api_trouble: bool = False

    # NetworkPlugin

    def set_up(self) -> PodNetwork:
        self.networks.append(self.address)
        return PodNetwork("node1-pod1", self.address)

    def tear_down(self, network: PodNetwork) -> None:
        self.networks.remove(network.address)

    # ObjectCache

    def find(self, kind: str, name: str, namespace: str) -> Manifest | None:
        assert namespace == "n"
        return self.objects.get((kind, name))

    def services(self, namespace: str) -> list[Manifest]:
        return self.cluster_services

    def token(self, pod: Manifest, audience: str, seconds: int, now: float) -> Token:
        if self.api_trouble:
            raise Unavailable("the API is away")
        self.tokens += 1
        return Token(f"{audience}-{self.tokens}", now, now + seconds)

    # Launcher

    def launch(self, name: str, config: ContainerConfig, log: Path, on_exit: OnExit) -> Process:
        log.write_bytes(b"said something\n")
        process = Process(config, on_exit)
        self.processes.setdefault(name, []).append(process)
        return process

    def run_handler(self, handler: Manifest, target: Target, timeout: float) -> ProbeResult:
        kind = next(key for key in handler if key in HANDLERS)
        self.handled.append((kind, timeout))
        return self.answers[target.container.name, kind]

    # StatusManager

    def patch_status(self, pod: Manifest, status: Manifest) -> Manifest | None:
        if self.api_trouble:
            raise ApiError("PATCH", 0, "away")
        self.written.append(status)
        version = str(int(pod["metadata"]["resourceVersion"]) + 1)
        return {
            **pod,
            "metadata": {**pod["metadata"], "resourceVersion": version},
            "status": status,
        }

    def delete_pod(self, pod: Manifest) -> None:
        if self.api_trouble:
            raise ApiError("DELETE", 0, "away")
        self.removed.append(str(pod["metadata"]["uid"]))

    # EventRecorder

    def warning(self, pod: Manifest, reason: str, message: str, container: str = "") -> None:
        self.events.append((reason, message))

    normal = warning

    @property
    def runtime(self) -> Runtime:
        return Runtime(
            config=config(self.state),
            networks=self,
            objects=self,
            launcher=self,
            prober=self.prober or self,
            status_manager=self,
            events=self,
            clock=Clock(lambda: self.time.now, self.time.wall),
            background=self.pending.append,
        )


@dataclass
class RunningPod:
    """A pod's worker, moved by hand."""

    world: World
    worker: PodWorker

    def advance(self, seconds: float = 0.0) -> None:
        """Let time pass, then everything happen that is due, background work included."""
        self.world.time.pass_(seconds)
        for _ in range(100):
            self.worker.sync()
            work, self.world.pending[:] = list(self.world.pending), []
            for item in work:
                item()
            if self.worker._queue.empty() or self.worker.done:
                return
            while not self.worker._queue.empty():
                self.worker.handle(self.worker._queue.get())
        pytest.fail("the worker does not come to rest")

    def exit(self, name: str, code: int) -> None:
        self.process(name).on_exit(code)
        self.advance()

    def process(self, name: str) -> Process:
        return self.world.processes[name][-1]

    def starts(self, name: str) -> int:
        return len(self.world.processes.get(name, []))

    def delete(self, grace: int = 30) -> None:
        meta = {
            **self.worker.pod["metadata"],
            "deletionTimestamp": "now",
            "deletionGracePeriodSeconds": grace,
        }
        self.worker.handle(PodUpdated({**self.worker.pod, "metadata": meta}))
        self.advance()

    @property
    def status(self) -> Manifest:
        return self.world.written[-1]

    def container_status(self, name: str) -> Manifest:
        """The status of one container."""
        every = [
            *self.status.get("initContainerStatuses", []),
            *self.status["containerStatuses"],
        ]
        found: Manifest = next(item for item in every if item["name"] == name)
        return found

    def condition(self, kind: str) -> str:
        return str(
            next(item["status"] for item in self.status["conditions"] if item["type"] == kind)
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def run_pod(world: World) -> Callable[[Manifest], RunningPod]:
    """RunPod a pod on stage and let it begin."""

    def run(manifest: Manifest) -> RunningPod:
        made = RunningPod(world, PodWorker(manifest, world.runtime))
        made.advance()
        return made

    return run

"""Each honoured field of the Pod API makes a difference: a small pod with it, and without it."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from harness.kube import Manifest
from harness.providers.podrunner import prober
from harness.providers.podrunner.pod_api import FIELDS, Support
from harness.providers.podrunner.pod_api_fields import ACCEPTED, NESTED
from harness.providers.podrunner.probe_state import ProbeResult
from harness.providers.podrunner.prober import NodeProber
from tests.unit.podrunner.conftest import Recorder, RunningPod, World, container, pod

#: Stands in a pod for the port of the server on the loopback.
PORT = 54321
YES, NO = ProbeResult(ok=True), ProbeResult(ok=False, message="no")
Observe = Callable[[RunningPod], Any]


@dataclass(frozen=True)
class Case:
    """A small pod, and what is to be seen of it; something else is seen without the field."""

    pod: Manifest
    observe: Observe
    expected: Any
    answer: ProbeResult = YES
    real: bool = False
    exit_code: int = 0
    cluster: Mapping[tuple[str, str], Manifest] = field(
        default_factory=lambda: {
            ("ConfigMap", "m"): {"data": {"k": "v", "other": "o"}},
            ("Secret", "s"): {"data": {"k": "dg==", "other": "bw=="}},
        }
    )


# What is seen


def started(name: str = "main") -> Observe:
    return lambda pod: pod.starts(name)


def variable(name: str) -> Observe:
    return lambda pod: pod.process("main").config.env[name]


def config(attribute: str) -> Observe:
    return lambda pod: getattr(pod.process("main").config, attribute)


def identity(attribute: str) -> Observe:
    return lambda pod: getattr(pod.process("main").config.identity, attribute)


def may(capability: str) -> Observe:
    return lambda pod: capability in pod.process("main").config.identity.capabilities


def file(path: str, volume: str = "v") -> Observe:
    return lambda pod: (pod.world.state / "pods/u-1/volumes" / volume / path).read_text()


def mode(path: str) -> Observe:
    return lambda pod: (pod.world.state / "pods/u-1/volumes/v" / path).stat().st_mode & 0o777


def etc(name: str, text: str) -> Observe:
    return lambda pod: text in (pod.world.state / "pods/u-1/etc" / name).read_text()


def condition(kind: str) -> Observe:
    return lambda pod: pod.condition(kind)


def waiting(pod: RunningPod) -> Any:
    return pod.container_status("main")["state"]["waiting"]["reason"]


def mount(attribute: str) -> Observe:
    return lambda pod: getattr(pod.process("main").config.mounts[0], attribute)


def mounted(pod: RunningPod) -> str:
    source = pod.process("main").config.mounts[0].source
    return str(source.relative_to(pod.world.state / "pods/u-1/volumes"))


def signals(*, after: float = 0.0) -> Observe:
    def observe(pod: RunningPod) -> list[int]:
        pod.advance(after)
        return pod.process("main").signals

    return observe


def handled(*, after: float = 0.0) -> Observe:
    def observe(pod: RunningPod) -> list[tuple[str, float]]:
        pod.advance(after)
        return pod.world.handled

    return observe


def on_deletion(pod: RunningPod) -> Any:
    pod.delete(30)
    return pod.world.handled


def deleted_by(pod: RunningPod) -> list[int]:
    pod.delete(30)
    return pod.process("main").signals


def on_exit(attribute: str) -> Observe:
    def observe(pod: RunningPod) -> Any:
        pod.exit("main", 1)
        terminated = pod.container_status("main")["state"].get("terminated", {})
        return terminated.get(attribute)

    return observe


# Small pods


def plain(**more: Any) -> Manifest:
    return pod(container(**more))


def env(value_from: Manifest, **more: Any) -> Manifest:
    return plain(env=[{"name": "A", "valueFrom": value_from}], **more)


def env_from(**more: Any) -> Manifest:
    return plain(envFrom=[more])


def volume(**more: Any) -> Manifest:
    return pod(volumes=[{"name": "v", **more}])


def projected(**more: Any) -> Manifest:
    return volume(projected={"sources": [more]})


def mounting(**more: Any) -> Manifest:
    place = {"name": "v", "mountPath": "/v", **more}
    manifest = plain(volumeMounts=[place], env=[{"name": "WHO", "value": "me"}])
    manifest["spec"]["volumes"] = [{"name": "v", "emptyDir": {}}]
    return manifest


def probing(kind: str = "readinessProbe", handler: Manifest | None = None, **more: Any) -> Manifest:
    return plain(**{kind: {**(handler or {"exec": {"command": ["x"]}}), **more}})


def http(**more: Any) -> Manifest:
    get = {"host": "127.0.0.1", "port": PORT, **more}
    return plain(readinessProbe={"httpGet": get}, ports=[{"name": "web", "containerPort": PORT}])


def hook(name: str, handler: Manifest) -> Manifest:
    return plain(lifecycle={name: handler})


def labels(**more: Any) -> Manifest:
    name = {"fieldRef": {"fieldPath": "metadata.labels['app']"}}
    return {"downwardAPI": {"items": [{"path": "p", **name, **more}]}}


def cpu(**more: Any) -> Manifest:
    return {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m", **more}}


LIMITS = {"limits": {"cpu": "250m"}}
KEY = {"name": "m", "key": "k"}
SECRET_KEY = {"name": "s", "key": "k"}
ABSENT = {"name": "absent", "optional": True}
ITEM = [{"key": "k", "path": "p", "mode": 0o400}]
OCTAL = {"defaultMode": 0o640}
SIDECAR = {"restartPolicy": "Always"}
TOKEN = {"path": "token", "audience": "a", "expirationSeconds": 600}
DNS = {"nameservers": ["192.0.2.5"], "searches": ["example.org"]}
OPTION = {"options": [{"name": "ndots", "value": "2"}]}


def volume_cases(kind: str, own: str, reference: Manifest) -> dict[str, Case]:
    """Cases that ConfigMaps and Secrets have in common, alone and projected."""
    title = kind[0].upper() + kind[1:]
    absent = {next(iter(reference)): "absent", "optional": True}
    name, inner = next(iter(reference.items()))
    return {
        f"Volume.{kind}": Case(volume(**{kind: reference}), file("k"), "v"),
        f"{title}VolumeSource.{own}": Case(volume(**{kind: reference}), file("k"), "v"),
        f"{title}VolumeSource.items": Case(
            volume(**{kind: {name: inner, "items": ITEM}}), file("p"), "v"
        ),
        f"{title}VolumeSource.defaultMode": Case(
            volume(**{kind: {name: inner, **OCTAL}}), mode("k"), 0o640
        ),
        f"{title}VolumeSource.optional": Case(volume(**{kind: absent}), started(), 1),
        f"VolumeProjection.{kind}": Case(projected(**{kind: {"name": inner}}), file("k"), "v"),
        f"{title}Projection.name": Case(projected(**{kind: {"name": inner}}), file("k"), "v"),
        f"{title}Projection.items": Case(
            projected(**{kind: {"name": inner, "items": ITEM}}), file("p"), "v"
        ),
        f"{title}Projection.optional": Case(projected(**{kind: ABSENT}), started(), 1),
    }


CASES: dict[str, Case] = {
    **volume_cases("configMap", "name", {"name": "m"}),
    **volume_cases("secret", "secretName", {"secretName": "s"}),
    "Capabilities.add": Case(
        plain(securityContext={"capabilities": {"add": ["NET_ADMIN"]}}), may("CAP_NET_ADMIN"), True
    ),
    "Capabilities.drop": Case(
        plain(securityContext={"capabilities": {"drop": ["CHOWN"]}}), may("CAP_CHOWN"), False
    ),
    "ConfigMapEnvSource.name": Case(env_from(configMapRef={"name": "m"}), variable("k"), "v"),
    "ConfigMapEnvSource.optional": Case(env_from(configMapRef=ABSENT), started(), 1),
    "ConfigMapKeySelector.key": Case(env({"configMapKeyRef": KEY}), variable("A"), "v"),
    "ConfigMapKeySelector.name": Case(env({"configMapKeyRef": KEY}), variable("A"), "v"),
    "ConfigMapKeySelector.optional": Case(
        env({"configMapKeyRef": {**ABSENT, "key": "k"}}), started(), 1
    ),
    "Container.args": Case(plain(args=["x"]), config("argv"), ("/app", "x")),
    "Container.command": Case(plain(command=["x"]), config("argv"), ("x",)),
    "Container.env": Case(plain(env=[{"name": "A", "value": "1"}]), variable("A"), "1"),
    "Container.envFrom": Case(env_from(secretRef={"name": "s"}), variable("k"), "v"),
    "Container.image": Case(plain(), config("argv"), ("/app",)),
    "Container.lifecycle": Case(hook("preStop", {"exec": {}}), on_deletion, [("exec", 30.0)]),
    "Container.livenessProbe": Case(
        probing("livenessProbe", failureThreshold=1), signals(), [signal.SIGTERM], NO
    ),
    "Container.name": Case(plain(), started(), 1),
    "Container.ports": Case(http(port="web"), condition("Ready"), "True", real=True),
    "Container.readinessProbe": Case(probing(), condition("Ready"), "False", NO),
    "Container.resources": Case(
        plain(resources=LIMITS), lambda pod: pod.status["qosClass"], "Burstable"
    ),
    "Container.restartPolicy": Case(
        pod(initContainers=[container("side", restartPolicy="Always")]), started(), 1
    ),
    "Container.securityContext": Case(plain(securityContext={"runAsUser": 5}), identity("user"), 5),
    "Container.startupProbe": Case(
        probing("startupProbe"),
        lambda pod: pod.container_status("main")["started"],
        False,
        NO,
    ),
    "Container.terminationMessagePath": Case(
        plain(terminationMessagePath="/x"), config("termination_path"), "/x"
    ),
    "Container.terminationMessagePolicy": Case(
        pod(container(terminationMessagePolicy="FallbackToLogsOnError"), restartPolicy="Never"),
        on_exit("message"),
        "said something\n",
    ),
    "Container.volumeMounts": Case(mounting(), mounted, "v"),
    "Container.workingDir": Case(plain(workingDir="/w"), config("cwd"), "/w"),
    "ContainerPort.containerPort": Case(http(port="web"), condition("Ready"), "True", real=True),
    "ContainerPort.name": Case(http(port="web"), condition("Ready"), "True", real=True),
    "DownwardAPIProjection.items": Case(projected(**labels()), file("p"), "x"),
    "DownwardAPIVolumeFile.fieldRef": Case(volume(**labels()), file("p"), "x"),
    "DownwardAPIVolumeFile.mode": Case(volume(**labels(mode=0o400)), mode("p"), 0o400),
    "DownwardAPIVolumeFile.path": Case(volume(**labels()), file("p"), "x"),
    "DownwardAPIVolumeFile.resourceFieldRef": Case(
        pod(
            container(resources=LIMITS),
            volumes=[
                {
                    "name": "v",
                    "downwardAPI": {"items": [{"path": "p", **cpu(containerName="main")}]},
                }
            ],
        ),
        file("p"),
        "250",
    ),
    "DownwardAPIVolumeSource.defaultMode": Case(
        volume(downwardAPI={**labels()["downwardAPI"], **OCTAL}), mode("p"), 0o640
    ),
    "DownwardAPIVolumeSource.items": Case(volume(**labels()), file("p"), "x"),
    "EnvFromSource.configMapRef": Case(env_from(configMapRef={"name": "m"}), variable("k"), "v"),
    "EnvFromSource.prefix": Case(
        env_from(configMapRef={"name": "m"}, prefix="P_"), variable("P_k"), "v"
    ),
    "EnvFromSource.secretRef": Case(env_from(secretRef={"name": "s"}), variable("k"), "v"),
    "EnvVar.name": Case(plain(env=[{"name": "A", "value": "1"}]), variable("A"), "1"),
    "EnvVar.value": Case(plain(env=[{"name": "A", "value": "$(FROM)"}]), variable("A"), "image"),
    "EnvVar.valueFrom": Case(env({"configMapKeyRef": KEY}), variable("A"), "v"),
    "EnvVarSource.configMapKeyRef": Case(env({"configMapKeyRef": KEY}), variable("A"), "v"),
    "EnvVarSource.fieldRef": Case(
        env({"fieldRef": {"fieldPath": "metadata.uid"}}), variable("A"), "u-1"
    ),
    "EnvVarSource.resourceFieldRef": Case(env(cpu(), resources=LIMITS), variable("A"), "250"),
    "EnvVarSource.secretKeyRef": Case(env({"secretKeyRef": SECRET_KEY}), variable("A"), "v"),
    "ExecAction.command": Case(
        probing(handler={"exec": {"command": ["x", "y"]}}),
        lambda pod: pod.world.prober.shell.ran[0][-2:],  # type: ignore[union-attr]
        ("x", "y"),
        real=True,
    ),
    "HTTPGetAction.host": Case(http(path="/good"), condition("Ready"), "True", real=True),
    "HTTPGetAction.httpHeaders": Case(
        http(path="/asked", httpHeaders=[{"name": "X-Asked", "value": "yes"}]),
        condition("Ready"),
        "True",
        real=True,
    ),
    "HTTPGetAction.path": Case(http(path="/bad"), condition("Ready"), "False", real=True),
    "HTTPGetAction.port": Case(http(), condition("Ready"), "True", real=True),
    "HTTPGetAction.scheme": Case(http(scheme="HTTPS"), condition("Ready"), "False", real=True),
    "HTTPHeader.name": Case(
        http(path="/asked", httpHeaders=[{"name": "X-Asked", "value": "yes"}]),
        condition("Ready"),
        "True",
        real=True,
    ),
    "HTTPHeader.value": Case(
        http(path="/asked", httpHeaders=[{"name": "X-Asked", "value": "yes"}]),
        condition("Ready"),
        "True",
        real=True,
    ),
    "HostAlias.hostnames": Case(
        pod(hostAliases=[{"ip": "192.0.2.9", "hostnames": ["a"]}]),
        etc("hosts", "192.0.2.9\ta\n"),
        True,
    ),
    "HostAlias.ip": Case(
        pod(hostAliases=[{"ip": "192.0.2.9", "hostnames": ["a"]}]),
        etc("hosts", "192.0.2.9\ta\n"),
        True,
    ),
    "KeyToPath.key": Case(volume(configMap={"name": "m", "items": ITEM}), file("p"), "v"),
    "KeyToPath.mode": Case(volume(configMap={"name": "m", "items": ITEM}), mode("p"), 0o400),
    "KeyToPath.path": Case(volume(configMap={"name": "m", "items": ITEM}), file("p"), "v"),
    "Lifecycle.postStart": Case(hook("postStart", {"exec": {}}), signals(), [15], NO),
    "Lifecycle.preStop": Case(hook("preStop", {"exec": {}}), on_deletion, [("exec", 30.0)]),
    "Lifecycle.stopSignal": Case(
        plain(lifecycle={"stopSignal": "SIGUSR1"}),
        deleted_by,
        [signal.SIGUSR1],
    ),
    "LifecycleHandler.exec": Case(
        hook("postStart", {"exec": {"command": ["x"]}}), signals(), [15], real=True, exit_code=1
    ),
    "LifecycleHandler.httpGet": Case(
        hook("postStart", {"httpGet": {"host": "127.0.0.1", "port": PORT, "path": "/bad"}}),
        signals(),
        [15],
        real=True,
    ),
    "LifecycleHandler.sleep": Case(
        hook("postStart", {"sleep": {"seconds": 7}}),
        handled(),
        [("the hook says so", 7.0)],
        real=True,
    ),
    "ObjectFieldSelector.fieldPath": Case(
        env({"fieldRef": {"fieldPath": "metadata.uid"}}), variable("A"), "u-1"
    ),
    "PodDNSConfig.nameservers": Case(
        pod(dnsConfig=DNS), etc("resolv.conf", "nameserver 192.0.2.5\n"), True
    ),
    "PodDNSConfig.options": Case(pod(dnsConfig=OPTION), etc("resolv.conf", "ndots:2"), True),
    "PodDNSConfig.searches": Case(pod(dnsConfig=DNS), etc("resolv.conf", " example.org\n"), True),
    "PodDNSConfigOption.name": Case(pod(dnsConfig=OPTION), etc("resolv.conf", "ndots:2"), True),
    "PodDNSConfigOption.value": Case(pod(dnsConfig=OPTION), etc("resolv.conf", "ndots:2"), True),
    "PodReadinessGate.conditionType": Case(
        pod(readinessGates=[{"conditionType": "example.org/g"}]), condition("Ready"), "False"
    ),
    "PodSecurityContext.fsGroup": Case(
        pod(securityContext={"fsGroup": 77}), identity("groups"), (77,)
    ),
    "PodSecurityContext.runAsGroup": Case(
        pod(securityContext={"runAsGroup": 6}), identity("group"), 6
    ),
    "PodSecurityContext.runAsNonRoot": Case(
        pod(securityContext={"runAsNonRoot": True}), waiting, "CreateContainerError"
    ),
    "PodSecurityContext.runAsUser": Case(
        pod(securityContext={"runAsUser": 5}), identity("user"), 5
    ),
    "PodSecurityContext.supplementalGroups": Case(
        pod(securityContext={"supplementalGroups": [1, 2]}), identity("groups"), (1, 2)
    ),
    "PodSpec.containers": Case(pod(), started(), 1),
    "PodSpec.dnsConfig": Case(pod(dnsConfig=DNS), etc("resolv.conf", "192.0.2.5"), True),
    "PodSpec.dnsPolicy": Case(pod(dnsPolicy="None"), etc("resolv.conf", "nameserver"), False),
    "PodSpec.enableServiceLinks": Case(
        pod(enableServiceLinks=False),
        lambda pod: "DB_SERVICE_HOST" in pod.process("main").config.env,
        False,
    ),
    "PodSpec.hostAliases": Case(
        pod(hostAliases=[{"ip": "192.0.2.9", "hostnames": ["a"]}]), etc("hosts", "192.0.2.9"), True
    ),
    "PodSpec.hostname": Case(pod(hostname="h"), config("hostname"), "h"),
    "PodSpec.initContainers": Case(pod(initContainers=[container("init")]), started(), 0),
    "PodSpec.nodeName": Case(
        env({"fieldRef": {"fieldPath": "spec.nodeName"}}), variable("A"), "node1"
    ),
    "PodSpec.readinessGates": Case(
        pod(readinessGates=[{"conditionType": "example.org/g"}]), condition("Ready"), "False"
    ),
    "PodSpec.restartPolicy": Case(pod(restartPolicy="Never"), on_exit("exitCode"), 1),
    "PodSpec.securityContext": Case(pod(securityContext={"runAsUser": 5}), identity("user"), 5),
    "PodSpec.serviceAccountName": Case(
        env({"fieldRef": {"fieldPath": "spec.serviceAccountName"}}), variable("A"), "someone"
    ),
    "PodSpec.subdomain": Case(
        pod(subdomain="sub"), etc("hosts", "\tp.sub.n.svc.cluster.local p\n"), True
    ),
    "PodSpec.terminationGracePeriodSeconds": Case(
        {
            **probing("livenessProbe", failureThreshold=1),
            "spec": {
                **probing("livenessProbe", failureThreshold=1)["spec"],
                "terminationGracePeriodSeconds": 5,
            },
        },
        signals(after=5),
        [15, 9],
        NO,
    ),
    "PodSpec.volumes": Case(volume(configMap={"name": "m"}), file("k"), "v"),
    "Probe.exec": Case(probing(), condition("Ready"), "False", real=True, exit_code=1),
    "Probe.failureThreshold": Case(
        probing("livenessProbe", failureThreshold=1), signals(), [15], NO
    ),
    "Probe.httpGet": Case(http(path="/bad"), condition("Ready"), "False", real=True),
    "Probe.initialDelaySeconds": Case(probing(initialDelaySeconds=5), condition("Ready"), "False"),
    "Probe.periodSeconds": Case(
        probing("livenessProbe", periodSeconds=5),
        handled(after=5),
        [("exec", 1.0), ("exec", 1.0)],
    ),
    "Probe.successThreshold": Case(probing(successThreshold=2), condition("Ready"), "False"),
    "Probe.tcpSocket": Case(
        probing(handler={"tcpSocket": {"port": PORT}}), condition("Ready"), "False", real=True
    ),
    "Probe.terminationGracePeriodSeconds": Case(
        probing("livenessProbe", failureThreshold=1, terminationGracePeriodSeconds=3),
        signals(after=3),
        [15, 9],
        NO,
    ),
    "Probe.timeoutSeconds": Case(probing(timeoutSeconds=7), handled(), [("exec", 7.0)]),
    "ProjectedVolumeSource.defaultMode": Case(
        volume(projected={"sources": [{"configMap": {"name": "m"}}], **OCTAL}), mode("k"), 0o640
    ),
    "ProjectedVolumeSource.sources": Case(projected(configMap={"name": "m"}), file("k"), "v"),
    "ResourceFieldSelector.containerName": Case(
        pod(
            container(resources=LIMITS),
            volumes=[
                {
                    "name": "v",
                    "downwardAPI": {"items": [{"path": "p", **cpu(containerName="main")}]},
                }
            ],
        ),
        file("p"),
        "250",
    ),
    "ResourceFieldSelector.divisor": Case(env(cpu(), resources=LIMITS), variable("A"), "250"),
    "ResourceFieldSelector.resource": Case(env(cpu(), resources=LIMITS), variable("A"), "250"),
    "ResourceRequirements.limits": Case(
        plain(resources=LIMITS), lambda pod: pod.status["qosClass"], "Burstable"
    ),
    "ResourceRequirements.requests": Case(
        plain(resources={"requests": {"cpu": "1"}}),
        lambda pod: pod.status["qosClass"],
        "Burstable",
    ),
    "SecretEnvSource.name": Case(env_from(secretRef={"name": "s"}), variable("k"), "v"),
    "SecretEnvSource.optional": Case(env_from(secretRef=ABSENT), started(), 1),
    "SecretKeySelector.key": Case(env({"secretKeyRef": SECRET_KEY}), variable("A"), "v"),
    "SecretKeySelector.name": Case(env({"secretKeyRef": SECRET_KEY}), variable("A"), "v"),
    "SecretKeySelector.optional": Case(env({"secretKeyRef": {**ABSENT, "key": "k"}}), started(), 1),
    "SecurityContext.capabilities": Case(
        plain(securityContext={"capabilities": {"add": ["NET_ADMIN"]}}), may("CAP_NET_ADMIN"), True
    ),
    "SecurityContext.privileged": Case(
        plain(securityContext={"privileged": True}), may("ALL"), True
    ),
    "SecurityContext.runAsGroup": Case(
        plain(securityContext={"runAsGroup": 6}), identity("group"), 6
    ),
    "SecurityContext.runAsNonRoot": Case(
        plain(securityContext={"runAsNonRoot": True}), waiting, "CreateContainerError"
    ),
    "SecurityContext.runAsUser": Case(plain(securityContext={"runAsUser": 5}), identity("user"), 5),
    "ServiceAccountTokenProjection.audience": Case(
        projected(serviceAccountToken=TOKEN), file("token"), "a-1"
    ),
    "ServiceAccountTokenProjection.expirationSeconds": Case(
        projected(serviceAccountToken=TOKEN),
        lambda pod: round(pod.worker.next_sync() - pod.world.time.now),
        480,
    ),
    "ServiceAccountTokenProjection.path": Case(
        projected(serviceAccountToken=TOKEN), file("token"), "a-1"
    ),
    "SleepAction.seconds": Case(
        hook("postStart", {"sleep": {"seconds": 7}}),
        handled(),
        [("the hook says so", 7.0)],
        real=True,
    ),
    "TCPSocketAction.host": Case(
        probing(handler={"tcpSocket": {"host": "127.0.0.1", "port": PORT}}),
        condition("Ready"),
        "True",
        real=True,
    ),
    "TCPSocketAction.port": Case(
        probing(handler={"tcpSocket": {"host": "127.0.0.1", "port": PORT}}),
        condition("Ready"),
        "True",
        real=True,
    ),
    "Volume.downwardAPI": Case(volume(**labels()), file("p"), "x"),
    "Volume.emptyDir": Case(mounting(), mount("read_only"), False),
    "Volume.name": Case(volume(configMap={"name": "m"}), file("k"), "v"),
    "Volume.projected": Case(projected(configMap={"name": "m"}), file("k"), "v"),
    "VolumeMount.mountPath": Case(mounting(), mount("target"), "/v"),
    "VolumeMount.name": Case(mounting(), mounted, "v"),
    "VolumeMount.readOnly": Case(mounting(readOnly=True), mount("read_only"), True),
    "VolumeMount.subPath": Case(mounting(subPath="x"), mounted, "v/x"),
    "VolumeMount.subPathExpr": Case(mounting(subPathExpr="$(WHO)"), mounted, "v/me"),
    "VolumeProjection.downwardAPI": Case(projected(**labels()), file("p"), "x"),
    "VolumeProjection.serviceAccountToken": Case(
        projected(serviceAccountToken=TOKEN), file("token"), "a-1"
    ),
}
#: What an honoured default cannot be told apart from: the field says what is done anyway.
AS_BY_DEFAULT = {"Volume.emptyDir"}


class _Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        good = self.path == "/asked" and self.headers["X-Asked"] == "yes"
        self.send_response(200 if good or self.path in ("/", "/good") else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def observe(
    run_pod: Callable[[Manifest], RunningPod],
    world: World,
    port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Case, Manifest], Any]:
    """Run a pod in the case's world; a pod that cannot even be observed shows nothing."""

    def pause(seconds: float, why: str) -> None:
        world.handled.append((why, seconds))

    monkeypatch.setattr(prober, "pause", pause)

    def run(case: Case, manifest: Manifest) -> Any:
        world.objects.update(case.cluster)
        spec = {"clusterIP": "10.8.0.7", "ports": [{"port": 1}]}
        world.cluster_services = [{"metadata": {"name": "db"}, "spec": spec}]
        world.address = "127.0.0.2"
        world.prober = NodeProber(Recorder(case.exit_code)) if case.real else None
        world.answers = {("main", kind): case.answer for kind in ("exec", "httpGet")}
        try:
            return case.observe(run_pod(_with_port(manifest, port)))
        except (AssertionError, IndexError, LookupError, OSError, StopIteration, TypeError):
            return None

    return run


def _with_port(value: Any, port: int) -> Any:
    if isinstance(value, dict):
        return {key: _with_port(inner, port) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_port(inner, port) for inner in value]
    return port if value == PORT else value


def _without(value: Any, name: str, kind: str = "PodSpec") -> Any:
    """Return a pod's spec without a field (``Type.field``), wherever it is."""
    if isinstance(value, list):
        return [_without(item, name, kind) for item in value]
    return {
        key: _without(inner, name, NESTED[f"{kind}.{key}"]) if f"{kind}.{key}" in NESTED else inner
        for key, inner in value.items()
        if f"{kind}.{key}" != name
    }


def test_every_honoured_field_has_its_case() -> None:
    rows = {
        name
        for name, (support, _) in FIELDS.items()
        if support is Support.HONOURED or (support is Support.PARTLY and name not in ACCEPTED)
    }
    assert rows - set(CASES) == set()
    assert set(CASES) - rows == {"Lifecycle.stopSignal"}


@pytest.mark.parametrize("name", sorted(CASES))
def test_an_honoured_field_does_what_it_says(
    name: str, observe: Callable[[Case, Manifest], Any]
) -> None:
    case = CASES[name]
    assert observe(case, case.pod) == case.expected


@pytest.mark.parametrize("name", sorted(set(CASES) - AS_BY_DEFAULT))
def test_without_the_field_something_else_is_seen(
    name: str, observe: Callable[[Case, Manifest], Any]
) -> None:
    case = CASES[name]
    manifest = deepcopy(case.pod)
    manifest["spec"] = _without(manifest["spec"], name)
    assert manifest["spec"] != case.pod["spec"]
    assert observe(case, manifest) != case.expected

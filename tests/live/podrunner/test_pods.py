"""What real pods see of a node: volumes, probes, users, logs, an orderly end."""

from collections.abc import Iterator

import pytest
from kubernetes import config

from harness.converge import Budget, eventually
from harness.kube import Manifest
from harness.model import ApiError
from harness.workloads.site import Site

SPACE = "pods"
SOON = Budget(timeout=20, interval=0.05)
#: Serves the contents of its volumes; says goodbye when told to end.
PROGRAM = """
import http.server, os, pathlib, signal, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        files = ["/maps/key", "/secrets/key", "/pod/labels", "/run/words/first"]
        said = [pathlib.Path(file).read_text() for file in files]
        said += [os.environ["GREETING"], str(os.getuid()), str(os.getpid())]
        self.send_response(200)
        self.end_headers()
        self.wfile.write("|".join(said).encode())
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("", 80), Handler)
def end(*args):
    print("goodbye", flush=True)
    threading.Thread(target=server.shutdown).start()
signal.signal(signal.SIGTERM, end)
with open("/dev/stdout", "a") as out: out.write("hello\\n")
server.serve_forever()
"""


#: Dials an address until that fails; says how, and after how many seconds.
DIALS = """
import errno, socket, sys, time
while True:
    began = time.monotonic()
    try:
        socket.create_connection((sys.argv[1], 80), 10).close()
        time.sleep(0.01)
    except OSError as error:
        print(errno.errorcode.get(error.errno, error), time.monotonic() - began < 2, flush=True)
        if error.errno != errno.ECONNREFUSED:
            break
"""


def pod() -> Manifest:
    shared = {"name": "words", "mountPath": "/var/run/words"}
    first = {
        "name": "first",
        "image": "meshproof/agent:1",
        "command": ["sh", "-c", "echo -n $(WORD) > /var/run/words/first"],
        "env": [{"name": "WORD", "value": "written"}],
        "volumeMounts": [shared],
    }
    main = {
        "name": "main",
        "image": "meshproof/agent:1",
        "command": ["python3", "-c", PROGRAM],
        "ports": [{"name": "http", "containerPort": 80}],
        "env": [{"name": "GREETING", "value": "hi"}],
        "readinessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 1},
        "livenessProbe": {"exec": {"command": ["test", "-e", "/maps/key"]}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "echo drained >/proc/1/fd/1"]}}},
        "volumeMounts": [
            shared,
            {"name": "maps", "mountPath": "/maps"},
            {"name": "secrets", "mountPath": "/secrets"},
            {"name": "pod", "mountPath": "/pod"},
        ],
    }
    labels = {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "reader", "namespace": SPACE, "labels": {"mood": "calm"}},
        "spec": {
            "securityContext": {"runAsUser": 1337, "runAsGroup": 1337, "fsGroup": 1337},
            "terminationGracePeriodSeconds": 10,
            "initContainers": [first],
            "containers": [main],
            "volumes": [
                {"name": "words", "emptyDir": {"medium": "Memory"}},
                {"name": "maps", "configMap": {"name": "source"}},
                {"name": "secrets", "secret": {"secretName": "source", "defaultMode": 0o400}},
                {"name": "pod", "downwardAPI": {"items": [labels]}},
            ],
        },
    }


def sources(value: str) -> list[Manifest]:
    meta = {"name": "source", "namespace": SPACE}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"key": value}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"key": value}},
    ]


@pytest.fixture
def reader(site: Site) -> Iterator[Site]:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
    site.apply(space, *sources("one"))
    eventually(
        lambda: site.kube.find("ServiceAccount", "default", SPACE),
        bool,
        what="the namespace has its account",
        budget=SOON,
    )
    site.kube.create(pod())
    eventually(lambda: ready(site), bool, what="the pod is ready", budget=SOON)
    yield site
    site.kube.gone("Pod", "reader", SPACE)


def ready(site: Site) -> bool:
    conditions = site.kube.get("Pod", "reader", SPACE)["status"].get("conditions") or []
    return ("Ready", "True") in {(item["type"], item["status"]) for item in conditions}


def said(site: Site) -> str:
    return site.kube.through_pod("reader", SPACE, 80, "/").text


def test_a_pod_is_given_what_it_asks_for_and_follows_changes(reader: Site) -> None:
    assert said(reader) == 'one|one|mood="calm"|written|hi|1337|1'
    reader.apply(*sources("two"))
    reader.kube.patch("Pod", "reader", {"metadata": {"labels": {"mood": "wild"}}}, SPACE)
    eventually(
        lambda: said(reader),
        lambda text: text.startswith('two|two|mood="wild"|'),
        what="volumes follow their sources",
        budget=SOON,
    )


def test_logs_are_served_and_commands_refused_clearly(reader: Site) -> None:
    assert reader.kube.logs("reader", SPACE, "main") == "hello\n"
    client = config.new_client_from_config(str(reader.kube.kubeconfig))
    answer = client.rest_client.pool_manager.request(
        "POST",
        f"{client.configuration.host}/api/v1/namespaces/{SPACE}/pods/reader/exec?command=ls",
        headers={"Connection": "Upgrade", "Upgrade": "SPDY/3.1"},
    )
    assert b"exec is not supported by the embedded node" in answer.data


def test_a_pod_drains_before_it_is_told_to_end(reader: Site) -> None:
    reader.kube.delete("Pod", "reader", SPACE)
    last = ""
    phases: set[str] = set()
    while (seen := reader.kube.find("Pod", "reader", SPACE)) is not None:
        phases.add(seen["status"]["phase"])
        last = _log(reader) or last
    assert phases <= {"Running", "Succeeded"}
    assert "drained" in last


def test_the_address_of_a_pod_that_is_gone_is_unreachable_at_once(reader: Site) -> None:
    address = reader.kube.get("Pod", "reader", SPACE)["status"]["podIP"]
    container = {
        "name": "main",
        "image": "meshproof/agent:1",
        "command": ["python3", "-c", DIALS, address],
    }
    reader.kube.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "dials", "namespace": SPACE},
            "spec": {"restartPolicy": "Never", "containers": [container]},
        }
    )
    try:
        reader.kube.gone("Pod", "reader", SPACE)
        heard = eventually(
            lambda: reader.kube.logs("dials", SPACE, "main").split("\n")[-2:-1],
            lambda lines: lines not in ([], ["ECONNREFUSED True"]),
            what="the address answers no longer",
            budget=SOON,
        )
        assert heard == ["EHOSTUNREACH True"]
    finally:
        reader.kube.gone("Pod", "dials", SPACE)


def test_what_is_not_honoured_is_told_by_status_and_event(reader: Site) -> None:
    unsupported = pod()
    unsupported["metadata"] |= {"name": "unsupported"}
    unsupported["spec"] |= {"hostNetwork": True}
    reader.kube.create(unsupported)
    waiting = eventually(
        lambda: _waiting(reader, "unsupported"),
        bool,
        what="the pod says why it waits",
        budget=SOON,
    )
    assert waiting["reason"] == "UnsupportedPodSpec"
    assert "spec.hostNetwork is not supported by the pod runner" in waiting["message"]
    events = eventually(
        lambda: _messages(reader, "unsupported"), bool, what="an event tells", budget=SOON
    )
    assert any(message in waiting["message"] for message in events)
    reader.kube.gone("Pod", "unsupported", SPACE)


def _waiting(site: Site, name: str) -> Manifest:
    """Return how a pod's main container waits, if its node has said so yet."""
    statuses = site.kube.get("Pod", name, SPACE)["status"].get("containerStatuses") or [{}]
    waiting: Manifest = statuses[0].get("state", {}).get("waiting") or {}
    return waiting


def _messages(site: Site, name: str) -> list[str]:
    return [
        item["message"]
        for item in site.kube.list("Event", SPACE)
        if item["involvedObject"]["name"] == name and item["reason"] == "UnsupportedPodSpec"
    ]


def _log(site: Site) -> str:
    try:
        return site.kube.logs("reader", SPACE, "main")
    except ApiError:
        return ""

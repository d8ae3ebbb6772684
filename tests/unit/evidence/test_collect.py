import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from harness.evidence.collect import collect
from harness.evidence.folder import Folder
from harness.kube import Answer, Manifest
from harness.meshes.base import MeshShape
from harness.model import ApiError, ClusterSpec, Lab, NetworkSpec, Topology, plan_networks
from harness.probes.access import HEADER, SECRET
from harness.probes.access import KEY as KEY_IN_SECRET
from harness.probes.caller import AGENT_LABEL
from harness.probes.transport import CONTROL_PORT

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"


def pod(name: str, namespace: str, image: str, **labels: str) -> Manifest:
    container = "agent" if "agent" in image else "discovery"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "managedFields": [1]},
        "spec": {
            "containers": [{"name": container, "image": image}],
            "initContainers": [{"name": "istio-proxy"}] if container == "agent" else [],
            "serviceAccountName": name,
        },
        "status": {
            "podIP": "10.11.0.7",
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


TOKEN = "mpt-" + 43 * "x"


@dataclass(eq=False)
class PaperCluster:
    """Answers what was prepared; refuses everything else as an API server would (404)."""

    objects: Mapping[str, list[Manifest]] = field(default_factory=dict)
    pages: Mapping[str, Answer] = field(default_factory=dict)
    down: bool = False

    def list(
        self, kind: str, namespace: str | None = None, *, labels: str = ""
    ) -> "list[Manifest]":
        if self.down:
            raise ApiError("GET pods", 0, "connection refused")
        if kind not in self.objects:
            raise ApiError(kind, 404, "the API server does not know this kind")
        wanted = dict(part.split("=") for part in labels.split(",") if part)
        return [
            each
            for each in self.objects[kind]
            if namespace in (None, each["metadata"]["namespace"])
            and wanted.items() <= each["metadata"].get("labels", {}).items()
        ]

    def get(self, kind: str, name: str, namespace: str | None = None) -> Manifest:
        assert (kind, name, namespace) == ("Secret", SECRET, "sample")
        return {"data": {KEY_IN_SECRET: b64encode(TOKEN.encode()).decode()}}

    def token(self, account: str, namespace: str, **options: Any) -> str:
        return "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJpc3Rpb2QifQ.c2ln"

    def logs(self, pod: str, namespace: str, container: str = "", *, tail: int = 0) -> str:
        return f"log of {container}\n{KEY}\nBearer abc.def\n"

    def through_pod(self, pod: str, namespace: str, port: int, path: str, **options: Any) -> Answer:
        body = options.get("body") or {}
        if port == CONTROL_PORT and options["headers"] != {HEADER: TOKEN}:
            return Answer(403, b"only with the token")
        if path == "/fetch":
            assert body["headers"]["authorization"].startswith("Bearer eyJ")
            path = str(body["url"])
        return self.pages.get(path, Answer(503, b"nobody there"))


class PaperProvider:
    name = "paper"

    def evidence(self, lab: Lab) -> Mapping[str, str]:
        return {"../../escape.log": "tried to escape", "fabric.log": "all is well"}


@pytest.fixture
def lab() -> Lab:
    topology = Topology(
        name="one",
        title="One cluster",
        networks=(NetworkSpec(name="network1"),),
        clusters=(ClusterSpec(name="c1", network="network1"),),
    )
    return Lab(
        id="lab-1",
        provider="paper",
        topology=topology,
        plan=plan_networks(topology),
        clusters=(),
        state_dir="/nowhere",
    )


@pytest.fixture
def cluster() -> PaperCluster:
    secret = {"metadata": {"name": "cacerts", "namespace": "istio-system"}, "kind": "Secret"}
    data = {"ca-key.pem": b64encode(KEY.encode()).decode()}
    event = {
        "metadata": {"namespace": "sample"},
        "involvedObject": {"kind": "Pod", "namespace": "sample", "name": "echo"},
        "reason": "Unhealthy",
        "type": "Warning",
        "message": "probe failed",
        "lastTimestamp": "2026-07-01T12:00:00Z",
    }
    dump = {
        "configs": [
            {"@type": "x/envoy.admin.v3.SecretsConfigDump", "secret": "inline"},
            {"@type": "x/envoy.admin.v3.ClustersConfigDump", "last_updated": "now", "name": "kept"},
        ]
    }
    return PaperCluster(
        objects={
            "Pod": [
                pod("echo", "sample", "meshproof/agent:1", **{AGENT_LABEL: "true"}),
                pod("istiod", "istio-system", "pilot:1", app="istiod"),
                pod("foreign", "shop", "shop:1"),
            ],
            "Secret": [{**secret, "data": data}],
            "Event": [event],
        },
        pages={
            "/admin?path=%2Fconfig_dump%3Finclude_eds": Answer(200, json.dumps(dump).encode()),
            "http://10.11.0.7:8080/debug/syncz": Answer(200, b"[]"),
            "/metrics": Answer(200, b"# HELP up\nup 1\ndown 0\n"),
        },
    )


def collected(
    lab: Lab, directory: Path, kubes: Any, secret: bytes = b"of the run"
) -> dict[str, str]:
    folder, shapes = Folder(directory), {name: MeshShape() for name in kubes}
    collect(lab, shapes, PaperProvider(), kubes, folder, secret=secret)  # type: ignore[arg-type]
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_text() for path in files}


def test_a_secret_shows_only_its_keys_and_digests(
    lab: Lab, cluster: PaperCluster, tmp_path: Path
) -> None:
    found = collected(lab, tmp_path / "e", {"c1": cluster})
    everything = "".join(found.values())
    assert "ca-key.pem: hmac-sha256:" in found["c1/objects/Secret.yaml"]
    for leak in ("MIIE", b64encode(KEY.encode()).decode(), "abc.def"):
        assert leak not in everything


def test_a_secret_cannot_be_guessed_from_what_is_shown(
    lab: Lab, cluster: PaperCluster, tmp_path: Path
) -> None:
    shown = [
        collected(lab, tmp_path / name, {"c1": cluster, "c2": cluster}, name.encode())
        for name in ("one", "two")
    ]
    assert sha256(KEY.encode()).hexdigest() not in "".join("".join(each.values()) for each in shown)
    assert f"{len(KEY)} bytes" not in shown[0]["c1/objects/Secret.yaml"]
    assert shown[0]["c1/objects/Secret.yaml"] == shown[0]["c2/objects/Secret.yaml"]
    assert shown[0]["c1/objects/Secret.yaml"] != shown[1]["c1/objects/Secret.yaml"]


def test_each_layer_is_asked(lab: Lab, cluster: PaperCluster, tmp_path: Path) -> None:
    found = collected(lab, tmp_path / "e", {"c1": cluster})
    assert "probe failed" in found["c1/events.txt"]
    assert found["c1/istiod/istio-system.istiod.syncz.json"] == "[]"
    assert found["c1/istiod/istio-system.istiod.metrics.txt"] == "up 1\n"
    assert "log of istio-proxy" in found["c1/logs/sample.echo.istio-proxy.log"]
    assert found["provider/fabric.log"] == "all is well"
    dump = json.loads(found["c1/envoy/sample.echo.config.json"])
    assert dump == {"configs": [{"@type": "x/envoy.admin.v3.ClustersConfigDump", "name": "kept"}]}
    assert "managedFields" not in found["c1/objects/Pod.yaml"]


def test_what_belongs_to_others_is_left_alone(
    lab: Lab, cluster: PaperCluster, tmp_path: Path
) -> None:
    found = collected(lab, tmp_path / "e", {"c1": cluster})
    assert "foreign" not in "".join(found)
    assert "shop" not in found["c1/objects/Pod.yaml"]


def test_what_fails_becomes_a_line_of_the_index(
    lab: Lab, cluster: PaperCluster, tmp_path: Path
) -> None:
    found = collected(lab, tmp_path / "e", {"c1": cluster, "c2": PaperCluster(down=True)})
    index = found["index.md"]
    assert "| c2 | everything of this cluster | GET pods: no answer: connection refused |" in index
    assert "| c1/istiod/istio-system.istiod.clusterz.json |" in index
    assert "[c1/events.txt](c1/events.txt)" in index


def test_a_provider_cannot_write_outside(lab: Lab, cluster: PaperCluster, tmp_path: Path) -> None:
    collected(lab, tmp_path / "a" / "b" / "e", {"c1": cluster})
    assert not list(tmp_path.glob("escape.log"))
    assert not list((tmp_path / "a").glob("escape.log"))


def test_too_much_is_cut_where_it_matters_least(tmp_path: Path) -> None:
    folder = Folder(tmp_path, total=300, per_file=100)
    text = "begin " + "x" * 500 + " end"
    folder.add("dump.txt", "a dump", lambda: text)
    folder.add("pod.log", "a log", lambda: text, keep="tail")
    assert (tmp_path / "dump.txt").read_text().startswith("begin")
    assert (tmp_path / "pod.log").read_text().endswith("end")
    for number in range(5):
        folder.add(f"{number}.txt", "more", lambda: text)
    kept = [entry for entry in folder.entries if entry.size > 100]
    assert len(kept) <= 3
    assert "cut: 410 of 510 bytes" in (tmp_path / "dump.txt").read_text()


def test_collecting_ends_when_its_time_is_over(tmp_path: Path) -> None:
    ticks = iter([0.0, 1.0, 50.0])
    folder = Folder(tmp_path, seconds=45, clock=lambda: next(ticks))
    folder.add("early.txt", "in time", lambda: "kept")
    folder.add("late.txt", "too late", lambda: pytest.fail("must not be asked"))
    assert [(entry.path, bool(entry.trouble)) for entry in folder.entries] == [
        ("early.txt", False),
        ("late.txt", True),
    ]

"""What istioctl makes of an ambient mesh: as far as it can be seen without ztunnel's image."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.artifacts import ensure
from harness.files import load_topology
from harness.kube import Manifest
from harness.meshes.istio import images
from harness.meshes.istio.operator import Release, operator
from harness.meshes.istio.plan import plan_install
from harness.meshes.istio.render import Renderer
from harness.phases import Phases
from harness.shell import LocalShell
from harness.tools.istioctl import Istioctl

TOPOLOGIES = Path(__file__).parents[3] / "topologies"
TAG = "1.29.0"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Manifest]:
    topology = load_topology(TOPOLOGIES / "ambient-multi-primary-multi-network.yaml")
    found = ensure(["istioctl"], Phases())["istioctl"]
    cache = tmp_path_factory.mktemp("rendered")
    renderer = Renderer(Istioctl(found.path, LocalShell()), found.program.sha256, cache)
    return renderer.render(operator(plan_install(topology).cluster("cluster2"), Release(TAG)))


def pod_of(rendered: Sequence[Manifest], kind: str, name: str) -> Manifest:
    (found,) = (
        each for each in rendered if (each["kind"], each["metadata"]["name"]) == (kind, name)
    )
    container: Manifest = found["spec"]["template"]["spec"]["containers"][0]
    return container


def test_ztunnel_is_told_where_it_is(rendered: Sequence[Manifest]) -> None:
    env = pod_of(rendered, "DaemonSet", "ztunnel")["env"]
    told = {each["name"]: each["value"] for each in env if "value" in each}
    assert told["NETWORK"] == "network2"
    assert told["ISTIO_META_CLUSTER_ID"] == "cluster2"


def test_istiod_spans_networks(rendered: Sequence[Manifest]) -> None:
    env = pod_of(rendered, "Deployment", "istiod")["env"]
    assert {"name": "AMBIENT_ENABLE_MULTI_NETWORK", "value": "true"} in env


def test_every_image_is_one_that_is_asked_for(rendered: Sequence[Manifest]) -> None:
    pods = [each for each in rendered if each["kind"] in ("DaemonSet", "Deployment")]
    asked = {
        container["image"]
        for each in pods
        for container in each["spec"]["template"]["spec"]["containers"]
    }
    assert asked < set(images.released([TAG]))

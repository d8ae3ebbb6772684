"""The images that pods name, and how each can be had."""

from pathlib import Path

import pytest

from harness import artifacts
from harness.artifacts import Artifact
from harness.model import Program
from harness.model.images import Archive, ImageTable, Reference
from harness.phases import Phases
from harness.providers.offline.images.catalogue import (
    cluster_images,
    filled,
    layers,
    of_slot,
    own_images,
    pod_images,
    slot,
)
from harness.shell import Outcome, ScriptedShell
from harness.tools.kubeadm import Kubeadm
from harness.workloads import echo

from .mesh import MESH, RELEASE

#: What kubeadm 1.34.4 prints.
LISTED = """\
registry.k8s.io/kube-apiserver:v1.34.4
registry.k8s.io/kube-controller-manager:v1.34.4
registry.k8s.io/kube-scheduler:v1.34.4
registry.k8s.io/kube-proxy:v1.34.4
registry.k8s.io/coredns/coredns:v1.12.1
registry.k8s.io/pause:3.10.1
registry.k8s.io/etcd:3.6.5-0
"""


def test_every_image_that_kubeadm_asks_for_is_made_under_its_name() -> None:
    argv = ("/kubeadm", "config", "images", "list", "--kubernetes-version", "v1.34.4")
    shell = ScriptedShell({argv: Outcome(argv, 0, LISTED, "")})
    listed = Kubeadm(Path("/kubeadm"), shell).images("1.34.4")
    assert [image.name for image in cluster_images(listed)] == LISTED.split()


def test_an_image_that_nobody_makes_is_not_passed_over() -> None:
    with pytest.raises(KeyError, match="kube-quantum"):
        cluster_images(["registry.k8s.io/kube-quantum:v1"])


def test_the_agent_has_the_name_that_pods_use_and_no_registry_has_it() -> None:
    (agent,) = pod_images({})
    assert agent.name == f"docker.io/{echo.IMAGE}"
    assert agent.source.published == ""


def test_layers_lie_on_layers_that_exist() -> None:
    known = layers([*own_images(), *pod_images(MESH)])
    assert {layer.beneath for layer in known.values()} - {""} <= set(known)


def test_images_of_the_same_files_share_a_layer_and_those_of_two_versions_do_not() -> None:
    named = {image.name: image.layer for image in own_images()}
    assert named["kube-proxy"] == named["kube-apiserver"] != named["etcd"]
    both = [image.layer for image in pod_images({**MESH, **RELEASE})]
    assert len(set(both)) == len(both) == 5


def test_a_slot_tells_versions_of_one_program_apart() -> None:
    assert slot("envoy", {}) == "envoy"
    assert of_slot(slot("pilot-agent", {"istio": "1.29.2"})) == ("pilot-agent", {"istio": "1.29.2"})


def test_what_is_no_program_is_not_made_here() -> None:
    table: ImageTable = {"x/a:1": Archive(Path("a.tar")), "x/b:1": Reference("y/b:1")}
    assert [image.name for image in pod_images(table)] == [f"docker.io/{echo.IMAGE}"]


def test_proxies_do_not_run_as_root() -> None:
    _, *istio = pod_images(RELEASE)
    assert {image.user for image in istio} == {"1337:1337"}


def test_each_slot_gets_the_program_of_its_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[list[str], dict[str, str]]] = []

    def ensure(names: list[str], phases: Phases, versions: dict[str, str]) -> dict[str, Artifact]:
        asked.append((names, versions))
        version = versions.get("istio", "")
        made = Program(name="p", version=version, source="", sha256="")
        return {name: Artifact(made, Path(name)) for name in names}

    monkeypatch.setattr(artifacts, "ensure", ensure)
    slots = ["etcd", "pause", "pilot-agent@istio=1", "pilot-agent@istio=2"]
    found = filled(slots, Phases(say=lambda _: None), {"kubernetes": "1.36.3"})
    assert {slot: each.program.version for slot, each in found.items()} == {
        "etcd": "",
        "pause": "",
        "pilot-agent@istio=1": "1",
        "pilot-agent@istio=2": "2",
    }
    assert asked[0] == (["etcd", "pause"], {"kubernetes": "1.36.3"})
    assert asked[1] == (["pilot-agent"], {"kubernetes": "1.36.3", "istio": "1"})

"""The images that pods name, and how each can be had."""

from pathlib import Path

import pytest

from harness.providers.offline.images.catalogue import LAYERS, cluster_images, mesh_images
from harness.shell import Outcome, ScriptedShell
from harness.tools.kubeadm import Kubeadm
from harness.workloads import echo

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


def test_the_agent_has_the_name_that_pods_use() -> None:
    assert mesh_images("1.29.2")[0].name == f"docker.io/{echo.IMAGE}"


def test_a_development_build_of_istio_is_made_here_under_its_own_tag() -> None:
    images = {image.name: image.published for image in mesh_images("1.32-alpha.eed52ebb")}
    assert images["docker.io/istio/pilot:1.32-alpha.eed52ebb"] == ""
    assert images["docker.io/istio/proxyv2:1.32-alpha.eed52ebb"] == ""


@pytest.mark.parametrize("version", ["1.29.2", "v1.29.2"])
def test_a_release_of_istio_is_published(version: str) -> None:
    images = {image.name: image.published for image in mesh_images(version)}
    assert images[f"docker.io/istio/pilot:{version}"] == "istio/pilot:1.29.2"


def test_no_registry_has_the_agent() -> None:
    assert mesh_images("1.29.2")[0].published == ""


def test_a_tag_has_no_character_that_a_tag_may_not_have() -> None:
    assert mesh_images("1.32+dirty")[1].name == "docker.io/istio/pilot:1.32-dirty"


def test_layers_lie_on_layers_that_exist() -> None:
    assert {layer.beneath for layer in LAYERS.values()} - {""} <= set(LAYERS)


def test_proxies_do_not_run_as_root() -> None:
    _, *istio = mesh_images("1.29.2")
    assert {image.entry.user for image in istio} == {"1337:1337"}

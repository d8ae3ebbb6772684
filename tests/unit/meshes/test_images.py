"""What a mesh says of its images, and what an embedded lab makes of that."""

from pathlib import Path

import pytest

from harness.meshes.istio import IstioMesh
from harness.meshes.istio.images import images
from harness.model import Topology
from harness.model.images import Archive, ImageTable, Reference
from harness.providers.embedded.images import refused, table


def test_the_tag_carries_the_version_and_so_do_the_programs() -> None:
    both = images(["1.31-a", "1.32-b"])
    assert set(both) == {
        "docker.io/istio/pilot:1.31-a",
        "docker.io/istio/proxyv2:1.31-a",
        "docker.io/istio/pilot:1.32-b",
        "docker.io/istio/proxyv2:1.32-b",
    }
    proxy = both["docker.io/istio/proxyv2:1.31-a"]
    assert proxy.versions == {"istio": "1.31-a"}
    assert set(proxy.files.values()) == {"envoy", "envoy-bootstrap", "pilot-agent"}


@pytest.mark.parametrize("version", ["1.29.2", "v1.29.2"])
def test_a_release_of_istio_is_published(version: str) -> None:
    published = {name: each.published for name, each in images([version]).items()}
    assert published[f"docker.io/istio/pilot:{version}"] == "istio/pilot:1.29.2"


def test_a_development_build_is_in_no_registry() -> None:
    assert {each.published for each in images(["1.32-alpha.eed52ebb"]).values()} == {""}


def test_a_tag_has_no_character_that_a_tag_may_not_have() -> None:
    assert "docker.io/istio/pilot:1.32-dirty" in images(["1.32+dirty"])


def test_control_planes_of_two_versions_bring_images_of_both(two: Topology) -> None:
    plane = {"name": "p", "cluster": "cluster1", "version": "1.31-alpha.b01690e6"}
    skewed = Topology.model_validate({**two.model_dump(), "control_planes": [plane]})
    tags = {name.rpartition(":")[2] for name in IstioMesh().images(skewed)}
    assert tags == {"1.31-alpha.b01690e6", "1.32-alpha.eed52ebb"}


def test_an_embedded_lab_takes_programs_only() -> None:
    mixed: ImageTable = {
        **images(["1.32"]),
        "x/archive:1": Archive(Path("a.tar")),
        "x/registry:1": Reference("y/registry:1"),
    }
    told = list(refused(mixed))
    assert ["x/archive:1" in told[0], "x/registry:1" in told[1], len(told)] == [True, True, 2]
    assert set(table(mixed)) == {
        *images(["1.32"]),
        "coredns:lab",
        "docker.io/meshproof/agent:1",
    }

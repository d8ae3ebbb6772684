"""Each cluster and each image gets programs of the version that it asks for."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from harness import artifacts
from harness.artifacts import Artifact
from harness.meshes.istio.images import images
from harness.model import Program, Topology, plan_networks
from harness.model.images import Reference
from harness.phases import Phases
from harness.providers.base import RaiseOptions
from harness.providers.embedded.provider import EmbeddedProvider
from harness.providers.embedded.supplies import Supplies, gathered


def _with_kubernetes(topology: Topology, version: str) -> Topology:
    first = topology.clusters[0].model_copy(update={"kubernetes": version})
    return topology.model_copy(update={"clusters": (first, *topology.clusters[1:])})


@pytest.fixture
def supplies(topology: Topology, monkeypatch: pytest.MonkeyPatch) -> Supplies:
    def ensure(
        names: Sequence[str], phases: Phases, versions: Mapping[str, str]
    ) -> dict[str, Artifact]:
        version = "-".join(versions.values()) or "default"
        return {
            name: Artifact(
                Program(name=name, version=version, source="module", sha256="ab"),
                Path("/programs", version, name),
            )
            for name in names
        }

    monkeypatch.setattr(artifacts, "ensure", ensure)
    options = RaiseOptions(kubernetes="1.36.3", images=images(["1.31", "1.32"]))
    plan = plan_networks(_with_kubernetes(topology, "1.35.4"))
    return gathered(plan, options, Phases(say=lambda _: None))


def test_a_cluster_runs_its_own_kubernetes_and_the_others_what_was_asked_for(
    supplies: Supplies,
) -> None:
    servers = {name: each["kube-apiserver"] for name, each in supplies.control_planes.items()}
    assert servers["east"] == Path("/programs/1.35.4/kube-apiserver")
    assert {servers["near"], servers["west"]} == {Path("/programs/1.36.3/kube-apiserver")}


def test_an_image_is_of_the_version_of_its_tag(supplies: Supplies) -> None:
    for version in ("1.31", "1.32"):
        proxy = supplies.images[f"istio/proxyv2:{version}"]
        assert proxy.binds["/usr/local/bin/pilot-agent"] == f"/programs/{version}/pilot-agent"
        bootstrap = proxy.binds["/var/lib/istio/envoy/envoy_bootstrap_tmpl.json"]
        assert bootstrap == f"/programs/{version}/envoy-bootstrap"


def test_a_program_is_reported_once_per_version(supplies: Supplies) -> None:
    named = [(program.name, program.version) for program in supplies.programs]
    assert len(set(named)) == len(named)
    assert {version for name, version in named if name == "pilot-agent"} == {"1.31", "1.32"}


def test_what_cannot_be_had_is_refused_with_what_there_is(topology: Topology) -> None:
    options = RaiseOptions(kubernetes="9.9.9", images={"x/y:1": Reference("x/y:1")})
    told = "\n".join(EmbeddedProvider().refuses(_with_kubernetes(topology, "8.8.8"), options))
    for word in ("9.9.9", "8.8.8", "1.34.4", "1.36.3", "image x/y:1 is a reference"):
        assert word in told


def test_what_can_be_had_is_not_refused(topology: Topology) -> None:
    options = RaiseOptions(kubernetes="1.36.3", images=images(["1.32"]))
    assert EmbeddedProvider().refuses(topology, options) == []

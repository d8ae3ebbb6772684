"""What a supervisor is told, and with which secrets."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography import x509

from harness.model import MachineError, NetworkPlan, Topology
from harness.model.images import Programs
from harness.providers.embedded import bring_up, control_plane, images
from harness.providers.embedded.authority import Authority
from harness.providers.embedded.bring_up import raise_lab
from harness.providers.embedded.credentials import write_credentials
from harness.providers.embedded.layout import CORE, Layout
from harness.providers.embedded.supplies import Supplies
from harness.providers.fabric import state
from harness.providers.fabric.state import STATE_VARIABLE
from harness.providers.podrunner.config import NodeConfig


@pytest.fixture
def layout(plan: NetworkPlan, monkeypatch: pytest.MonkeyPatch) -> Iterator[Layout]:
    with TemporaryDirectory(prefix="mp-", dir="/tmp") as made:
        monkeypatch.setenv(STATE_VARIABLE, made)
        programs = {name: Path("/programs", name) for name in control_plane.PROGRAMS}
        planes = {cluster.name: programs for cluster in plan.clusters}
        proxy = Programs(argv=("/agent",), files={"/agent": "pilot-agent"})
        image = images.image(proxy, {"pilot-agent": Path("/programs/pilot-agent")})
        pods = images.by_name({"docker.io/istio/proxyv2:1.2": image})
        supplies = Supplies(planes, pods, ())
        yield Layout(state.new().make("embedded"), plan, supplies, "/usr/bin/python3")


def test_api_servers_start_first_and_the_rest_by_cluster(layout: Layout) -> None:
    spec = layout.spec()
    core = [daemon.name for daemon in spec.daemons if daemon.stage == CORE]
    assert [name for name in core if name.startswith("east")] == [
        "east-etcd",
        "east-kube-apiserver",
        "east-forwarder",
    ]
    east = {daemon.name for daemon in spec.daemons if daemon.stage == "east"}
    assert {"east-node1-agent", "east-node2-agent", "east-node2-kube-proxy"} <= east
    controllers = [daemon for daemon in spec.daemons if daemon.stage == "east-controllers"]
    assert [daemon.name for daemon in controllers] == ["east-kube-controller-manager"]


def test_names_of_programs_and_namespaces_are_consistent(layout: Layout) -> None:
    spec = layout.spec()
    names = [daemon.name for daemon in spec.daemons]
    assert len(names) == len(set(names))
    known = {namespace.name for namespace in spec.namespaces}
    assert {daemon.namespace for daemon in spec.daemons} <= known


def test_every_node_reads_its_own_slice_of_the_plan(layout: Layout) -> None:
    layout.write_configs()
    second = NodeConfig.read(layout.state.path / "east-node2.json")
    assert (second.address, second.pods) == ("10.77.1.12", "10.11.1.0/24")
    assert second.api_service == "10.111.0.1"
    assert second.image("istio/proxyv2:1.2") is not None


def test_agents_are_bound_with_what_they_import() -> None:
    (agent,) = (each for name, each in images.table({}).items() if "agent" in name)
    image = images.image(agent, {})
    assert image.argv[-1] == "/opt/meshproof/agent"
    assert set(image.binds) == {
        "/opt/meshproof/agent",
        *(f"/opt/meshproof/packages/{name}" for name in ("h11", "h2", "hpack", "hyperframe")),
    }
    assert all(Path(source).is_dir() for source in image.binds.values())


def test_credentials_are_for_our_eyes_only(layout: Layout, plan: NetworkPlan) -> None:
    kubeconfig = write_credentials(layout.state, plan.cluster("east"), 4711)
    written = [kubeconfig, *layout.state.secrets("east").iterdir()]
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}
    server = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    assert server == "https://127.0.0.1:4711"
    assert os.stat(layout.state.secrets("east")).st_mode & 0o777 == 0o700  # noqa: PTH116


def test_a_certificate_names_its_hosts_and_is_signed_by_its_authority() -> None:
    authority = Authority("ca")
    issued = authority.issue("server", groups=("g",), hosts=("10.0.0.1", "a.example"))
    certificate = x509.load_pem_x509_certificate(issued.certificate)
    certificate.verify_directly_issued_by(
        x509.load_pem_x509_certificate(authority.identity.certificate)
    )
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]


def test_a_place_that_cannot_be_written_is_the_machines_problem(
    topology: Topology, plan: NetworkPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(state, "base", lambda: tmp_path / "file" / "labs")
    monkeypatch.setattr(bring_up, "reap", list)
    with pytest.raises(MachineError, match="make room"):
        raise_lab(topology, plan, Supplies({}, {}, ()), keep=False)

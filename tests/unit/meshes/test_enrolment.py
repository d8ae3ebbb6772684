"""The files of a machine are what istioctl writes, as the topology has it asked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.files import load_topology
from harness.kube import Manifest
from harness.meshes.istio.enrolment import Door, doors, enrolled
from harness.meshes.istio.plan import plan_install
from harness.model import Topology
from harness.shell import Outcome
from harness.tools.istioctl import Istioctl

TOPOLOGIES = Path(__file__).parents[3] / "topologies"
BESIDE = load_topology(TOPOLOGIES / "vm-single-network.yaml")
RACKS = load_topology(TOPOLOGIES / "field/machines-with-cluster.yaml")
GROUP: Manifest = {"kind": "WorkloadGroup", "metadata": {"name": "hello-vm", "namespace": "vm"}}


@dataclass
class Writing:
    """Runs nothing, but writes two files where istioctl is told to; what it read is kept."""

    argv: list[str] = field(default_factory=list)
    read: str = ""

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 120.0,
    ) -> Outcome:
        self.argv = list(argv)
        self.read = Path(self.after("--file")).read_text()
        output = Path(self.after("--output"))
        output.mkdir()
        (output / "cluster.env").write_text("A=b\n")
        (output / "istio-token").write_text("secret")
        return Outcome(tuple(argv), 0, "", "")

    def after(self, option: str) -> str:
        return self.argv[self.argv.index(option) + 1]


def files(shell: Writing, place: Path, topology: Topology, *, registers: bool) -> dict[str, str]:
    install = plan_install(topology).cluster("cluster1")
    door = Door(place / "cluster1.yaml", "10.77.1.254")
    istioctl = Istioctl(Path("/istioctl"), shell)
    return enrolled(istioctl, install, door, GROUP, registers=registers)


def test_istioctl_is_told_of_the_group_the_cluster_and_the_gateway(tmp_path: Path) -> None:
    shell = Writing()
    found = files(shell, tmp_path, BESIDE, registers=True)
    assert found == {"cluster.env": "A=b\n", "istio-token": "secret"}
    assert json.loads(shell.read) == GROUP
    told = ("--clusterID", "--ingressIP", "--istioNamespace", "--kubeconfig")
    assert [shell.after(option) for option in told] == [
        "cluster1",
        "10.77.1.254",
        "istio-system",
        str(tmp_path / "cluster1.yaml"),
    ]
    assert "--autoregister" in shell.argv
    assert "--revision" not in shell.argv


def test_no_token_is_left_beside_the_kubeconfig(tmp_path: Path) -> None:
    shell = Writing()
    files(shell, tmp_path, BESIDE, registers=False)
    assert "--autoregister" not in shell.argv
    assert list(tmp_path.iterdir()) == []


def test_machines_reach_istiod_by_gateways_that_expose_it() -> None:
    assert [gateway.cluster for gateway in doors(RACKS, "cluster1")] == ["cluster1"]
    assert doors(RACKS, "cluster2") == []

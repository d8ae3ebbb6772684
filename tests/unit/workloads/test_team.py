"""A team tries every kubeconfig that it was handed, at whichever cluster."""

from pathlib import Path

from harness import files
from harness.model import Cluster, ClusterPlan
from harness.model.kubeconfig import kubeconfig_data
from harness.workloads.site import Site
from harness.workloads.team import Team, binding

from .conftest import MemoryKube


def kubeconfig(folder: Path, name: str, token: str) -> Path:
    server = {"server": f"https://{name}.example:6443"}
    return files.write(folder / name, kubeconfig_data(name, cluster=server, user={"token": token}))


def at(folder: Path, name: str) -> Site:
    path = str(kubeconfig(folder, name, f"admin-of-{name}"))
    cluster = Cluster(name=name, network="n", kubeconfig=path, server="", version="v1.34.4")
    plan = ClusterPlan(
        name=name, network="n", nodes=(), pods="", services="", dns="", load_balancers=()
    )
    return Site(cluster, plan, MemoryKube())


def test_a_team_is_at_each_cluster_whoever_its_kubeconfigs_say_it_is(tmp_path: Path) -> None:
    home, other = at(tmp_path, "c1"), at(tmp_path, "c2")
    team = Team("team-c1", home, tmp_path)
    team.hand(kubeconfig(tmp_path, "given", "own"), "own")
    (alone,) = team.at(other)
    tried = files.read(alone.kubeconfig).data
    assert tried["clusters"][0]["cluster"]["server"] == "https://c2.example:6443"
    assert tried["users"][0]["user"] == {"token": "own"}
    handed = team.hand(Path(other.cluster.kubeconfig), "admin")
    tokens = {files.read(k.kubeconfig).data["users"][0]["user"]["token"] for k in team.at(home)}
    assert tokens == {"own", "admin-of-c2"}
    handed.unlink()
    assert len(team.at(home)) == 1


def test_a_role_is_bound_in_one_namespace_or_in_all(tmp_path: Path) -> None:
    team = Team("team-c1", at(tmp_path, "c1"), tmp_path)
    one, every = binding(team, "RoleBinding"), binding(team, "ClusterRoleBinding")
    assert one["metadata"]["namespace"] == "sample"
    assert "namespace" not in every["metadata"]
    assert one["subjects"] == every["subjects"]

"""A team: somebody who may work in one namespace of a cluster, with kubeconfigs of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import files
from harness.kube import Kube, Manifest
from harness.model.kubeconfig import kubeconfig_data
from harness.workloads.rules import everywhere
from harness.workloads.site import Site
from harness.workloads.stage import SAMPLE, Stage

#: What a team is in its namespace: a role that every cluster has.
_ROLE = "edit"
_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Team:
    """Works in namespace ``space`` of cluster ``home``; its kubeconfigs lie in ``folder``.

    Its account and its role are there in every cluster, as equal namespaces are one: what keeps it
    out of other clusters is that its credentials are none there.
    """

    name: str
    home: Site
    folder: Path
    space: str = SAMPLE

    def hand(self, kubeconfig: Path, called: str) -> Path:
        """Give the team a copy of a kubeconfig."""
        return files.write(self._held / called, files.read(kubeconfig).data, private=True)

    def at(self, site: Site) -> list[Kube]:
        """Return the API server of ``site`` as the team sees it, by each credential that it has."""
        server = files.read(Path(site.cluster.kubeconfig)).data["clusters"][0]["cluster"]
        found = []
        for number, path in enumerate(sorted(self._held.iterdir())):
            user = files.read(path).data["users"][0]["user"]
            tried = kubeconfig_data("team", cluster=server, user=user)
            place = self.folder / f"tried-{site.name}-{number}"
            found.append(Kube(files.write(place, tried, private=True)))
        return found

    @property
    def _held(self) -> Path:
        held = self.folder / "held"
        held.mkdir(exist_ok=True)
        return held


@contextmanager
def team_of(home: Site, stage: Stage, folder: Path) -> Iterator[Team]:
    """Let a team work in a cluster while the body runs."""
    team = Team(f"team-{home.name}", home, folder)
    metadata = {"name": team.name, "namespace": team.space}
    account: Manifest = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    with everywhere(stage.sites, account, binding(team, "RoleBinding")):
        own = files.read(Path(home.cluster.kubeconfig)).data["clusters"][0]["cluster"]
        user = {"token": home.kube.token(team.name, team.space)}
        given = files.write(folder / "own", kubeconfig_data("team", cluster=own, user=user))
        team.hand(given, "own")
        yield team


def binding(team: Team, kind: str) -> Manifest:
    """Return what gives a team its role: in its namespace, or in all by a ClusterRoleBinding."""
    metadata = {"name": team.name, "namespace": team.space}
    if kind == "ClusterRoleBinding":
        del metadata["namespace"]
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": kind,
        "metadata": metadata,
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": _ROLE},
        "subjects": [{"kind": "ServiceAccount", "name": team.name, "namespace": team.space}],
    }

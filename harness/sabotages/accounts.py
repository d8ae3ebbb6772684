"""Sabotages of what accounts may do: that behind a remote secret, and those of teams."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from harness.faults.remote_secrets import reader
from harness.kube import Manifest
from harness.model import HarnessError
from harness.probes.rights import READ, who
from harness.sabotages.scene import Breaking, Scene
from harness.workloads.site import Site
from harness.workloads.team import Team, binding

_ACCOUNT = "system:serviceaccount:"


@contextmanager
def cluster_admin_bound(scene: Scene) -> Breaking:
    """Make the account behind the client's secret for the server an administrator there."""
    with scene.server.applied(_bound("cluster-admin", _reader(scene))):
        yield


@contextmanager
def reader_lacks_endpointslices(scene: Scene) -> Breaking:
    """Take EndpointSlices from the role of the account behind the client's secret."""
    site, subject = scene.server, _reader(scene)
    with ExitStack() as undo:
        for role in _roles_of(site, subject):
            rules = [_without(rule, "endpointslices") for rule in role["rules"]]
            patch = {"rules": [rule for rule in rules if rule["resources"]]}
            undo.enter_context(site.patched("ClusterRole", role["metadata"]["name"], patch))
        yield


@contextmanager
def reader_reads_everything(scene: Scene) -> Breaking:
    """Let the account behind the client's secret read every resource."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "reads-everything"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": list(READ)}],
    }
    with scene.server.applied(role, _bound("reads-everything", _reader(scene))):
        yield


def _reader(scene: Scene) -> Manifest:
    """Return the account behind the client's secret for the server, as a subject of bindings."""
    kube = reader(scene.client, scene.server)
    name = who(kube) if kube else ""
    if not name.startswith(_ACCOUNT):
        raise HarnessError(f"{scene.client} reads {scene.server} by no service account: {name!r}")
    namespace, account = name.removeprefix(_ACCOUNT).split(":")
    return {"kind": "ServiceAccount", "name": account, "namespace": namespace}


def _bound(role: str, subject: Manifest) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"meshproof-{role}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }


def _roles_of(site: Site, subject: Manifest) -> Iterator[Manifest]:
    for bound in site.kube.list("ClusterRoleBinding"):
        if any(_same(each, subject) for each in bound.get("subjects", [])):
            yield site.kube.get("ClusterRole", bound["roleRef"]["name"])


def _same(one: Manifest, other: Manifest) -> bool:
    return all(one.get(key) == other[key] for key in ("kind", "name", "namespace"))


def _without(rule: Manifest, resource: str) -> Manifest:
    kept: Sequence[str] = [each for each in rule.get("resources", []) if each != resource]
    return {**rule, "resources": kept}


@contextmanager
def cluster_role_binding(scene: Scene) -> Breaking:
    """Give the team its role in all namespaces in place of its own."""
    team = scene.given("team", Team)
    with (
        team.home.applied(binding(team, "ClusterRoleBinding")),
        team.home.deleted("RoleBinding", team.name, team.space),
    ):
        yield


@contextmanager
def role_binding_removed(scene: Scene) -> Breaking:
    """Take the team's role away."""
    team = scene.given("team", Team)
    with team.home.deleted("RoleBinding", team.name, team.space):
        yield


@contextmanager
def shared_admin_kubeconfig(scene: Scene) -> Breaking:
    """Hand the team the administrator's kubeconfig of another cluster."""
    team = scene.given("team", Team)
    other = next(site for site in scene.sites if site.name != team.home.name)
    handed = team.hand(Path(other.cluster.kubeconfig), "admin")
    try:
        yield
    finally:
        handed.unlink()

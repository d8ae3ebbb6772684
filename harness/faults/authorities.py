"""Give a control plane another certificate authority, and workloads certificates of it."""

from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from harness.converge import Budget, eventually
from harness.faults.mesh_config import mesh_config, without_roots_of
from harness.faults.rollout import restart_istiod
from harness.kube import Manifest
from harness.meshes import ca
from harness.probes.certificates import fingerprint, split
from harness.workloads.site import Site
from harness.workloads.stage import SAMPLE


@contextmanager
def own_root(site: Site) -> Iterator[None]:
    """Run the body while a control plane signs with a root of its own making."""
    home, shape = site.control_plane, site.control_plane.shape
    with _certified_by(site, home.deleted("Secret", shape.authority, shape.system), anew=True):
        yield


@contextmanager
def other_root(site: Site) -> Iterator[None]:
    """Run the body while an authority of another root is plugged into a control plane."""
    authority = ca.make_intermediate(ca.make_root("Other Root"), "Other Intermediate")
    home = site.control_plane
    with _certified_by(site, home.applied(ca.cacerts(authority, home.shape)), anew=True):
        yield


@contextmanager
def same_authority(site: Site, other: Site) -> Iterator[None]:
    """Run the body while a control plane signs with the intermediate of another one."""
    home = site.control_plane
    with _certified_by(site, home.applied(_copy(other, home)), anew=False):
        yield


def copied_authority(site: Site) -> AbstractContextManager[None]:
    """Run the body while a remote has the authority of its control plane, for one of its own."""
    return site.applied(_copy(site.control_plane, site))


def _copy(giver: Site, taker: Site) -> Manifest:
    """Return the Secret by which ``taker`` signs as ``giver`` does."""
    theirs = giver.kube.get("Secret", giver.shape.authority, giver.shape.system)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": taker.shape.authority, "namespace": taker.shape.system},
        "data": theirs["data"],
    }


@contextmanager
def untrusted(site: Site, other: Site) -> Iterator[None]:
    """Run the body while proxies in ``site`` do not know the root of the mesh of ``other``.

    Callers there begin anew: they would go on using connections that were accepted before.
    """
    root = fingerprint(plugged_root(other))
    with mesh_config(site, without_roots_of(other.shape.trust_domain)):
        eventually(
            lambda: _believed(site),
            lambda known: root not in known,
            what=f"proxies in {site} are told to distrust the root of {other}",
            budget=Budget(timeout=60, interval=0.2, firm=True),
        )
        other.restart("probe-b", SAMPLE)
        other.restart("echo", SAMPLE)
        yield


def plugged_root(site: Site) -> str:
    """Return the root (PEM) that is plugged into the control plane of a cluster."""
    home = site.control_plane
    plugged = home.kube.get("Secret", home.shape.authority, home.shape.system)["data"]
    return b64decode(plugged["root-cert.pem"]).decode()


def _believed(site: Site) -> set[str]:
    """Return the fingerprints of the roots that a server of the cast lets callers hang from."""
    return set(map(fingerprint, split(site.caller(SAMPLE, "echo").sidecar.certificates().root_pem)))


@contextmanager
def _certified_by(
    site: Site, authority: AbstractContextManager[None], *, anew: bool
) -> Iterator[None]:
    """Run the body with workloads that have asked for certificates anew, and so after it.

    A proxy believes the istiod whose root is published in its namespace: where the root is a new
    one (``anew``), they are restarted once that is. A root that istiod makes meanwhile goes; one
    that it had made before is taken again.
    """
    before, home = _published(site), site.control_plane
    own = ("Secret", home.shape.own_authority, home.shape.system)
    made = home.kube.find(*own)
    try:
        with authority:
            _certify(site, lambda root: (root != before) is anew)
            yield
    finally:
        if made is None:
            home.kube.delete(*own)
        _certify(site, lambda root: root == before)


def _certify(site: Site, published: Callable[[tuple[str, ...]], bool]) -> None:
    restart_istiod(site.control_plane)
    eventually(
        lambda: _published(site),
        published,
        what=f"istiod of {site} publishes its root",
        # The lease of who publishes it may have to run out first.
        budget=Budget(timeout=120, interval=0.1, firm=True),
    )
    for workload in ("echo", "probe-b"):
        site.restart(workload, SAMPLE)


def _published(site: Site) -> tuple[str, ...]:
    """Return the fingerprints of the roots that workloads of the cast are told to trust."""
    found = site.kube.get("ConfigMap", site.shape.published_root, SAMPLE)
    return tuple(map(fingerprint, split("".join(found["data"].values()))))

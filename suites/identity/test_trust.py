"""Everybody trusts whoever signs in the mesh, and each primary signs with its own."""

from itertools import permutations

import pytest

from harness.model import Topology, structure
from harness.probes.certificates import Certificates
from harness.sabotages.control_plane import no_cacerts, same_intermediate
from harness.workloads.site import Site
from harness.workloads.stage import Stage


@pytest.mark.requirement("ID-03")
@pytest.mark.sabotage.with_args(no_cacerts, breaks="not trusted by every proxy")
@pytest.mark.sabotage.with_args(same_intermediate, breaks="sign with the same")
@pytest.mark.disturbs
def test_primaries_share_a_root_and_sign_with_their_own(stage: Stage, topology: Topology) -> None:
    held = {site: certificates(site, stage) for site in stage.sites}
    everyone = [(f"{site}", each) for site, every in held.items() for each in every]
    wary = {f"{one}: {o}" for (one, a), (o, b) in permutations(everyone, 2) if not a.trusts(b)}
    assert not wary, f"signers are not trusted by every proxy: {sorted(wary)}"
    signers: dict[str, set[str]] = {}
    for site, every in held.items():
        planes = "/".join(each.name for each in structure.control_planes_of(topology, site.name))
        signers.setdefault(planes, set()).update(each.signer for each in every)
    shared = set.intersection(*signers.values())
    assert not shared, f"primaries sign with the same certificate: {sorted(signers)}"


def certificates(site: Site, stage: Stage) -> list[Certificates]:
    """Return what every proxy of the cast in a cluster presents and trusts."""
    return [caller.sidecar.certificates() for caller in stage.injected(site)]

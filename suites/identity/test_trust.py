"""One root for the mesh, one intermediate per primary."""

import base64

import pytest

from harness.sabotages.control_plane import no_cacerts
from harness.workloads.site import Site
from harness.workloads.stage import SAMPLE, Stage


@pytest.mark.requirement("ID-03")
@pytest.mark.sabotage.with_args(no_cacerts)
@pytest.mark.disturbs
def test_primaries_share_a_root_and_sign_with_their_own(stage: Stage) -> None:
    roots = {site.name: plugged(site, "root-cert.pem") for site in stage.sites}
    published = {site.name: published_root(site) for site in stage.sites}
    assert len({*roots.values(), *published.values()}) == 1, "roots differ between clusters"
    signers = {site.name: plugged(site, "ca-cert.pem") for site in stage.sites}
    assert len(set(signers.values())) == len(signers), "primaries sign with the same certificate"
    for site in stage.sites:
        for caller in stage.injected(site):
            chain = caller.sidecar.certificates().chain_pem
            assert len(chain) >= 2, f"{caller.pod} presents {len(chain)} certificate(s)"
            assert chain[1].strip() == signers[site.name].strip(), f"signer of {caller.pod}"


def plugged(site: Site, key: str) -> str:
    """Return a certificate of the CA that was plugged into a primary; empty if there is none."""
    secret = site.kube.find("Secret", site.shape.authority, site.shape.system)
    return base64.b64decode(secret["data"][key]).decode() if secret else ""


def published_root(site: Site) -> str:
    """Return the root that workloads of a cluster are told to trust."""
    config = site.kube.get("ConfigMap", site.shape.published_root, SAMPLE)
    return str(config["data"]["root-cert.pem"])

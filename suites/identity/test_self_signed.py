"""One control plane needs no plugged authority: the root that it makes is enough for remotes."""

from base64 import b64decode
from functools import partial

import pytest

from harness.probes.certificates import issued_by
from harness.probes.claims import CALLS, always, from_each
from harness.sabotages.control_plane import alien_ca_later
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, Stage


@pytest.mark.requirement("ID-05")
@pytest.mark.sabotage.with_args(alien_ca_later, breaks="hang from another root")
@pytest.mark.disturbs
def test_a_root_of_its_own_making_is_enough(source: Site, target: Site, stage: Stage) -> None:
    root = own_root_of(source.control_plane)
    chains = {
        f"{caller}": caller.sidecar.certificates().chain_pem
        for site in (source, target)
        for caller in stage.injected(site)
    }
    strays = [who for who, chain in chains.items() if not issued_by(chain[-1], root)]
    assert not strays, f"proxies hang from another root than {source.control_plane} made: {strays}"
    always(
        partial(stage.stranger(source).call, ECHO.url, count=CALLS),
        from_each([source.name, stage.together(source, target)]),
        what=f"calls from {source} are answered there and in {target}",
    )


def own_root_of(site: Site) -> str:
    """Return the certificate (PEM) of the root that a control plane has made for itself."""
    shape = site.shape
    made = site.kube.get("Secret", shape.own_authority, shape.system)["data"]
    return b64decode(made["ca-cert.pem"]).decode()

"""What one tenant says to another is heard by no third."""

from functools import partial

import pytest

from harness.converge import Budget, eventually
from harness.probes.access_log import entries
from harness.probes.claims import always, from_each, served
from harness.probes.paths import mark
from harness.sabotages.policy import deny_all, foreign_mirror
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, TENANT, Stage


@pytest.mark.requirement("TN-13")
@pytest.mark.sabotage.with_args(deny_all, breaks="one tenant serves")
@pytest.mark.sabotage.with_args(foreign_mirror, breaks="reaches a third tenant")
def test_calls_reach_no_third_tenant(cluster: Site, stage: Stage) -> None:
    word, later = mark(), mark()
    always(
        lambda: stage.stranger(cluster).call(ECHO.at(word), count=20),
        from_each(stage.apart(cluster), at_least=1),
        what=f"one tenant serves callers in {cluster}",
    )
    for site in stage.sites:
        eventually(
            partial(stage.stranger(site).call, TENANT.at(later), count=20),
            served,
            what=f"the third tenant serves callers in {site}, whom it hears",
        )
    third = [(site, stage.tenant(site).pod) for site in stage.sites]
    eventually(
        lambda: [f"{site}" for site, pod in third if not heard(site, pod, later)],
        lambda deaf: not deaf,
        what="proxies of the third tenant log in every cluster what reaches them",
        budget=Budget(timeout=15, firm=True),
    )
    leaked = {f"{site}: {line}" for site, pod in third for line in heard(site, pod, word)}
    assert not leaked, f"what callers in {cluster} say reaches a third tenant: {sorted(leaked)[:3]}"


def heard(site: Site, pod: str, word: str) -> list[str]:
    """Return the peers of which a tenant's proxy logged a request with ``word`` in its path."""
    return [e.peer_address for e in entries(site, pod, TENANT.namespace) if word in e.path]

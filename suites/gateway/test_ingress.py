"""What comes in from outside reaches every cluster, and what crosses inside does not come there."""

from collections.abc import Iterator

import pytest

from harness.probes.claims import CALLS, always, from_each, only_from, served
from harness.sabotages.discovery import second_secret_missing
from harness.sabotages.fabric import ingress_labelled
from harness.sabotages.policy import deny_all
from harness.workloads.ingress import Ingress, entered_by
from harness.workloads.site import Site
from harness.workloads.stage import BRIEF, Stage, only


@pytest.fixture
def entrance(source: Site, target: Site) -> Iterator[Ingress]:
    """An ingress gateway of the source that leads to the merged service."""
    with entered_by(source, f"istio-ingressgateway-{target.name}", BRIEF) as ingress:
        yield ingress


@pytest.mark.requirement("LB-07")
@pytest.mark.sabotage.with_args(second_secret_missing, breaks="who come in by the ingress")
def test_the_ingress_reaches_instances_of_all_clusters(
    source: Site, target: Site, stage: Stage, entrance: Ingress
) -> None:
    always(
        lambda: stage.bare(source).call(entrance.url, count=CALLS),
        from_each([source.name, stage.together(source, target)]),
        what=f"{source} and {target} answer callers who come in by the ingress of {source}",
    )


@pytest.fixture
def ingress(source: Site, target: Site) -> Iterator[Ingress]:
    """An ingress gateway of the target that leads to its own instances."""
    name = f"istio-ingressgateway-spared-{source.name}"  # LB-07 may have one beside it
    with entered_by(target, name, only(target)) as ingress:
        yield ingress


@pytest.mark.requirement("GW-07")
@pytest.mark.sabotage.with_args(deny_all, breaks="serves who comes in by its ingress")
@pytest.mark.sabotage.with_args(ingress_labelled, breaks="passes the ingress")
def test_what_crosses_spares_the_ingress(
    source: Site, target: Site, stage: Stage, ingress: Ingress
) -> None:
    before = ingress.connections()
    always(
        lambda: stage.bare(target).call(ingress.url, count=10),
        served,
        what=f"{target} serves who comes in by its ingress",
    )
    counted = ingress.connections()
    assert counted > before, f"the ingress of {target} counts no connection: {counted}"
    replies = always(
        lambda: stage.stranger(source).call(only(target).url, count=CALLS),
        only_from(target.name),
        what=f"{target} answers callers in {source}",
    )
    passed = ingress.connections() - counted
    assert not passed, f"what crosses passes the ingress of {target}: {passed} of {len(replies)}"

"""How many instances endpoints stand for is told by their weights."""

from fractions import Fraction

from harness.probes.endpoints import Endpoint, instances

OWN = {"10.11.0.7"}


def held(*weights: int) -> list[Endpoint]:
    """Return the caller's own instance and one gateway after the other, weighing as said."""
    own, *gateways = weights
    return [
        Endpoint("10.11.0.7", 8080, weight=own),
        *(Endpoint(f"10.77.1.{n}", 15443, weight=weight) for n, weight in enumerate(gateways)),
    ]


def test_one_gateway_stands_for_what_its_weight_says() -> None:
    assert instances(held(1, 3), OWN) == 4


def test_weights_multiplied_for_several_gateways_are_taken_back() -> None:
    assert instances(held(2, 3, 3), OWN) == 4


def test_a_share_that_is_no_whole_instance_stays_visible() -> None:
    assert instances(held(2, 3), OWN) == Fraction(5, 2)


def test_without_an_instance_of_its_own_nothing_can_be_counted() -> None:
    assert instances(held(1, 3), {"10.11.0.8"}) == 0

"""Made here or from a registry: the whole table."""

import pytest

from harness.model import ConfigError
from harness.providers.offline.images.choice import Asked, Way, asked, decide

ANSWERS, SILENT = "", "no answer within 5 s"


@pytest.mark.parametrize(
    ("wish", "made", "pulled", "uplink", "trouble", "way", "why"),
    [
        (Asked("here"), False, True, True, ANSWERS, Way.HERE, "asked for"),
        (Asked("registry"), True, False, False, SILENT, Way.REGISTRY, "asked for"),
        (Asked(), True, True, True, ANSWERS, Way.HERE, "is there"),
        (Asked(), False, True, False, SILENT, Way.REGISTRY, "is there"),
        (Asked(), False, False, False, ANSWERS, Way.HERE, "this engine has no uplink"),
        (Asked(), False, False, True, ANSWERS, Way.REGISTRY, "docker.io answers"),
        (Asked(), False, False, True, SILENT, Way.HERE, f"docker.io is of no use: {SILENT}"),
        (Asked(prefix="m/hub"), False, False, False, ANSWERS, Way.REGISTRY, "m/hub answers"),
        (Asked(prefix="m"), False, False, True, SILENT, Way.HERE, f"m is of no use: {SILENT}"),
    ],
)
def test_the_way_that_is_taken(
    wish: Asked, made: bool, pulled: bool, uplink: bool, trouble: str, way: Way, why: str
) -> None:
    decision = decide(wish, made=made, pulled=pulled, uplink=uplink, trouble=lambda: trouble)
    assert (decision.way, decision.why) == (way, why)


@pytest.mark.parametrize(
    ("wish", "made", "uplink"),
    [(Asked("here"), False, True), (Asked(), True, True), (Asked(), False, False)],
)
def test_a_registry_is_not_asked_where_its_answer_counts_for_nothing(
    wish: Asked, made: bool, uplink: bool
) -> None:
    asked: list[str] = []

    def ask() -> str:
        asked.append("the registry")
        return ""

    decide(wish, made=made, pulled=False, uplink=uplink, trouble=ask)
    assert not asked


def test_options_outrank_the_environment() -> None:
    environment = {"MESHPROOF_IMAGES": "here", "MESHPROOF_REGISTRY": "mirror/hub/"}
    assert asked(environment=environment) == Asked("here", "mirror/hub")
    assert asked("registry", "other", environment) == Asked("registry", "other")
    assert asked(environment={}) == Asked("auto", "")


def test_a_source_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="nowhere: one of auto, here, registry"):
        asked(environment={"MESHPROOF_IMAGES": "nowhere"})

"""A registry is asked once and briefly, and its refusals are told."""

import pytest
import requests

from harness.model import MachineError
from harness.phases import Phases
from harness.providers.offline.images.registry import Registry

from .engine_double import EngineDouble

NODE = "kindest/node:v1.34.4"


def quiet() -> Phases:
    return Phases(say=lambda _: None)


def test_a_mirror_is_a_prefix() -> None:
    engine = EngineDouble(published=(f"mirror:5000/hub/{NODE}",))
    registry = Registry(engine.client(), "mirror:5000/hub")
    assert registry.trouble(NODE) == ""
    assert registry.pulled(NODE, quiet()) == f"mirror:5000/hub/{NODE}"
    assert Registry(engine.client()).name(NODE) == NODE


def test_the_question_is_brief_and_the_client_patient_again_afterwards() -> None:
    engine = EngineDouble(published=(NODE,))
    Registry(engine.client()).trouble(NODE)
    assert engine.timeouts == [5]
    assert engine.api.timeout == 120


def test_a_registry_that_lacks_the_image_says_so() -> None:
    assert Registry(EngineDouble().client()).trouble(NODE) == f"no such manifest: {NODE}"


@pytest.mark.parametrize("failure", [requests.ReadTimeout(), requests.ConnectionError()])
def test_silence_is_trouble(failure: Exception) -> None:
    engine = EngineDouble(failure=failure)
    assert Registry(engine.client()).trouble(NODE) == "no answer within 5 s"


def test_what_is_there_is_not_pulled_again() -> None:
    engine = EngineDouble(published=(NODE,))
    registry = Registry(engine.client())
    registry.pulled(NODE, quiet())
    registry.pulled(NODE, quiet())
    assert engine.asked == [NODE]


def test_an_image_that_cannot_be_pulled_is_told_with_what_to_do() -> None:
    with pytest.raises(MachineError, match=r"kindest/node:v1\.34\.4 could not be .*=here"):
        Registry(EngineDouble().client()).pulled(NODE, quiet())

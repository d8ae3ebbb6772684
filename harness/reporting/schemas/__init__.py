"""The JSON Schemas of everything a person or a program may read or write, as shipped files.

They are generated from the models; a unit test proves that the shipped ones are current, and
``python -m harness.reporting.schemas`` writes them again after a model has changed.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from harness.model import Topology
from harness.reporting.record import RunRecord
from harness.reporting.report import ConformanceReport

_MODELS: dict[str, type[BaseModel]] = {
    "conformance-report": ConformanceReport,
    "run-record": RunRecord,
    "topology": Topology,
}

NAMES = tuple(_MODELS)


def path(name: str) -> Path:
    """Return the shipped file of the schema called ``name`` (one of :data:`NAMES`)."""
    return Path(__file__).parent / f"{name}.schema.json"


def shipped(name: str) -> dict[str, Any]:
    """Return the shipped schema called ``name``."""
    schema: dict[str, Any] = json.loads(path(name).read_text(encoding="utf-8"))
    return schema


def generated(name: str) -> dict[str, Any]:
    """Return the schema called ``name`` as the models have it now."""
    schema = _MODELS[name].model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:meshproof:schema:{name}",
        **schema,
    }


def write() -> None:
    """Bring every shipped file up to date."""
    for name in NAMES:
        text = json.dumps(generated(name), indent=2, ensure_ascii=False)
        path(name).write_text(text + "\n", encoding="utf-8")

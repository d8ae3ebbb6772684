from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from harness import files
from harness.model import Cluster, Lab, Topology, plan_networks
from harness.reporting import schemas
from harness.reporting.conformance import ConformanceWriter
from harness.reporting.record import LabRecord, RunRecord


def test_a_saved_record_comes_back_equal(record: Any, tmp_path: Path) -> None:
    made = record()
    assert RunRecord.load(made.save(tmp_path)) == made


def test_a_lab_is_recorded_without_paths_or_addresses(topology: Topology) -> None:
    cluster = Cluster(
        name="c1",
        network="network1",
        kubeconfig="/home/somebody/kubeconfig",
        server="https://10.77.1.11:6443",
        version="v1.34.4",
    )
    lab = Lab(
        id="lab-1",
        provider="paper",
        topology=topology,
        plan=plan_networks(topology),
        clusters=(cluster,),
        state_dir="/home/somebody/state",
    )
    kept = LabRecord.of(lab).model_dump_json()
    assert "somebody" not in kept
    assert "10.77" not in kept
    assert "v1.34.4" in kept


@pytest.mark.parametrize("name", schemas.NAMES)
def test_a_shipped_schema_is_the_generated_one(name: str) -> None:
    hint = "run: python -m harness.reporting.schemas"
    assert schemas.shipped(name) == schemas.generated(name), hint


@pytest.mark.parametrize("name", schemas.NAMES)
def test_a_shipped_schema_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(schemas.shipped(name))


def test_a_written_report_fits_its_schema(record: Any, tmp_path: Path) -> None:
    path = ConformanceWriter().write(record(), tmp_path)
    validator = Draft202012Validator(schemas.shipped("conformance-report"))
    assert list(validator.iter_errors(files.read(path).data)) == []


def test_a_saved_record_fits_its_schema(record: Any, tmp_path: Path) -> None:
    path = record().save(tmp_path)
    validator = Draft202012Validator(schemas.shipped("run-record"))
    assert list(validator.iter_errors(files.read(path).data)) == []

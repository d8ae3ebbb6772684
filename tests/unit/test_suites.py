"""The suites keep the promises that the catalogue makes for them."""

import ast
import importlib.util
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from types import FunctionType

import pytest

from harness.files import load_catalogue, load_topology, topology_files
from harness.model import Topology, structure
from harness.model.requirement import SabotageSpec
from harness.probes import proportion
from harness.sabotages.scene import name_of
from harness.session.collection import fits
from harness.workloads import newcomer

ROOT = Path(__file__).parents[2]
CATALOGUE = load_catalogue(ROOT / "suites/requirements.yaml")
TOPOLOGIES = [load_topology(path) for path in topology_files(ROOT / "topologies")]

COVERED = [
    "AM-01",
    "AM-02",
    "AM-03",
    "AM-04",
    "AM-05",
    "CM-01",
    "CM-02",
    "CM-03",
    "CM-04",
    "CM-05",
    "CM-06",
    "NM-01",
    "NM-02",
    "NM-03",
    "NM-04",
    "NM-05",
    "NM-06",
    "NM-07",
    "NM-08",
    "NM-09",
    "NM-10",
    "NM-11",
    "NM-12",
    "NM-13",
    "CP-01",
    "CP-02",
    "CP-03",
    "CP-04",
    "CP-05",
    "CP-06",
    "CP-07",
    "CP-08",
    "CP-09",
    "CP-10",
    "CP-11",
    "CP-12",
    "CP-13",
    "CP-14",
    "CP-15",
    "CP-16",
    "CP-17",
    "CP-18",
    "CP-19",
    "CP-20",
    "ID-01",
    "ID-02",
    "ID-03",
    "ID-04",
    "ID-05",
    "ID-06",
    "ID-07",
    "ID-08",
    "ID-09",
    "ID-10",
    "ID-11",
    "ID-12",
    "ID-13",
    "MM-01",
    "MM-02",
    "MM-03",
    "MM-04",
    "MM-05",
    "MM-06",
    "MM-07",
    "MM-08",
    "MM-09",
    "TN-01",
    "TN-02",
    "TN-03",
    "TN-04",
    "TN-05",
    "TN-06",
    "TN-07",
    "TN-08",
    "TN-09",
    "TN-10",
    "TN-11",
    "TN-12",
    "TN-13",
    "DS-01",
    "DS-02",
    "DS-03",
    "DS-04",
    "DS-05",
    "DS-06",
    "DS-07",
    "DS-08",
    "DS-09",
    "DS-10",
    "DS-11",
    "DS-12",
    "LB-01",
    "LB-02",
    "LB-03",
    "LB-04",
    "LB-05",
    "LB-06",
    "LB-07",
    "LB-08",
    "LF-01",
    "LF-02",
    "LF-03",
    "LF-04",
    "LF-05",
    "LF-06",
    "LF-07",
    "LF-08",
    "LF-09",
    "LF-10",
    "LF-11",
    "LF-12",
    "GW-01",
    "GW-02",
    "GW-03",
    "GW-04",
    "GW-05",
    "GW-06",
    "GW-07",
    "GW-08",
    "GW-09",
    "GW-10",
    "GW-11",
    "VM-01",
    "VM-02",
    "VM-03",
    "VM-04",
    "VM-05",
    "VM-06",
    "VM-07",
    "VM-08",
    "VM-09",
    "VM-10",
    "VM-11",
    "VM-12",
    "VM-13",
    "VM-14",
    "VM-15",
    "VM-16",
    "VM-17",
    "VM-18",
    "OP-01",
    "OP-02",
    "OP-03",
    "OP-04",
    "OP-05",
    "OP-06",
    "OP-07",
    "OP-09",
    "OP-10",
    "XT-01",
    "XT-02",
]


def checks() -> Iterator[FunctionType]:
    for path in sorted((ROOT / "suites").glob("*/test_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, value in vars(module).items():
            if name.startswith("test_") and isinstance(value, FunctionType):
                yield value


CHECKS = {check.__name__: check for check in checks()}


def marks_of(check: FunctionType, name: str) -> list[pytest.Mark]:
    marks: list[pytest.Mark] = getattr(check, "pytestmark", [])
    return [mark for mark in marks if mark.name == name]


def marked(check: FunctionType, name: str) -> list[object]:
    return [arg for mark in marks_of(check, name) for arg in mark.args]


def cited() -> dict[str, list[FunctionType]]:
    found: dict[str, list[FunctionType]] = {}
    for check in CHECKS.values():
        for requirement in marked(check, "requirement"):
            found.setdefault(str(requirement), []).append(check)
    return found


def listed_for(check: FunctionType) -> list[SabotageSpec]:
    """Return the sabotages that the catalogue lists for the requirements that a check cites."""
    entries = (CATALOGUE.get(str(each)) for each in marked(check, "requirement"))
    return [sabotage for entry in entries if entry for sabotage in entry.sabotage]


def test_every_check_has_a_name_of_its_own() -> None:
    assert len(CHECKS) == len(list(checks()))


def test_the_covered_requirements_are_those_that_checks_cite() -> None:
    assert sorted(cited()) == sorted(COVERED)


@pytest.mark.parametrize("requirement", COVERED)
def test_a_sabotage_of_the_catalogue_is_implemented(requirement: str) -> None:
    entry = CATALOGUE.get(requirement)
    assert entry is not None
    for check in cited()[requirement]:
        known = {sabotage.name for sabotage in listed_for(check)}
        implemented = {name_of(sabotage) for sabotage in marked(check, "sabotage")}  # type: ignore[arg-type] # marks carry any object
        assert implemented or entry.why_none, f"{check.__name__} proves nothing"
        assert implemented <= known


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=lambda topology: topology.name)
def test_every_check_can_be_proved_on_every_topology_that_it_judges(topology: Topology) -> None:
    for requirement, citing in cited().items():
        entry = CATALOGUE.get(requirement)
        assert entry is not None
        if entry.applies(topology) and entry.sabotage:
            marks = [mark for check in citing for mark in marks_of(check, "sabotage")]
            kinds = [mark.kwargs.get("on") for mark in marks]
            assert any(fits(on, topology, None) for on in kinds), requirement
            for relation in {each for *_, each in structure.relations(topology)}:
                if entry.pairs and entry.about(relation):
                    assert any(fits(on, topology, relation) for on in kinds), requirement


def test_what_is_asked_of_pairs_is_promised_of_pairs() -> None:
    for check in CHECKS.values():
        ends = {"source", "sources", "target", "targets"}
        wanted = {*ends, "cluster"} & set(signature(check).parameters)
        pairs = ({"source", "target"}, {"sources", "target"}, {"source", "targets"})
        assert wanted in (set(), {"cluster"}, *pairs), check.__name__
        if wanted & ends:
            known = [CATALOGUE.get(str(each)) for each in marked(check, "requirement")]
            assert any(each and each.pairs for each in known), check.__name__


def test_what_is_promised_of_pairs_looks_at_several_clusters() -> None:
    for requirement, citing in cited().items():
        entry = CATALOGUE.get(requirement)
        if entry and entry.pairs:
            parameters = {name for check in citing for name in signature(check).parameters}
            assert {"target", "targets", "stage"} & parameters, requirement


def test_every_check_says_what_it_is_for() -> None:
    assert all(marked(check, "requirement") for check in CHECKS.values())


def sentence(node: ast.expr) -> str:
    """The words of a claim; what is filled in is a hole, what was seen stands behind a colon."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    words = [str(each.value) if isinstance(each, ast.Constant) else "{}" for each in parts]
    return "".join(words).partition(": ")[0]


def functions(module: Path) -> dict[str, ast.FunctionDef]:
    body = ast.parse(module.read_text()).body
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


#: What checks are made of elsewhere, with claims of its own.
SHARED = {**functions(Path(proportion.__file__)), **functions(Path(newcomer.__file__))}


def claims_of(function: ast.FunctionDef, beside: dict[str, ast.FunctionDef]) -> Iterator[str]:
    """Yield the claims of a check, and those of the functions that it calls or hands on."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and node.msg is not None:
            yield sentence(node.msg)
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield sentence(node.exc.args[0])
        elif isinstance(node, ast.keyword) and node.arg == "what":
            yield sentence(node.value)
        elif isinstance(node, ast.Name):
            called = beside.get(node.id)
            if called is not None and called is not function:
                yield from claims_of(called, beside)


@pytest.mark.parametrize("name", CHECKS)
def test_a_sabotage_is_aimed_at_one_claim_of_its_check(name: str) -> None:
    check = CHECKS[name]
    beside = {**SHARED, **functions(Path(check.__code__.co_filename))}
    claims = set(claims_of(beside[name], beside))
    for mark in marks_of(check, "sabotage"):
        breaks = mark.kwargs["breaks"]
        assert len([claim for claim in claims if breaks in claim]) == 1, f"{breaks!r}: {claims}"


@pytest.mark.parametrize("requirement", COVERED)
def test_checks_and_catalogue_agree_on_the_pairs_that_a_sabotage_breaks(requirement: str) -> None:
    for check in cited()[requirement]:
        on = {each.name: each.pairs for each in listed_for(check)}
        for mark in marks_of(check, "sabotage"):
            for sabotage in mark.args:
                assert mark.kwargs.get("on") == on[name_of(sabotage)], name_of(sabotage)


@pytest.mark.parametrize("name", CHECKS)
def test_every_assertion_of_a_check_says_what_it_claims(name: str) -> None:
    body = functions(Path(CHECKS[name].__code__.co_filename))[name]
    asserts = [node for node in ast.walk(body) if isinstance(node, ast.Assert)]
    assert all(node.msg is not None for node in asserts)

"""The agent is laid out from what is installed here."""

import ast
import shutil
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from harness.artifacts import agent
from harness.artifacts.agent import PROGRAM, directories, precompiled
from harness.model import MachineError


def imported(file: Path) -> set[str]:
    """Return the top-level packages that a source imports absolutely."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).partition(".")[0])
    return found


def test_everything_that_is_imported_lies_there() -> None:
    laid_out = directories()
    names = {path.rpartition("/")[2] for path in laid_out}
    sources = [file for directory in laid_out.values() for file in directory.glob("*.py")]
    wanted = set().union(*map(imported, sources)) - sys.stdlib_module_names
    # Named for type checkers and Pythons that nobody runs; tests of the agent run without it.
    assert wanted - {"typing_extensions"} <= names
    assert (laid_out[PROGRAM] / "__main__.py").exists()


def test_sources_lie_directly_in_their_directories() -> None:
    for directory in directories().values():
        assert list(directory.rglob("*.py")) == list(directory.glob("*.py"))


def test_a_checkout_gets_bytecode_for_its_pods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "agent"
    shutil.copytree(directories()[PROGRAM], source, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(agent, "_SOURCE", source)
    assert precompiled() == directories()
    compiled = {file.name.partition(".")[0] for file in (source / "__pycache__").iterdir()}
    assert compiled == {file.stem for file in source.glob("*.py")}


@pytest.mark.parametrize("spec", [None, ModuleSpec("h11", None, origin="h11.zip")])
def test_a_package_that_is_no_directory_is_named(
    monkeypatch: pytest.MonkeyPatch, spec: ModuleSpec | None
) -> None:
    monkeypatch.setattr(agent, "find_spec", lambda _: spec)
    with pytest.raises(MachineError, match="package h11 is no directory"):
        directories()

"""Marks of checks, read from their files before anything is imported."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.model import Catalogue


def misquotations(paths: Iterable[Path], catalogue: Catalogue) -> Iterator[str]:
    """Yield every mark in these test files that cites what the catalogue does not know."""
    for path in paths:
        for node in ast.walk(_parsed(path)):
            for line, problem in _misquoted(_marks_of(node), catalogue):
                yield f"{path}:{line}: {problem}"


@dataclass(frozen=True, slots=True)
class Citation:
    """A check as its file declares it; ``names`` are its classes and its function.

    ``parameters`` are what the function asks for, ``sabotages`` those that it is proved by.
    """

    path: Path
    names: tuple[str, ...]
    requirements: tuple[str, ...]
    parameters: frozenset[str] = frozenset()
    sabotages: frozenset[str] = frozenset()

    @property
    def pairs(self) -> bool:
        """Whether it is repeated for pairs of clusters."""
        return bool({"target", "targets"} & self.parameters)


def citations(path: Path) -> Iterator[Citation]:
    """Yield every check of a test file that cites requirements."""
    yield from _cited(path.resolve(), _parsed(path).body, (), [])


def _parsed(path: Path) -> ast.Module:
    """Return what is in a file; of one that cannot be read, collection says what is wrong."""
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return ast.Module(body=[], type_ignores=[])


def _cited(
    path: Path, body: Sequence[ast.stmt], names: tuple[str, ...], marks: Sequence[ast.expr]
) -> Iterator[Citation]:
    assigned = [each for node in body if isinstance(node, ast.Assign) for each in _marks_of(node)]
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        place, cited = (*names, node.name), [*marks, *assigned, *node.decorator_list]
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from _cited(path, node.body, place, cited)
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            requirements = tuple(name for _, name in _arguments(cited, "requirement"))
            if requirements:
                parameters = frozenset(argument.arg for argument in node.args.args)
                written = frozenset(
                    name.replace("_", "-") for _, name in _arguments(cited, "sabotage")
                )
                yield Citation(path, place, requirements, parameters, written)


def _marks_of(node: ast.AST) -> list[ast.expr]:
    """Return the decorators of a check or class, or what a ``pytestmark`` is made of."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.decorator_list
    if isinstance(node, ast.Assign) and any(_last(each) == "pytestmark" for each in node.targets):
        return node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
    return []


def _misquoted(marks: Sequence[ast.expr], catalogue: Catalogue) -> Iterator[tuple[int, str]]:
    cited = [*_arguments(marks, "requirement")]
    known: set[str] = set()
    for line, name in cited:
        requirement = catalogue.get(name)
        if requirement is None:
            yield line, f"requirement {name!r} is not in the catalogue"
        else:
            known |= {sabotage.name for sabotage in requirement.sabotage}
    for line, name in _arguments(marks, "sabotage"):
        if cited and name.replace("_", "-") not in known:
            listed = ", ".join(sorted(known)) or "none"
            yield line, f"sabotage {name!r} is not in the catalogue; for this check: {listed}"


def _arguments(marks: Sequence[ast.expr], name: str) -> Iterator[tuple[int, str]]:
    for mark in marks:
        if not isinstance(mark, ast.Call) or not _marks(mark.func, name):
            continue
        for argument in mark.args:
            if cited := _last(argument):
                yield argument.lineno, cited


def _marks(function: ast.expr, mark: str) -> bool:
    """Say whether this is ``pytest.mark.MARK`` or ``pytest.mark.MARK.with_args``."""
    if isinstance(function, ast.Attribute) and function.attr == "with_args":
        function = function.value
    return _last(function) == mark


def _last(node: ast.expr) -> str:
    """Return what a mark's argument or function is called: ``"ID-01"``, ``deny_all``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""

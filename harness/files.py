"""Read and write the YAML of people and programs. The only module that parses YAML.

A mistake is reported with its file and line, and all mistakes of a file at once.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from harness.model import Catalogue, ConfigError, Topology
from harness.model.consistency import problems as contradictions

Model = TypeVar("Model", bound=BaseModel)
Place = Sequence[str | int]

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML document as data, and where each part of it stands."""

    path: Path
    data: Any
    root: yaml.Node | None

    def line(self, place: Place) -> int:
        """Return the line of ``place`` (keys and indexes), or of its nearest parent."""
        node = self.root
        line = node.start_mark.line + 1 if node else 1
        for step in place:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return line

    def error(self, place: Place, message: str) -> str:
        """Return ``FILE:LINE: message``."""
        return f"{self.path}:{self.line(place)}: {message}"


def find_topology(name: str, directory: Path) -> Path:
    """Return the file that declares topology ``name`` (a name or a path to a YAML file)."""
    if name.endswith((".yaml", ".yml")) or os.sep in name:
        path = Path(name)
        if not path.is_file():
            raise ConfigError(name, ["there is no such file"])
        return path
    path = directory / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(file.stem for file in topology_files(directory)) or "none"
        raise ConfigError(str(directory), [f"no topology named {name!r}; there is: {known}"])
    return path


def topology_files(directory: Path) -> list[Path]:
    """Return the files of every declared topology, in the order of their names."""
    return sorted(directory.glob("*.yaml"))


def load_topology(path: Path) -> Topology:
    """Read and cross-check a topology; :class:`ConfigError` lists all that is wrong with it."""
    document = read(path)
    topology = _validated(Topology, document)
    wrong = [document.error(each.where, each.message) for each in contradictions(topology)]
    if topology.name != path.stem:
        message = f"name is {topology.name!r}, but the file is called {path.name}"
        wrong.append(document.error(("name",), message))
    if wrong:
        raise ConfigError(str(path), wrong)
    return topology


def load_catalogue(path: Path) -> Catalogue:
    """Read and cross-check the requirement catalogue."""
    document = read(path)
    catalogue = _validated(Catalogue, document)
    if wrong := list(_catalogue_problems(catalogue, document)):
        raise ConfigError(str(path), wrong)
    return catalogue


def load_manifests(path: Path) -> list[dict[str, Any]]:
    """Read Kubernetes manifests, one per document; empty documents are left out."""
    try:
        loaded = _all(path.read_text(encoding="utf-8"), path)
    except OSError as error:
        raise ConfigError(str(path), [error.strerror or str(error)]) from error
    found = [document for document in loaded if document.data is not None]
    if wrong := [message for document in found for message in _manifest_problems(document)]:
        raise ConfigError(str(path), wrong)
    return [document.data for document in found]


def parse_manifests(text: str, *, source: str = "manifests") -> list[dict[str, Any]]:
    """Return the manifests in ``text`` (a program's output); ``source`` names it in errors."""
    found = [document for document in _all(text, Path(source)) if document.data is not None]
    if wrong := [message for document in found for message in _manifest_problems(document)]:
        raise ConfigError(source, wrong)
    return [document.data for document in found]


def read(path: Path) -> Document:
    """Read a file of one document; :class:`ConfigError` if it is absent or is not YAML."""
    try:
        documents = _all(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(str(path), [reason]) from error
    if len(documents) > 1:
        raise ConfigError(str(path), [f"holds {len(documents)} documents, one is expected"])
    return documents[0] if documents else Document(path, None, None)


def parse(text: str, *, source: str = "text") -> Any:
    """Return the data of one YAML document, such as a program's output or a ConfigMap's key."""
    documents = _all(text, Path(source))
    return documents[0].data if documents else None


def dump(*documents: Any) -> str:
    """Return plain data as YAML: keys in the order given, several documents separated."""
    return str(yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=100))


def write(path: Path, *documents: Any, private: bool = False) -> Path:
    """Write plain data as YAML to ``path``; ``private``: readable by its owner only (0600)."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if private else 0o644)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(dump(*documents))
    return path


def _all(text: str, path: Path) -> list[Document]:
    loader = _Loader(text)
    found: list[Document] = []
    try:
        while loader.check_node():
            node = loader.get_node()
            if wrong := list(_repeated_keys(node, path)):
                raise ConfigError(str(path), wrong)
            found.append(Document(path, loader.construct_document(node), node))
    except yaml.YAMLError as error:
        raise ConfigError(str(path), [_syntax(path, error)]) from error
    finally:
        loader.dispose()
    return found


def _syntax(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"{path}:{mark.line + 1 if mark else 1}: not YAML: {problem}"


def _repeated_keys(node: yaml.Node, path: Path) -> Iterator[str]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated_keys(item, path)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[Any] = set()
    for key, value in node.value:
        if key.value in seen:
            yield f"{path}:{key.start_mark.line + 1}: key {key.value!r} appears twice"
        seen.add(key.value if isinstance(key.value, str) else id(key))
        yield from _repeated_keys(value, path)


def _child(node: yaml.Node | None, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item: yaml.Node = node.value[step]
        return item.start_mark.line + 1, item
    return None


def _validated(model: type[Model], document: Document) -> Model:
    if not isinstance(document.data, dict):
        message = "expected a mapping of keys to values"
        raise ConfigError(str(document.path), [document.error((), message)])
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError(
            str(document.path),
            [document.error(item["loc"], _explain(item["loc"], item)) for item in _causes(error)],
        ) from error


def _causes(error: ValidationError) -> Iterator[Any]:
    """Yield the mistakes, without lists that are short only because their items are wrong."""
    found = error.errors()
    for item in found:
        place = item["loc"]
        beneath = any(each["loc"][: len(place)] == place for each in found if each is not item)
        if item["type"] != "too_short" or not beneath:
            yield item


def _explain(place: Place, item: Any) -> str:
    where = ".".join(map(str, place))
    if item["type"] == "extra_forbidden":
        return f"unknown key {where}"
    if item["type"] == "missing":
        return f"missing key {where}"
    given = item["input"]
    shown = f" (found {given!r})" if isinstance(given, str | int | float | bool | None) else ""
    return f"{where}: {item['msg']}{shown}"


def _catalogue_problems(catalogue: Catalogue, document: Document) -> Iterator[str]:
    seen: set[str] = set()
    for index, requirement in enumerate(catalogue.requirements):
        place = ("requirements", index)
        if requirement.id in seen:
            yield document.error((*place, "id"), f"id {requirement.id} is used more than once")
        seen.add(requirement.id)
        if not requirement.sabotage and not requirement.why_none:
            message = f"{requirement.id} has neither a sabotage nor a reason for having none"
            yield document.error(place, message)


def _manifest_problems(document: Document) -> Iterator[str]:
    data = document.data
    if not isinstance(data, dict):
        yield document.error((), "a manifest is a mapping with apiVersion, kind and metadata")
        return
    missing = [key for key in ("apiVersion", "kind", "metadata") if not data.get(key)]
    if missing:
        yield document.error((), f"manifest lacks {', '.join(missing)}")
    elif not isinstance(data["metadata"], dict) or not data["metadata"].get("name"):
        yield document.error(("metadata",), f"manifest of kind {data['kind']} has no name")

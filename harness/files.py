"""Read and write the YAML of people and programs. The only module that parses YAML.

A mistake is reported with its file and line, and all mistakes of a file at once.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from harness.model import Catalogue, ConfigError, Topology
from harness.model.consistency import problems as contradictions

Model = TypeVar("Model", bound=BaseModel)
Place = Sequence[str | int]

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: How deep a document may be nested; the deepest that programs give us are schemas of objects.
_DEPTH = 200


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


#: The directory, in that of topologies, of those that no guide describes but operators run.
FIELD = "field"
#: The name of the group of those that guides describe.
ALL = "all"


def find_topology(name: str, directory: Path) -> Path:
    """Return the file that declares topology ``name`` (a name or a path to a YAML file)."""
    if name.endswith((".yaml", ".yml")) or os.sep in name:
        path = Path(name)
        if not path.is_file():
            raise ConfigError(name, ["there is no such file"])
        return path
    known = {file.stem: file for file in topology_files(directory, field=True)}
    if name not in known:
        listed = ", ".join(known) or "none"
        raise ConfigError(str(directory), [f"no topology named {name!r}; there is: {listed}"])
    return known[name]


def topology_group(name: str, directory: Path) -> list[Path] | None:
    """Return the files of a group of topologies, or ``None`` if ``name`` is that of one topology.

    Groups are ``all`` (those of the guides), ``field`` and the path of a directory.
    """
    place = {ALL: directory, FIELD: directory / FIELD}.get(name)
    if place is None and os.sep in name and Path(name).is_dir():
        place = Path(name)
    if place is None:
        return None
    files = topology_files(place)
    if not files:
        raise ConfigError(str(place), ["holds no topology"])
    return files


def topology_files(directory: Path, *, field: bool = False) -> list[Path]:
    """Return the files of every declared topology, in the order of their names.

    Those of the guides come first; ``field``: then those in :data:`FIELD` as well.
    """
    files = sorted(directory.glob("*.yaml"))
    return [*files, *sorted((directory / FIELD).glob("*.yaml"))] if field else files


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
    """Write plain data as YAML to ``path``; ``private``: readable by its owner only (0600).

    The mode of a file that is there already is set before a word is written to it.
    """
    mode = 0o600 if private else 0o644
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        if private:
            os.fchmod(file.fileno(), mode)
        file.write(dump(*documents))
    return path


def publish(path: Path, text: str) -> Path:
    """Write ``text`` to ``path`` so that whoever sees the file sees all of it, or its former self.

    Of several that do so at once one is the last, and nothing is mixed.
    """
    unfinished = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _all(text: str, path: Path) -> list[Document]:
    loader = _Loader(text)
    found: list[Document] = []
    try:
        _check_depth(text, path)
        while loader.check_node():
            node = loader.get_node()
            if wrong := list(_Walk(path).faults(node)):
                raise ConfigError(str(path), wrong)
            found.append(Document(path, _constructed(loader, node, path), node))
    except yaml.YAMLError as error:
        raise ConfigError(str(path), [_syntax(path, error)]) from error
    finally:
        loader.dispose()
    return found


def _syntax(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"{path}:{mark.line + 1 if mark else 1}: not YAML: {problem}"


def _check_depth(text: str, path: Path) -> None:
    """Refuse what is nested beyond all reason: the parser would exhaust the stack."""
    depth = 0
    event: Any
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH:
            line = event.start_mark.line + 1
            raise ConfigError(str(path), [f"{path}:{line}: nested more than {_DEPTH} deep"])


def _constructed(loader: Any, node: yaml.Node, path: Path) -> Any:
    try:
        return loader.construct_document(node)
    except (KeyError, TypeError, ValueError) as error:  # such as the 30th of February
        raise ConfigError(str(path), list(_unreadable(node, path))) from error


def _unreadable(node: yaml.Node, path: Path) -> Iterator[str]:
    """Name the values that are not what they look like."""
    if not isinstance(node, yaml.ScalarNode):
        for child in _children(node):
            yield from _unreadable(child, path)
        return
    try:
        _Loader("").construct_object(node)
    except (KeyError, TypeError, ValueError):
        kind = node.tag.rpartition(":")[2]
        yield f"{path}:{node.start_mark.line + 1}: {node.value[:40]!r} is no valid {kind}"


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


@dataclass(frozen=True, slots=True)
class _Walk:
    """Looks at each node of a document once, however many aliases stand for it."""

    path: Path
    _seen: set[int] = field(default_factory=set)
    _above: set[int] = field(default_factory=set)

    def faults(self, node: yaml.Node) -> Iterator[str]:
        """Yield what the data would not show: repeated keys, aliases of what they are part of."""
        if id(node) in self._above:
            yield self._at(node, "an alias stands for something that it is a part of")
        if id(node) in self._seen:
            return
        self._seen.add(id(node))
        self._above.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield from self._repeated(node)
        for child in _children(node):
            yield from self.faults(child)
        self._above.remove(id(node))

    def _repeated(self, node: yaml.MappingNode) -> Iterator[str]:
        keys: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys:
                    yield self._at(key, f"key {key.value!r} appears twice")
                keys.add(key.value)

    def _at(self, node: yaml.Node, message: str) -> str:
        return f"{self.path}:{node.start_mark.line + 1}: {message}"


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

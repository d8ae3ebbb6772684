"""A contradiction in a file, and the place in the document that it concerns."""

from dataclasses import dataclass

#: Keys and indexes that lead to a part of a document.
Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where."""

    where: Where
    message: str

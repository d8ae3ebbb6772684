"""Container logs: rotation by truncation, reading from the tail, following."""

import glob
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

from harness.converge import pause

_CHUNK = 64 * 1024
#: How often (seconds) logs are measured, and a followed log is read again.
_MEASURE = 10.0
_FOLLOW = 0.2


def start_rotation(root: Path, limit: int) -> None:
    """Cut down every log below ``root`` that has grown beyond ``limit`` bytes, for ever."""

    def forever() -> None:
        while True:
            pause(_MEASURE, why="logs grow slowly")
            for log in below(root):
                rotate(log, limit)

    Thread(target=forever, name="logs", daemon=True).start()


def below(root: Path) -> Iterator[Path]:
    """Yield the logs of every pod; one that goes away meanwhile is left out."""
    # `Path.glob` of Python 3.11 fails for a directory that has just gone; this one does not.
    pattern = f"{glob.escape(str(root))}/*/logs/*/*.log"
    yield from map(Path, glob.iglob(pattern))  # noqa: PTH207 - see above


def rotate(log: Path, limit: int) -> bool:
    """Leave the later half of a log that is too long; ``False`` if it is not.

    The file stays the same one, because its writers hold it open (and append).
    """
    try:
        size = log.stat().st_size
        if size <= limit:
            return False
        rest = log.with_suffix(".rest")
        with log.open("rb") as old, rest.open("wb") as kept:
            old.seek(size - limit // 2)
            old.readline()
            shutil.copyfileobj(old, kept, _CHUNK)
        os.truncate(log, 0)
        with rest.open("rb") as kept, log.open("ab") as new:
            shutil.copyfileobj(kept, new, _CHUNK)
        rest.unlink()
    except FileNotFoundError:  # the pod went away meanwhile
        return False
    return True


def tail_at(log: Path, lines: int) -> int:
    """Return the offset at which the last ``lines`` lines of a file begin."""
    with log.open("rb") as file:
        end = position = file.seek(0, os.SEEK_END)
        wanted = lines
        while position > 0:
            step = min(_CHUNK, position)
            position -= step
            file.seek(position)
            block = file.read(step)
            if position + step == end and block.endswith(b"\n"):
                wanted += 1
            count = block.count(b"\n")
            if count >= wanted:
                return position + _after(block, count - wanted + 1)
            wanted -= count
    return 0


def _after(block: bytes, number: int) -> int:
    """Return the offset behind the ``number``-th line end of ``block``."""
    offset = 0
    for _ in range(number):
        offset = block.index(b"\n", offset) + 1
    return offset


def read(log: Path, start: int, goes_on: Callable[[], bool]) -> Iterator[bytes]:
    """Yield a log from ``start``; as long as ``goes_on()`` says so, wait for more at its end."""
    with log.open("rb") as file:
        file.seek(start)
        while True:
            more = goes_on()
            while block := file.read(_CHUNK):
                yield block
            if not more:
                return
            pause(_FOLLOW, why="a log is followed")
            if file.tell() > log.stat().st_size:
                file.seek(0)

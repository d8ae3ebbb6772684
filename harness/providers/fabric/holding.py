"""The part that every process that holds a lab has in common: its arguments, its loop, ``run``.

Such a process is started by :mod:`harness.providers.fabric.holder` with ``DIRECTORY OWNER
[NAME=DESCRIPTOR …]`` after its name. OWNER is the descriptor of the process (pidfd) that raises the
lab, with whose end the lab ends; a lab that is to be kept outlives it once it is finished. Each
NAME is a cluster, whose DESCRIPTOR is a socket of the machine that is listened on. What a
connection to the control socket has changed is undone when it closes, however its holder ended.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from harness.phases import to_stderr
from harness.providers.fabric.control_server import ControlServer, Handler
from harness.providers.fabric.cuts import Change
from harness.providers.fabric.session import Request, Session, told
from harness.providers.fabric.state import State
from harness.shell import Shell

#: Seconds for a command that makes or undoes a change; it waits for the packet filter's lock.
CHANGE_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a holder is told by its starter."""

    place: State
    owner: int
    listeners: Mapping[str, int]

    @classmethod
    def read(cls) -> Self:
        """Read this process's own."""
        directory, owner, *named = sys.argv[1:]
        pairs = (word.partition("=") for word in named)
        return cls(State(Path(directory)), int(owner), {name: int(fd) for name, _, fd in pairs})


class _Run(BaseModel):
    """A program to run in ``namespace``; ``undo`` is run there when the visit ends."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    do: str
    namespace: str
    argv: tuple[str, ...] = Field(min_length=1)
    stdin: str | None = None
    timeout: float = Field(default=10.0, gt=0)
    undo: tuple[str, ...] = ()


class Holder(ABC):
    """Holds a lab: answers requests until the owner is gone."""

    def __init__(
        self, place: State, *, quick: Mapping[str, Handler], slow: Mapping[str, Handler]
    ) -> None:
        self.place = place
        self.control = ControlServer(quick, {"run": self._run, **slow})

    @abstractmethod
    def shell(self, namespace: str, session: Session | None = None) -> Shell:
        """Return a shell in a namespace of the lab; what it runs is given up with ``session``."""

    @abstractmethod
    def abandoned(self) -> None:
        """The owner ended without taking the lab down: leave nothing of it."""

    def turn(self) -> None:
        """Wait for something to happen, and deal with it."""
        self.control.turn()

    def serve(self, owner: int) -> None:
        """Answer until the owner is gone or somebody asks for the end."""
        self.control.mind(owner, self.place, self._end)
        self.control.open(self.place.control)
        with closing(self.control):
            while True:
                self.turn()

    def _end(self) -> None:
        """End as the last thing that is left of the lab; exit code 1 if something else is left."""
        try:
            self.abandoned()
        except Exception as error:  # noqa: BLE001 - to try again would not help: `reap` may
            to_stderr(told(error))
            raise SystemExit(1) from None
        raise SystemExit(0)

    def change(self, session: Session, change: Change) -> None:
        """Make a change that lasts as long as ``session``."""
        inside = self.shell(change.namespace, session)
        inside.run(change.do, timeout=CHANGE_PATIENCE).checked()
        self._undone_by(session, change.namespace, change.undo)

    def _run(self, session: Session, request: Request) -> dict[str, object]:
        asked = _Run.model_validate(request)
        inside = self.shell(asked.namespace, session)
        outcome = inside.run(asked.argv, stdin=asked.stdin, timeout=asked.timeout)
        if outcome.exit_code == 0 and asked.undo:
            self._undone_by(session, asked.namespace, asked.undo)
        return {
            "exit_code": outcome.exit_code,
            "stdout": outcome.stdout,
            "stderr": outcome.stderr,
        }

    def _undone_by(self, session: Session, namespace: str, undo: tuple[str, ...]) -> None:
        inside = self.shell(namespace)
        session.undo_by(lambda: inside.run(undo, timeout=CHANGE_PATIENCE).checked())

"""Speaking to the supervisor of a lab, from any process of the user who raised it."""

import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.model import MachineError
from harness.providers.embedded.spec import Daemon
from harness.shell import Outcome, redact

_PATIENCE = 30.0


class Control:
    """A visit to a supervisor. What it changes is undone when the visit ends."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_PATIENCE)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise MachineError(f"the lab at {path.parent} does not answer ({error})") from error
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._ask("release")
        finally:
            self._answers.close()
            self._socket.close()

    def borrow(self, daemon: Daemon) -> None:
        """Start a program that ends with this visit."""
        self._ask("borrow", daemon=daemon.model_dump(mode="json"))

    def freeze(self, name: str) -> None:
        """Stop a program and all its descendants until this visit ends."""
        self._ask("freeze", name=name)

    def signal(self, name: str, number: int) -> None:
        """Signal one program of the lab."""
        self._ask("signal", name=name, number=number)

    def start(self, stage: str) -> None:
        """Start every program of a stage that does not run."""
        self._ask("start", stage=stage)

    def states(self) -> dict[str, int | None]:
        """Return the exit code of every program, ``None`` while it runs."""
        states: dict[str, int | None] = self._ask("states")
        return states

    def run(
        self,
        namespace: str,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        timeout: float = 10.0,
        undo: Sequence[str] = (),
    ) -> Outcome:
        """Run a short program in a namespace; ``undo`` is run there when this visit ends."""
        ended = self._ask(
            "run",
            namespace=namespace,
            argv=list(argv),
            stdin=stdin,
            timeout=timeout,
            undo=list(undo),
        )
        shown = tuple(redact(word) for word in argv)
        return Outcome(shown, ended["exit_code"], ended["stdout"], ended["stderr"])

    def _ask(self, do: str, **details: object) -> Any:
        try:
            self._socket.sendall(json.dumps({"do": do, **details}).encode() + b"\n")
            line = self._answers.readline()
        except OSError as error:
            raise MachineError(f"the lab's supervisor does not answer ({error})") from error
        if not line:
            raise MachineError("the lab's supervisor is gone")
        answer: Mapping[str, Any] = json.loads(line)
        if "error" in answer:
            raise MachineError(f"the lab's supervisor could not {do}: {answer['error']}")
        return answer["value"]

"""Speaking to whoever holds a lab, from any process of the user who raised it."""

import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.model import MachineError
from harness.shell import Outcome, redact

#: Seconds that an answer may take beyond what the request itself allows for.
_PATIENCE = 30.0
#: Seconds for everything to be undone that a visit has changed.
_UNDONE = 180.0


class ControlClient:
    """A visit to the process that holds a lab. What it changes is undone when the visit ends."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_PATIENCE)
        self._lost = False
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
            if not self._lost:  # else, hanging up has everything undone
                self.ask("release", patience=_UNDONE)
        finally:
            self._answers.close()
            self._socket.close()

    def freeze(self, name: str) -> None:
        """Stop what is called ``name``, and all that it runs, until this visit ends."""
        self.ask("freeze", name=name)

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
        ended = self.ask(
            "run",
            patience=timeout + _PATIENCE,
            namespace=namespace,
            argv=list(argv),
            stdin=stdin,
            timeout=timeout,
            undo=list(undo),
        )
        shown = tuple(redact(word) for word in argv)
        return Outcome(shown, ended["exit_code"], ended["stdout"], ended["stderr"])

    def ask(self, do: str, *, patience: float = _PATIENCE, **details: object) -> Any:
        """Make a request; return the answer, or raise :class:`MachineError` with what is wrong.

        A visit that gets no answer in ``patience`` seconds is over: a late one would be taken for
        that to the next request.
        """
        try:
            self._socket.settimeout(patience)
            self._socket.sendall(json.dumps({"do": do, **details}).encode() + b"\n")
            line = self._answers.readline()
        except OSError as error:
            self._lost = True
            raise MachineError(f"the lab's holder does not answer ({error})") from error
        if not line:
            self._lost = True
            raise MachineError("the lab's holder is gone")
        answer: Mapping[str, Any] = json.loads(line)
        if "error" in answer:
            raise MachineError(f"the lab's holder could not {do}: {answer['error']}")
        return answer["value"]

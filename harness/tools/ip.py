"""Links, addresses and routes by iproute2's ``ip``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import ToolError
from harness.shell import Shell

#: How ``ip -batch`` names the line that it could not do.
_FAILED = re.compile(r"Command failed -:(\d+)")


@dataclass(frozen=True, slots=True)
class Ip:
    """The ``ip`` command of one network namespace (the shell decides which)."""

    shell: Shell

    def batch(self, lines: Sequence[str]) -> None:
        """Run many ``ip`` commands (without the word ``ip``) in one process.

        Stops at the first that fails, which the :class:`ToolError` names.
        """
        if not lines:
            return
        outcome = self.shell.run(["ip", "-batch", "-"], stdin="\n".join(lines) + "\n")
        if found := _FAILED.search(outcome.stderr):
            failed = lines[int(found[1]) - 1]
            raise ToolError(["ip", *failed.split()], outcome.exit_code, outcome.stderr)
        outcome.checked()

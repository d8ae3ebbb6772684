"""Every error the harness raises on purpose.

The question that places an error here is *whose problem is it?*: the person who wrote a file
or an option (``ConfigError``), the machine or cluster we run on (``ToolError``,
``MachineError``, ``ApiError``), or the mesh under test, which is never a ``HarnessError``
but an ``AssertionError``.
"""

from collections.abc import Sequence


class HarnessError(Exception):
    """Something the harness can explain in a sentence; a traceback would add nothing."""


class ConfigError(HarnessError):
    """A file or an option is wrong. Lists every problem found, not only the first."""

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__("\n".join([f"{source}:", *(f"  - {problem}" for problem in problems)]))


class MachineError(HarnessError):
    """This machine lacks something. Says what, and what to do about it."""

    def __init__(self, lacks: str, remedy: str = "") -> None:
        self.lacks = lacks
        self.remedy = remedy
        super().__init__(f"{lacks}; {remedy}" if remedy else lacks)


class ToolError(HarnessError):
    """An external program exited with a failure. ``argv`` is already redacted."""

    def __init__(self, argv: Sequence[str], exit_code: int, stderr: str) -> None:
        self.argv = tuple(argv)
        self.exit_code = exit_code
        self.stderr = stderr
        super().__init__(f"{' '.join(argv)} exited {exit_code}: {stderr.strip() or '(no stderr)'}")


class ApiError(HarnessError):
    """A Kubernetes API server refused a request (``status`` is HTTP's) or was not there (0)."""

    def __init__(self, what: str, status: int, message: str) -> None:
        self.what = what
        self.status = status
        self.message = message
        super().__init__(f"{what}: {status or 'no answer'}: {message}")


class InterruptedAnswerError(ApiError):
    """An answer broke off half-way: nothing is known, and what does no harm may be asked again."""

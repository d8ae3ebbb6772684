"""What ended a check: whether the mesh is to blame, and in which words."""

import re

import pytest

from harness import telling
from harness.converge import NotConverged

#: Outcomes of pytest whose message is a sentence.
_OUTCOMES = (pytest.fail.Exception, pytest.skip.Exception)
#: How the message of pytest-timeout begins, in all its versions.
_TIMED_OUT = re.compile(r"Timeout \(?>[\d.]+s")


def by_assertion(error: BaseException) -> bool:
    """Say whether ``error`` is a broken expectation of the mesh, and nothing but that.

    A wait with a firm budget is for machinery, and pytest-timeout fails whatever is slow.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(by_assertion(each) for each in error.exceptions)
    if isinstance(error, NotConverged):
        return not error.budget.firm
    if isinstance(error, pytest.fail.Exception):
        return not _TIMED_OUT.match(error.msg or "")
    return isinstance(error, AssertionError)


def told(error: BaseException) -> str:
    """Return what an error or an outcome of pytest says; see :func:`harness.telling.told`."""
    return telling.told(error, sentences=_OUTCOMES)

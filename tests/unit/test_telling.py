"""What an error says where others read it."""

import pytest

from harness.model import MachineError
from harness.telling import told


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AssertionError("503 is not 200"), "503 is not 200"),
        (MachineError("no memory", "free some"), "no memory; free some"),
        (OSError("no route"), "OSError: no route"),
        (KeyError(), "KeyError"),
        (OSError("token: 0123456789abcdef0123"), "OSError: token: «redacted»"),
        (
            ExceptionGroup(
                "both",
                [OSError("east"), ExceptionGroup("in", [ValueError("west"), OSError("east")])],
            ),
            "OSError: east; ValueError: west",
        ),
        (ExceptionGroup("both", [OSError("same"), OSError("same")]), "OSError: same"),
    ],
)
def test_an_error_is_told_in_a_sentence_that_may_be_published(error: Exception, words: str) -> None:
    assert told(error) == words


def test_whose_message_is_a_sentence_can_be_said() -> None:
    assert told(TimeoutError("it took too long"), sentences=(TimeoutError,)) == "it took too long"

"""Notes of what went wrong beside the checks."""

from harness.lab.trouble import Trouble, Troubles


def test_notes_are_told_in_order_and_each_subject_once() -> None:
    troubles = Troubles()
    assert not troubles
    assert troubles.note("pair", "disk full") == Trouble("pair", "disk full")
    troubles.note("mesh", "no version")
    assert troubles.note("pair", "said by another worker").words == "disk full"
    assert [str(each) for each in troubles] == ["pair: disk full", "mesh: no version"]
    assert troubles


def test_what_is_known_of_a_subject_can_be_asked_for() -> None:
    troubles = Troubles()
    troubles.note("pair", "disk full")
    assert troubles.about("pair") == Trouble("pair", "disk full")
    assert troubles.about("single") is None

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harness.artifacts import store
from harness.artifacts.progress import Bench
from harness.artifacts.recipes import Component, Made
from harness.model import ToolError
from harness.phases import Phases
from harness.shell import LocalShell


@dataclass
class FakeRecipe:
    """Makes one program in memory; ``during`` runs when it is half made."""

    during: Callable[[], None] = field(default=lambda: None, repr=False)
    runs: list[Path] = field(default_factory=list, repr=False)

    def make(self, bench: Bench) -> Made:
        path = bench.place / "program"
        path.write_text("half")
        self.runs.append(bench.place)
        self.during()
        path.write_text("whole")
        return Made({"program": path}, "fake")


def component(recipe: FakeRecipe, version: str = "1") -> Component:
    return Component(name="fake", version=version, programs=("program",), recipe=recipe)


def quiet() -> Phases:
    return Phases(say=lambda _: None)


def leftovers(cache: Path) -> list[Path]:
    return list((cache / "making").iterdir())


def test_a_component_is_made_once(cache: Path) -> None:
    recipe = FakeRecipe()
    first = store.made(component(recipe), quiet())
    assert store.made(component(recipe), quiet()) == first
    assert first["program"].path.read_text() == "whole"
    assert len(recipe.runs) == 1
    assert not leftovers(cache)


def test_another_version_is_another_entry() -> None:
    recipe = FakeRecipe()
    one = store.made(component(recipe, "1"), quiet())
    two = store.made(component(recipe, "2"), quiet())
    assert one["program"].path != two["program"].path


def test_another_recipe_is_another_entry() -> None:
    one = component(FakeRecipe())
    assert one.label != replace(one, note="requirements raised").label


@pytest.mark.parametrize("error", [ToolError(["go"], 1, "boom"), KeyboardInterrupt()])
def test_a_make_that_ends_early_leaves_nothing(cache: Path, error: BaseException) -> None:
    def during() -> None:
        raise error

    with pytest.raises(type(error)):
        store.made(component(FakeRecipe(during)), quiet())
    assert not leftovers(cache)
    assert store.kept(component(FakeRecipe())) is None


KILLED = """
import os, signal
from harness.phases import Phases
from harness.artifacts import store
from harness.artifacts.recipes import Component
class Recipe:
    def __repr__(self): return "FakeRecipe()"
    def make(self, bench):
        (bench.place / "program").write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)
store.made(Component(name="fake", version="1", programs=("program",), recipe=Recipe()), Phases())
"""


def test_what_a_killed_make_left_is_never_used_and_swept_by_the_next(cache: Path) -> None:
    killed = LocalShell().run([sys.executable, "-c", KILLED])
    assert killed.exit_code == -9
    assert len(leftovers(cache)) == 1
    assert store.kept(component(FakeRecipe())) is None
    made = store.made(component(FakeRecipe()), quiet())  # and its lock is free
    assert made["program"].path.read_text() == "whole"
    assert not leftovers(cache)


def test_of_two_at_once_one_waits_for_the_other(said: list[str]) -> None:
    waiting = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        waiting.set()

    begun = threading.Event()

    def during() -> None:
        begun.set()
        waiting.wait(10)

    recipe = FakeRecipe(during)
    first = threading.Thread(target=lambda: store.made(component(recipe), quiet()))
    first.start()
    assert begun.wait(10)
    made = store.made(component(recipe), Phases(say=say))
    first.join()
    assert "another run is making it; waiting" in said[0]
    assert len(recipe.runs) == 1
    assert made["program"].path.read_text() == "whole"


def test_an_entry_without_a_list_is_not_used(cache: Path) -> None:
    made = store.made(component(FakeRecipe()), quiet())
    entry = made["program"].path.parent
    (entry / "manifest.json").unlink()
    assert store.kept(component(FakeRecipe())) is None


def test_a_damaged_program_is_made_again() -> None:
    recipe = FakeRecipe()
    path = store.made(component(recipe), quiet())["program"].path
    path.write_text("damaged")
    assert store.made(component(recipe), quiet())["program"].path.read_text() == "whole"
    assert len(recipe.runs) == 2


def test_the_estimate_follows_the_number_of_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert store.expected(replace(component(FakeRecipe()), seconds=100)) == 25

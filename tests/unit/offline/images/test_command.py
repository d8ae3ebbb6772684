"""``meshproof images``, as far as it needs no engine."""

from pathlib import Path

import pytest

from harness.providers.offline import engine
from harness.providers.offline.engine import Engine
from harness.providers.offline.images.labels import CONTENTS, RECIPE
from harness.providers.offline.images.recipe import recipe
from harness.verbs import cli, codes

from .engine_double import EngineDouble, Image
from .mesh import MESH


class Reached(Engine):
    """An engine whose client is a double with the node image in it."""

    def client(self) -> "object":
        labels = {RECIPE: recipe(MESH).digest, CONTENTS: '{"images": {"x/etcd:3": "cd"}}'}
        return EngineDouble({recipe(MESH).node: Image("sha256:ef", labels, {"Size": 9_000_000})})


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Reached("unix:///nowhere", 7, "20.10.24", "1.41")
    monkeypatch.setattr(engine, "find", lambda: made)


@pytest.mark.parametrize("words", [["list"], ["build"], ["load", "file"]])
def test_without_an_engine_it_says_how_to_get_one(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engine, "find", lambda: None)
    assert cli.main(["images", *words]) == codes.UNABLE
    assert "no container engine answers; meshproof engine up" in capsys.readouterr().err


@pytest.mark.usefixtures("found")
def test_list_says_which_way_images_are_had(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["images", "list"]) == 0
    node, etcd, way = capsys.readouterr().out.splitlines()
    assert node.split()[:4] == ["meshproof/node", recipe(MESH).tag, "9", "MB"]
    assert etcd.endswith("in the node image")
    assert way == "made here: is there"


@pytest.mark.usefixtures("found")
def test_build_of_what_is_there_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["images", "build"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == recipe(MESH).node


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize(
    ("name", "why"), [("", "a directory; name a file"), ("no/file", "there is no such directory")]
)
def test_save_wants_a_file_that_can_be_written(
    name: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["images", "save", str(tmp_path / name)]) == codes.WRONG
    assert why in capsys.readouterr().err


@pytest.mark.usefixtures("found")
def test_load_of_something_else_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no images")
    assert cli.main(["images", "load", str(tmp_path / "file")]) == codes.WRONG
    assert "not written by `images save`" in capsys.readouterr().err


@pytest.mark.usefixtures("found")
def test_a_wrong_variable_is_wrong_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MESHPROOF_IMAGES", "nowhere")
    assert cli.main(["images", "list"]) == codes.WRONG
    assert "one of auto, here, registry is wanted" in capsys.readouterr().err

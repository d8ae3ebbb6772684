"""Images as a file: what was changed on the way is refused before the engine sees it."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from harness.model import ConfigError, ToolError
from harness.providers.offline.images import archive
from harness.tools.docker import Docker

RECIPE = "a" * 64
LAYER = b"a layer, as a tar"


def entries(layer: bytes = LAYER, packed: bool = False) -> dict[str, bytes]:
    """Return what an engine writes for two images of one layer."""
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps({"rootfs": {"diff_ids": [f"sha256:{digest}"]}}).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    image = {"Config": name, "Layers": ["x/layer.tar"]}
    listed = [{**image, "RepoTags": ["node:1"]}, {**image, "RepoTags": ["agent:1"]}]
    return {
        "x/layer.tar": gzip.compress(layer) if packed else layer,
        name: config,
        "manifest.json": json.dumps(listed).encode(),
    }


def write(path: Path, files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> None:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)


def contents(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        read = {member.name: tar.extractfile(member) for member in tar}
        return {name: file.read() for name, file in read.items() if file}


@dataclass
class FakeDocker:
    """Writes what it is given as an engine would, and writes down what it loads."""

    files: Mapping[str, bytes] = field(default_factory=entries)
    links: Mapping[str, str] = field(default_factory=dict)
    loaded: list[Path] = field(default_factory=list)

    def save(self, names: Sequence[str], path: Path) -> None:
        write(path, self.files, self.links)

    def load(self, path: Path) -> str:
        self.loaded.append(path)
        return ""


def command(fake: FakeDocker) -> Docker:
    return cast("Docker", fake)


@pytest.fixture
def fake() -> FakeDocker:
    return FakeDocker()


@pytest.fixture
def saved(tmp_path: Path, fake: FakeDocker) -> Path:
    archive.save(command(fake), ["node:1", "agent:1"], RECIPE, tmp_path / "images.tar")
    return tmp_path / "images.tar"


def changed(path: Path, **data: bytes) -> None:
    """Write the file again with other bytes in the entries that end in these words."""
    files = contents(path)
    for end, new in data.items():
        (name,) = (each for each in files if each.endswith(end.replace("_", ".")))
        files[name] = new
    write(path, files)


def test_what_was_saved_is_loaded(saved: Path, fake: FakeDocker) -> None:
    listed = archive.load(command(fake), saved, RECIPE)
    assert set(listed.images) == {"node:1", "agent:1"}
    assert fake.loaded == [saved]


def test_a_changed_layer_is_refused(saved: Path, fake: FakeDocker) -> None:
    changed(saved, layer_tar=b"another layer")
    with pytest.raises(ConfigError, match=r"x/layer\.tar: not the layer of its image"):
        archive.load(command(fake), saved, RECIPE)
    assert not fake.loaded


def test_another_image_under_the_same_name_is_refused(saved: Path, fake: FakeDocker) -> None:
    write(
        saved,
        {**entries(b"other"), "meshproof-images.json": contents(saved)["meshproof-images.json"]},
    )
    with pytest.raises(ConfigError) as caught:
        archive.load(command(fake), saved, RECIPE)
    assert len(caught.value.problems) == 2
    assert "not the image that is listed" in caught.value.problems[0]
    assert not fake.loaded


def test_an_image_that_is_not_listed_is_refused(saved: Path, fake: FakeDocker) -> None:
    files = contents(saved)
    listed = json.loads(files["meshproof-images.json"])
    del listed["images"]["agent:1"]
    changed(saved, images_json=json.dumps(listed).encode())
    with pytest.raises(ConfigError, match="agent:1: not listed"):
        archive.load(command(fake), saved, RECIPE)


def test_images_of_another_recipe_are_refused(saved: Path, fake: FakeDocker) -> None:
    with pytest.raises(ConfigError, match="made by recipe aaaaaaaaaaaa, this version needs bbbb"):
        archive.load(command(fake), saved, "b" * 64)
    assert not fake.loaded


@pytest.mark.parametrize("data", [b"", b"no archive", b"x" * 20_000])
def test_a_file_that_is_something_else_is_refused(
    data: bytes, tmp_path: Path, fake: FakeDocker
) -> None:
    path = tmp_path / "other"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="not whole, or not written by"):
        archive.load(command(fake), path, RECIPE)


def test_a_file_that_was_cut_off_is_refused(saved: Path, fake: FakeDocker) -> None:
    saved.write_bytes(saved.read_bytes()[:700])
    with pytest.raises(ConfigError, match="not whole"):
        archive.load(command(fake), saved, RECIPE)


def test_a_file_that_is_not_there_is_told(tmp_path: Path, fake: FakeDocker) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        archive.load(command(fake), tmp_path / "nothing", RECIPE)


def test_compressed_layers_are_read(tmp_path: Path) -> None:
    fake = FakeDocker(entries(packed=True))
    archive.save(command(fake), ["node:1"], RECIPE, tmp_path / "f")
    assert archive.load(command(fake), tmp_path / "f", RECIPE).images


def test_layers_that_images_share_may_be_links(tmp_path: Path) -> None:
    files = entries()
    name = "manifest.json"
    files[name] = files[name].replace(b"x/layer", b"y/layer", 1)
    fake = FakeDocker(files, {"y/layer.tar": "../x/layer.tar"})
    archive.save(command(fake), ["node:1"], RECIPE, tmp_path / "f")
    assert archive.load(command(fake), tmp_path / "f", RECIPE).images


def test_a_save_that_fails_leaves_neither_a_file_nor_half_of_one(tmp_path: Path) -> None:
    class Failing(FakeDocker):
        def save(self, names: Sequence[str], path: Path) -> None:
            path.write_bytes(b"half")
            raise ToolError(["docker", "save"], 1, "no space")

    with pytest.raises(ToolError):
        archive.save(command(Failing()), ["node:1"], RECIPE, tmp_path / "f")
    assert not list(tmp_path.iterdir())

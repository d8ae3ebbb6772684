"""What labs get, by either way, against an engine that exists only in memory."""

import json
import threading
from collections.abc import Iterator
from typing import IO, cast

import pytest

from harness.artifacts.components import known
from harness.model import Program
from harness.phases import Phases
from harness.providers.offline import images
from harness.providers.offline.engine import Engine
from harness.providers.offline.images import node_image
from harness.providers.offline.images.catalogue import PodImage
from harness.providers.offline.images.choice import Asked, Way
from harness.providers.offline.images.labels import CONTENTS, RECIPE, Inside
from harness.providers.offline.images.listing import Listing
from harness.providers.offline.images.node_image import Maker, streamed
from harness.providers.offline.images.pod_images import Singles
from harness.providers.offline.images.provision import decided
from harness.providers.offline.images.recipe import recipe

from .engine_double import EngineDouble, Image
from .mesh import MESH, RELEASE

INSIDE = Inside(
    (Program(name="etcd", version="3", source="module", sha256="ab"),),
    {"registry.k8s.io/etcd:3.6.5-0": "cd"},
    "runc 1.1.5",
)
VERSION = known("istio")[0]
STOCK = "kindest/node:v1.34.4"


def engine(double: EngineDouble, pid: int | None = 7) -> Engine:
    class Reached(Engine):
        def client(self) -> "object":
            return double

    return Reached("unix:///nowhere", pid, "20.10.24", "1.41")


def ready_image() -> Image:
    return Image(
        "sha256:ef", {RECIPE: recipe(MESH).digest, CONTENTS: INSIDE.dump()}, {"Size": 12_000_000}
    )


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def phases(said: list[str]) -> Phases:
    return Phases(say=said.append)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace making by writing down what would be made."""
    names: list[str] = []

    def node(self: Maker) -> str:
        names.append("node")
        cast("EngineDouble", self.client).there[self.recipe.node] = ready_image()
        return self.recipe.node

    def pod(self: Singles, image: PodImage) -> str:
        name = image.name.removeprefix("docker.io/")
        names.append(name)
        cast("EngineDouble", self.maker.client).there[name] = ready_image()
        return name

    monkeypatch.setattr(Maker, "node", node)
    monkeypatch.setattr(Singles, "pod", pod)
    monkeypatch.setattr(Singles, "base", lambda self: self.helper)
    return names


def test_images_that_are_there_are_found_without_making_or_asking(
    made: list[str], phases: Phases, said: list[str]
) -> None:
    double = EngineDouble({recipe(MESH).node: ready_image()})
    had = images.ensure(engine(double, pid=None), phases, wish=Asked(), mesh=MESH)
    assert (had.node, had.helper, had.loads) == (recipe(MESH).node, recipe(MESH).node, ())
    assert had.source == "made here (is there)"
    assert not made
    assert not double.asked
    assert "images: made here (is there)" in said[0]


def test_the_report_gets_images_and_what_is_in_them(made: list[str], phases: Phases) -> None:
    had = images.ensure(engine(EngineDouble()), phases, wish=Asked(), mesh=MESH)
    listed = {program.name: program for program in had.programs}
    assert listed["image meshproof/node"].sha256 == "ef"
    assert "runc 1.1.5" in listed["image meshproof/node"].note
    assert listed["image registry.k8s.io/etcd"].version == "3.6.5-0"
    assert listed["etcd"].sha256 == "ab"
    assert made == ["node"]


def test_with_a_registry_only_what_it_lacks_is_made(made: list[str], phases: Phases) -> None:
    double = EngineDouble(published=(STOCK,))
    had = images.ensure(engine(double, pid=None), phases, wish=Asked(), mesh=MESH)
    development = f"istio/pilot:{VERSION}"
    assert had.node == STOCK
    assert had.loads == ("meshproof/agent:1", development, f"istio/proxyv2:{VERSION}")
    assert tuple(made) == had.loads
    assert had.source == "registry docker.io"
    assert had.programs[0].sha256 == STOCK


def test_releases_of_istio_come_from_the_registry_under_the_name_that_pods_use(
    made: list[str], phases: Phases
) -> None:
    published = (STOCK, "istio/pilot:1.29.2", "istio/proxyv2:1.29.2")
    double = EngineDouble(published=tuple(f"mirror/{name}" for name in published))
    wish = Asked("registry", "mirror")
    had = images.ensure(engine(double), phases, wish=wish, mesh=RELEASE)
    assert had.node == f"mirror/{STOCK}"
    assert made == ["meshproof/agent:1"]
    assert "istio/pilot:1.29.2" in double.there
    sources = {program.name: program.source for program in had.programs}
    assert sources["image docker.io/istio/pilot"] == "registry mirror"
    assert sources["image docker.io/meshproof/agent"] == "made here"


def test_what_is_saved_from_a_mirror_is_known_where_it_is_loaded(
    made: list[str], phases: Phases
) -> None:
    published = (STOCK, "istio/pilot:1.29.2", "istio/proxyv2:1.29.2")
    double = EngineDouble(published=tuple(f"mirror/{name}" for name in published))
    wish = Asked("registry", "mirror")
    images.ensure(engine(double), phases, wish=wish, mesh=RELEASE)
    decision = decided(double.client(), wish, recipe(RELEASE), uplink=True)
    names = Listing(double.client(), recipe(RELEASE), wish, decision).names()
    elsewhere = EngineDouble({name: double.there.get(name, ready_image()) for name in names})
    for asked in (Asked(), wish):
        images.ensure(engine(elsewhere), phases, wish=asked, mesh=RELEASE)
        assert not elsewhere.asked
    assert {f"mirror/{STOCK}", STOCK} <= set(double.there)


def test_a_registry_that_does_not_answer_leads_to_making(
    made: list[str], phases: Phases, said: list[str]
) -> None:
    had = images.ensure(engine(EngineDouble(), pid=None), phases, wish=Asked(), mesh=MESH)
    assert made == ["node"]
    assert "docker.io is of no use: no such manifest" in had.source
    assert "docker.io is of no use" in said[0]


def test_what_is_lacking_is_not_told_where_a_registry_may_have_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.artifacts.debian.lacks", lambda: ["no debootstrap"])
    assert not images.lacks(engine(EngineDouble(), pid=None))
    (told,) = images.lacks(engine(EngineDouble()))
    assert "no debootstrap, or load images" in told
    assert not images.lacks(engine(EngineDouble({recipe(MESH).node: ready_image()})))


def test_a_list_says_what_is_in_the_node_image() -> None:
    double = EngineDouble({recipe(MESH).node: ready_image()})
    decision = decided(double.client(), Asked(), recipe(MESH), uplink=False)
    listing = Listing(double.client(), recipe(MESH), Asked(), decision)
    node, etcd = listing.rows()
    assert (node.state, node.megabytes) == ("there", 12)
    assert (etcd.state, etcd.digest) == ("in the node image", "cd")
    assert listing.names() == [recipe(MESH).node]


def test_a_list_of_nothing_names_what_would_be_made() -> None:
    double = EngineDouble()
    decision = decided(double.client(), Asked(), recipe(MESH), uplink=False)
    rows = Listing(double.client(), recipe(MESH), Asked(), decision).rows()
    assert {row.state for row in rows} == {"not there"}
    assert "docker.io/meshproof/agent:1" in [row.name for row in rows]


def test_a_list_by_registry_says_image_by_image_how_it_is_had() -> None:
    double = EngineDouble(published=(STOCK,))
    wish = Asked("registry")
    decision = decided(double.client(), wish, recipe(RELEASE), uplink=True)
    listing = Listing(double.client(), recipe(RELEASE), wish, decision)
    ways = {row.name.split(":")[0]: row.source for row in listing.rows()}
    assert ways[STOCK.split(":")[0]] is Way.REGISTRY
    assert ways["istio/pilot"] is Way.REGISTRY
    assert ways["meshproof/agent"] is Way.HERE
    assert set(listing.names()) == {row.name for row in listing.rows()}


def test_what_an_image_says_of_itself_survives_being_a_label() -> None:
    assert Inside.load(INSIDE.dump()) == INSIDE
    assert Inside.load("") == Inside((), {}, "")
    assert json.loads(INSIDE.dump())["packages"] == "runc 1.1.5"


def test_a_stream_hands_on_what_is_written() -> None:
    def write(out: IO[bytes]) -> None:
        out.write(b"a" * 3_000_000)

    with streamed(write) as chunks:
        assert sum(map(len, chunks)) == 3_000_000


def test_a_failure_of_the_writer_is_raised_where_it_is_read() -> None:
    def write(out: IO[bytes]) -> None:
        out.write(b"half")
        raise FileNotFoundError("a program vanished")

    def read(chunks: Iterator[bytes]) -> None:
        for _ in chunks:
            pass

    with pytest.raises(FileNotFoundError, match="vanished"), streamed(write) as chunks:
        read(chunks)


def test_a_reader_that_gives_up_ends_the_writer() -> None:
    before = threading.active_count()

    def write(out: IO[bytes]) -> None:
        for _ in range(100):
            out.write(b"b" * 1_000_000)

    def give_up(chunks: Iterator[bytes]) -> None:
        next(chunks)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), streamed(write) as chunks:
        give_up(chunks)
    assert threading.active_count() == before


def test_too_little_space_is_found_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Roomy(EngineDouble):
        def info(self) -> dict[str, str]:
            return {"DockerRootDir": "/"}

    monkeypatch.setattr("harness.artifacts.space.free", lambda _: 1000)
    with pytest.raises(Exception, match=r"1\.0 GB free for /, images need 2\.5 GB; make room"):
        node_image.check_space(Roomy().client())

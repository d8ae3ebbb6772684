"""Images on a real engine: what is made boots, what fails leaves nothing, what is saved loads."""

import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest
from docker import DockerClient
from docker.models.containers import Container

from harness import artifacts
from harness.artifacts.components import known
from harness.converge import Budget, eventually
from harness.meshes.istio.images import images as istio_images
from harness.model import ConfigError
from harness.phases import Phases
from harness.providers.offline import engine, images
from harness.providers.offline.engine import Engine
from harness.providers.offline.images import archive, catalogue, node_image
from harness.providers.offline.images.choice import Asked
from harness.providers.offline.images.labels import IMAGE, part_here
from harness.providers.offline.images.node_image import Maker
from harness.providers.offline.images.pod_images import Singles
from harness.providers.offline.images.recipe import recipe
from harness.providers.offline.images.registry import Registry, present
from harness.providers.offline.images.rootfs import Contents
from harness.shell import LocalShell, start
from harness.tools.docker import Docker
from harness.tools.kubeadm import Kubeadm

from .tiny_image import archive as tiny

MESH = istio_images([known("istio")[0]])

SOON = Budget(timeout=60, interval=0.1)
TINY = "meshproof-test/tiny:1"
PORT = 5199
OF_TEST = {"meshproof.test": "images"}


@pytest.fixture(scope="module")
def found() -> Engine:
    if there := engine.find():
        return there
    pytest.skip("no container engine answers (meshproof engine up)")


@pytest.fixture(scope="module")
def client(found: Engine) -> Iterator[DockerClient]:
    with closing(found.client()) as client:
        yield client


@pytest.fixture(scope="module")
def had(found: Engine) -> images.Images:
    if missing := images.lacks(found):
        pytest.skip("; ".join(missing))
    return images.ensure(found, Phases(), mesh=MESH, wish=Asked("here"))


@pytest.fixture
def node(had: images.Images, client: DockerClient) -> Iterator[Container]:
    """A node as kind starts one, but without a cluster."""
    container = client.containers.run(
        had.node,
        detach=True,
        labels=OF_TEST,
        network_mode="none",
        privileged=True,
        tmpfs={"/run": "", "/tmp": ""},
        volumes=["/var"],
    )
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


@pytest.fixture
def singles(found: Engine, had: images.Images, client: DockerClient) -> Iterator[Singles]:
    """Makes images under tags that no lab uses."""
    own = replace(recipe(MESH), digest="e" * 64)
    made = Singles(Maker(client, own, Phases()), Registry(client, "meshproof-test"))
    yield made
    for name in (made.helper, "meshproof-test/debian:bookworm-slim", "meshproof-test/agent:1"):
        if present(client, name):
            client.images.remove(name)
    made.maker.sweep()


def do(container: Container, *argv: str) -> str:
    code, output = container.exec_run(list(argv))
    said = str(output.decode())
    assert code == 0, said
    return said


def booted(container: Container) -> Container:
    eventually(
        lambda: container.logs().decode(),
        lambda said: "detected cgroup v1" in said or "Multi-User System" in said,
        what="the node says that it is up",
        budget=SOON,
    )
    return container


def left(client: DockerClient) -> list[str]:
    mine = {"label": f"{IMAGE}={part_here()}"}
    containers = [each.name for each in client.containers.list(all=True, filters=mine)]
    dangling = client.images.list(filters={"dangling": True, **mine})
    return [*containers, *(image.id for image in dangling)]


def test_a_node_holds_every_image_that_its_cluster_and_mesh_will_ask_for(node: Container) -> None:
    kubeadm = artifacts.ensure(["kubeadm"], Phases())["kubeadm"].path
    listed = Kubeadm(kubeadm, LocalShell()).images(recipe(MESH).kubernetes)
    mesh = [image.name for image in catalogue.pod_images(MESH)]
    held = do(booted(node), "ctr", "--namespace", "k8s.io", "images", "ls", "-q").split()
    assert {*listed, *mesh} <= set(held)


def test_the_digests_that_are_reported_are_those_that_a_node_tells(
    node: Container, had: images.Images
) -> None:
    held = do(booted(node), "ctr", "--namespace", "k8s.io", "images", "ls", "-q").split()
    told = {name.removeprefix("sha256:") for name in held if name.startswith("sha256:")}
    reported = {
        program.sha256 for program in had.programs if program.note.startswith("in meshproof/node")
    }
    assert reported == told


def test_the_copy_that_each_node_gets_is_small(node: Container) -> None:
    assert int(do(booted(node), "du", "-sm", "/var").split()[0]) < 10


def test_a_node_keeps_containerd_alive(node: Container) -> None:
    assert do(booted(node), "systemctl", "is-active", "containerd").strip() == "active"
    do(node, "systemctl", "restart", "containerd")
    assert "Server:" in do(node, "ctr", "version")
    do(node, "pkill", "-KILL", "-x", "containerd")
    eventually(
        lambda: node.exec_run(["ctr", "version"]).exit_code,
        lambda code: code == 0,
        what="containerd serves again",
        budget=SOON,
    )


def test_images_that_are_there_are_found_at_once(found: Engine, had: images.Images) -> None:
    phases = Phases(say=lambda _: None)
    assert images.ensure(found, phases, mesh=MESH, wish=Asked("here")).node == had.node
    assert not phases.done


def test_a_making_that_fails_halfway_leaves_nothing(
    client: DockerClient, had: images.Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanishing(out: IO[bytes], contents: Contents) -> None:
        out.write(tiny())
        raise KeyboardInterrupt

    monkeypatch.setattr(node_image, "write_node", vanishing)
    other = replace(recipe(MESH), digest="f" * 64)
    with pytest.raises(KeyboardInterrupt):
        Maker(client, other, Phases()).node()
    assert not present(client, other.node)
    assert not left(client)


def test_a_store_that_cannot_be_filled_is_told_and_leaves_nothing(
    client: DockerClient, had: images.Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Contents, "markers", lambda _: b"no archive")
    other = replace(recipe(MESH), digest="f" * 64)
    with pytest.raises(Exception, match="images import"):
        Maker(client, other, Phases()).node()
    assert not present(client, other.node)
    assert not left(client)


def test_the_helper_has_what_helpers_run(had: images.Images, client: DockerClient) -> None:
    script = "python3 -c 'import asyncio, ssl' && iptables --version && ip -V && conntrack -V"
    said = client.containers.run(
        had.helper,
        entrypoint=["sh", "-c", script],
        labels=OF_TEST,
        network_mode="none",
        remove=True,
    )
    assert "iptables v1" in said.decode()


def test_pods_images_can_be_made_one_by_one(singles: Singles, client: DockerClient) -> None:
    agent = replace(catalogue.pod_images(MESH)[0], name="meshproof-test/agent:1")
    name = singles.pod(agent)
    assert singles.pod(agent) == name
    assert client.images.get(name).attrs["Config"]["Entrypoint"] == list(agent.source.argv)
    loaded = "cd /opt/meshproof/packages && python3 -c 'import h11, h2.connection'"
    said = client.containers.run(
        name,
        entrypoint=["sh", "-ec", f"ls /opt/meshproof/agent && {loaded}"],
        labels=OF_TEST,
        network_mode="none",
        remove=True,
    )
    assert "__main__.py" in said.decode()
    assert not left(client)


def test_a_helper_can_be_made_of_an_image_of_debian(
    singles: Singles, had: images.Images, client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one that has the packages already: containers of our own engine reach no mirror."""
    monkeypatch.setattr(Singles, "_rooted", property(lambda _: False))
    client.images.get(had.node).tag("meshproof-test/debian:bookworm-slim")
    said = client.containers.run(
        singles.base(),
        entrypoint=["id", "istio-proxy"],
        labels=OF_TEST,
        network_mode="none",
        remove=True,
    )
    assert "uid=1337" in said.decode()


@pytest.fixture
def small(client: DockerClient) -> Iterator[str]:
    """The name of a small image."""
    repository, _, tag = TINY.partition(":")
    client.api.import_image_from_data(tiny(), repository=repository, tag=tag)
    yield TINY
    if present(client, TINY):
        client.images.remove(TINY)


def test_what_is_saved_is_loaded_and_what_was_changed_is_not(
    small: str, found: Engine, client: DockerClient, tmp_path: Path
) -> None:
    docker, path = Docker(LocalShell(), found.environment()), tmp_path / "images.tar"
    archive.save(docker, [small], "recipe", path)
    client.images.remove(small)
    data = bytearray(path.read_bytes())
    changed = tmp_path / "changed.tar"
    data[len(data) // 2] ^= 1
    changed.write_bytes(data)
    with pytest.raises(ConfigError, match="digest differs"):
        archive.load(docker, changed, "recipe")
    assert not present(client, small)
    archive.load(docker, path, "recipe")
    assert present(client, small)


@pytest.fixture
def registry(found: Engine, tmp_path: Path) -> Iterator[str]:
    """A registry with one image, beside the engine; returns its address."""
    (tmp_path / "layer.tar").write_bytes(tiny())
    script = Path(__file__).with_name("small_registry.py")
    served = [str(PORT), str(tmp_path / "layer.tar"), "hub/kindest/node", "v1"]
    running = start(
        "registry",
        [*found.inside(), sys.executable, str(script), *served],
        output=tmp_path / "registry.log",
    )
    try:
        yield f"127.0.0.1:{PORT}/hub"
    finally:
        running.end()


def test_images_are_pulled_from_a_mirror(registry: str, client: DockerClient) -> None:
    mirror = Registry(client, registry)
    eventually(
        lambda: mirror.trouble("kindest/node:v1"),
        lambda trouble: not trouble,
        what="the registry answers",
        budget=SOON,
    )
    assert "manifest unknown" in mirror.trouble("kindest/node:v2")
    name = mirror.pulled("kindest/node:v1", Phases())
    try:
        assert client.images.get(name).attrs["RepoDigests"]
    finally:
        client.images.remove(name)


def test_a_registry_that_is_not_there_is_trouble_and_takes_seconds(client: DockerClient) -> None:
    assert Registry(client, "127.0.0.1:1").trouble("kindest/node:v1")

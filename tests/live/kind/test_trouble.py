"""Ends that nobody planned: of the owner, the guardian, a node; and engines that will not do."""

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from harness.converge import Budget, concurrently, eventually
from harness.kube import Kube
from harness.model import Lab, MachineError
from harness.phases import Phases
from harness.probes.caller import Caller
from harness.providers.base import RaiseOptions, planned
from harness.providers.fabric.state import State
from harness.providers.kind import teardown
from harness.providers.kind.naming import STATE_LABEL
from harness.providers.kind.provider import KindProvider
from harness.providers.offline import engine, images
from harness.providers.offline.images import Images
from tests.live.owner import single
from tests.live.trouble import Owners, heals_with_its_maker, own_place, owners, surroundings

SOON = Budget(timeout=60, interval=0.05)
LONG = Budget(timeout=300, interval=0.05)


@pytest.fixture
def client(provider: KindProvider) -> Iterator[DockerClient]:
    found = engine.find()
    assert found
    with closing(found.client()) as made:
        yield made


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, client: DockerClient) -> Iterator[Path]:
    with own_place(monkeypatch.setenv) as made:
        yield made
        assert on_engine(client, made) == []


@pytest.fixture
def own(place: Path, tmp_path: Path, provider: KindProvider) -> Iterator[Owners]:
    with owners(provider, tmp_path, grace=60) as found:
        yield found


def on_engine(client: DockerClient, place: Path) -> list[str]:
    """Return every container and network of labs in ``place``."""
    marked = {"label": STATE_LABEL}
    containers = client.containers.list(all=True, filters=marked, ignore_removed=True)
    found = [(each.name, each.labels) for each in containers]
    networks = client.networks.list(filters=marked)
    found += [(each.name, each.attrs["Labels"]) for each in networks]
    return [name for name, labels in found if f":{place}/" in labels[STATE_LABEL]]


def up(provider: KindProvider) -> Lab:
    topology = single()
    return provider.up(topology, planned(provider, topology), Phases(), RaiseOptions())


def empty(place: Path, client: DockerClient) -> None:
    eventually(
        lambda: [*place.iterdir(), *on_engine(client, place)],
        lambda left: not left,
        what="nothing is left",
        budget=SOON,
    )


def test_the_surroundings_are_the_same_during_a_lab_and_after(
    place: Path, provider: KindProvider, client: DockerClient
) -> None:
    if (found := engine.find()) is None or found.pid is None:
        pytest.skip("an engine that is not ours makes links and rules of its own")
    before = surroundings()
    lab = up(provider)
    try:
        assert surroundings() == before
        assert provider.stands(lab)
    finally:
        provider.down(lab)
    assert surroundings() == before
    empty(place, client)
    assert not provider.stands(lab)


def test_labs_that_are_raised_at_the_same_moment_lie_apart(
    place: Path, provider: KindProvider, client: DockerClient
) -> None:
    labs = concurrently(lambda _: up(provider), [1, 2])
    try:
        assert len({network.cidr for lab in labs for network in lab.plan.networks}) == 2
        assert all(map(provider.stands, labs))
    finally:
        for lab in labs:
            provider.down(lab)
    empty(place, client)


def test_without_an_engine_it_is_said_what_to_do(
    provider: KindProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    with pytest.raises(MachineError, match="unset it"):
        up(provider)


def test_a_stranger_with_our_name_is_left_alone(
    place: Path, provider: KindProvider, client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda _: "feedbeef")
    name = "meshproof-feedbeef-east-control-plane"
    helper = node_image()
    stranger = client.containers.create(helper, entrypoint=["true"], name=name)
    try:
        with pytest.raises(MachineError, match="already in use"):
            up(provider)
        stranger.reload()
    finally:
        stranger.remove(force=True, v=True)
    empty(place, client)


def test_an_image_that_is_missing_is_named(
    place: Path, provider: KindProvider, client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, "meshproof/absent:1")
    with pytest.raises(MachineError, match="meshproof/absent:1"):
        up(provider)
    empty(place, client)


def test_a_node_that_does_not_boot_is_heard(
    place: Path, provider: KindProvider, client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sick = client.containers.create(node_image(), entrypoint=["true"])
    words = 'ENTRYPOINT ["sh", "-c", "echo the floor is lava; exit 3"]'
    image = sick.commit("meshproof/sick", "1", changes=words)
    sick.remove(v=True)
    try:
        given(monkeypatch, "meshproof/sick:1")
        with pytest.raises(MachineError, match="the floor is lava"):
            up(provider)
        empty(place, client)
    finally:
        client.images.remove(image.id, force=True)


def node_image() -> str:
    found = engine.find()
    assert found
    return images.ensure(found, Phases(say=lambda _: None), mesh={}).node


def given(monkeypatch: pytest.MonkeyPatch, image: str) -> None:
    """Have nodes made of another image."""
    real = images.ensure

    def ensure(found: engine.Engine, phases: Phases, **asked: Any) -> Images:
        return replace(real(found, phases, **asked), node=image)

    monkeypatch.setattr(images, "ensure", ensure)


@pytest.mark.parametrize(
    "milestone", ["maker", "spec.json", "kind-east.yaml", "kubeconfigs/east.yaml", "lab.json"]
)
def test_ctrl_c_leaves_nothing_whenever_it_comes(
    milestone: str, place: Path, client: DockerClient, own: Owners
) -> None:
    owner = own("raise")
    eventually(
        lambda: list(place.glob(f"*/{milestone}")), bool, what=f"{milestone} exists", budget=LONG
    )
    owner.signal(signal.SIGINT)
    assert owner.wait(60) not in (None, 0)
    empty(place, client)


def test_nothing_is_left_behind_somebody_impatient(
    place: Path, client: DockerClient, own: Owners
) -> None:
    owner = own("raise")
    eventually(
        lambda: list(place.glob("*/kubeconfigs/east.yaml")), bool, what="it is made", budget=LONG
    )

    def again() -> int | None:
        owner.signal(signal.SIGINT)
        return owner.exit_code()

    eventually(
        again,
        lambda code: code is not None,
        what="it ended",
        budget=Budget(timeout=60, interval=0.4),
    )
    empty(place, client)


@pytest.mark.parametrize("milestone", ["kind-east.yaml", "lab.json"])
def test_a_killed_owner_leaves_nothing(
    milestone: str, place: Path, client: DockerClient, own: Owners
) -> None:
    owner = own("raise")
    eventually(
        lambda: list(place.glob(f"*/{milestone}")), bool, what=f"{milestone} exists", budget=LONG
    )
    if milestone != "lab.json":
        eventually(lambda: on_engine(client, place), bool, what="something is there", budget=LONG)
    (lab,) = [path.name for path in place.iterdir()]
    owner.signal(signal.SIGKILL)
    owner.wait(10)
    empty(place, client)
    assert not list(teardown.makers(lab))


def test_a_killed_guardian_leaves_a_lab_that_reap_removes(
    place: Path, provider: KindProvider, client: DockerClient
) -> None:
    lab = up(provider)
    assert provider.reap() == []
    assert provider.stands(lab)
    holder = State(Path(lab.state_dir)).holder()
    assert holder
    os.kill(holder, signal.SIGKILL)
    eventually(lambda: provider.stands(lab), lambda stands: not stands, what="it fell", budget=SOON)
    assert provider.reap() == [lab.id]
    empty(place, client)
    provider.down(lab)


def test_a_lab_whose_very_files_are_gone_is_reaped(
    place: Path, provider: KindProvider, client: DockerClient
) -> None:
    lab = up(provider)
    holder = State(Path(lab.state_dir)).holder()
    assert holder
    os.kill(holder, signal.SIGKILL)
    State(Path(lab.state_dir)).remove()
    assert provider.reap() == [lab.id]
    empty(place, client)
    provider.down(lab)


def test_a_kept_lab_outlives_its_owner(
    place: Path,
    own: Owners,
    provider: KindProvider,
    client: DockerClient,
) -> None:
    owner = own("keep")
    lab = own.lab(LONG)
    assert owner.wait(20) == 0
    assert Kube(lab.clusters[0].kubeconfig).version() == lab.clusters[0].version
    provider.down(lab)
    provider.down(lab)
    empty(place, client)


def test_a_cut_ends_with_the_process_that_made_it(
    lab: Lab, own: Owners, callers: dict[str, Caller]
) -> None:
    assert heals_with_its_maker(own, lab, callers, soon=SOON)

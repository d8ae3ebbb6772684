import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.lab.keeper import NoLab, OwningKeeper
from harness.lab.kept import KeptLabs
from harness.lab.usage import used, users
from harness.meshes.installation import Installation
from harness.meshes.none import NoMesh
from harness.model import (
    Cluster,
    ClusterSpec,
    Lab,
    MachineError,
    NetworkPlan,
    NetworkSpec,
    Topology,
    plan_networks,
)
from harness.model.images import Reference
from harness.phases import Phases
from harness.providers.base import RaiseOptions


def topology(name: str) -> Topology:
    return Topology(
        name=name,
        title=name,
        networks=(NetworkSpec(name="n"),),
        clusters=(ClusterSpec(name="c", network="n"),),
    )


ONE, TWO = topology("one"), topology("two")


@dataclass
class Noting:
    """A provider that notes what is asked of it, and fails where it is told to."""

    events: list[str]
    fails: BaseException | None = None
    alive: bool = True
    name: str = "noting"
    state: Path = Path("/nowhere")

    def up(
        self, topology: Topology, plan: NetworkPlan, phases: Phases, options: RaiseOptions
    ) -> Lab:
        self.events.append(f"up {topology.name}{' kept' if options.keep else ''}")
        if self.fails:
            raise self.fails
        cluster = Cluster(name="c", network="n", kubeconfig="/k", server="", version="v1")
        return Lab(
            id=f"lab-{topology.name}",
            provider=self.name,
            topology=topology,
            plan=plan,
            clusters=(cluster,),
            state_dir=str(self.state),
        )

    def down(self, lab: Lab) -> None:
        self.events.append(f"down {lab.topology.name}")

    def stands(self, lab: Lab) -> bool:
        return self.alive

    def lacks(self) -> Sequence[str]:
        return ()


@dataclass
class Mesh(NoMesh):
    events: list[str]
    fails_in: str = ""
    error: BaseException = field(default_factory=lambda: OSError("no image"))

    def prepare(self, topology: Topology, plan: NetworkPlan) -> Installation:
        if self.fails_in == "prepare":
            raise self.error
        return super().prepare(topology, plan)

    def install(self, lab: Lab, installation: Installation, phases: Phases) -> None:
        self.events.append(f"install {lab.topology.name}")
        if self.fails_in == "install":
            raise self.error


@pytest.fixture
def events() -> list[str]:
    return []


@pytest.fixture
def keeper(events: list[str], tmp_path: Path) -> OwningKeeper:
    phases = Phases(say=lambda _: None)
    provider = Noting(events, state=tmp_path / "lab")
    return OwningKeeper(provider, Mesh(events), phases, KeptLabs(tmp_path / "kept"))


def test_raised_once_and_taken_down_once(keeper: OwningKeeper, events: list[str]) -> None:
    assert keeper.lab(ONE) is keeper.lab(ONE) is keeper.standing
    keeper.close()
    keeper.close()
    assert events == ["up one", "install one", "down one"]
    assert [lab.id for lab in keeper.used] == ["lab-one"]


def test_a_provider_is_told_of_images_and_kubernetes(
    keeper: OwningKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[RaiseOptions] = []
    real = keeper.provider.up

    def up(topology: Topology, plan: NetworkPlan, phases: Phases, options: RaiseOptions) -> Lab:
        told.append(options)
        return real(topology, plan, phases, options)

    table = {"x/y:1": Reference("x/y:1")}
    monkeypatch.setattr(keeper.provider, "up", up)
    monkeypatch.setattr(keeper.mesh, "images", lambda _: table)
    keeper.kubernetes = "1.36.3"
    keeper.lab(ONE)
    assert told == [RaiseOptions(kubernetes="1.36.3", images=table)]


def test_never_asked_for_never_raised(keeper: OwningKeeper, events: list[str]) -> None:
    keeper.close()
    assert events == []


def test_one_lab_stands_at_a_time(keeper: OwningKeeper, events: list[str]) -> None:
    keeper.lab(ONE)
    keeper.lab(TWO)
    assert events == ["up one", "install one", "down one", "up two", "install two"]


@pytest.mark.parametrize("step", ["prepare", "install"])
@pytest.mark.parametrize("error", [OSError("no image"), KeyboardInterrupt()], ids=["error", "^C"])
def test_a_mesh_that_fails_leaves_no_lab_behind(
    keeper: OwningKeeper, events: list[str], step: str, error: BaseException
) -> None:
    keeper.mesh = Mesh(events, step, error)
    with pytest.raises(NoLab if isinstance(error, OSError) else KeyboardInterrupt):
        keeper.lab(ONE)
    assert events[-1] == "down one"
    assert keeper.standing is None


def test_a_failure_is_remembered(keeper: OwningKeeper, events: list[str]) -> None:
    keeper.provider = Noting(events, fails=OSError("token: 0123456789abcdef0123"))
    for _ in range(2):
        with pytest.raises(NoLab, match=r"^OSError: token: «redacted»$"):
            keeper.lab(ONE)
    assert events == ["up one"]
    assert [str(each) for each in keeper.troubles] == ["one: OSError: token: «redacted»"]


def test_of_several_causes_each_is_told(keeper: OwningKeeper, events: list[str]) -> None:
    causes = [
        OSError("east: disk full"),
        MachineError("west: no memory"),
        OSError("east: disk full"),
    ]
    keeper.provider = Noting(events, fails=ExceptionGroup("several of them failed", causes))
    with pytest.raises(NoLab, match=r"^OSError: east: disk full; west: no memory$"):
        keeper.lab(ONE)


def test_where_neither_raising_nor_preparing_works_both_are_told(
    keeper: OwningKeeper, events: list[str]
) -> None:
    keeper.provider = Noting(events, fails=OSError("no cluster"))
    keeper.mesh = Mesh(events, "prepare")
    with pytest.raises(NoLab, match=r"^OSError: no cluster; OSError: no image$"):
        keeper.lab(ONE)


def test_nothing_is_prepared_any_more_once_raising_has_failed(
    keeper: OwningKeeper, events: list[str]
) -> None:
    failing = threading.Event()

    class Slow(Mesh):
        def prepare(self, topology: Topology, plan: NetworkPlan) -> Installation:
            assert failing.wait(10)
            self.events.append(f"prepared {topology.name}")
            return super().prepare(topology, plan)

    class Failing(Noting):
        def up(self, *_: object) -> Lab:
            threading.Timer(0.05, failing.set).start()  # well after this has failed
            raise OSError("no cluster")

    keeper.mesh, keeper.provider = Slow(events), Failing(events)
    with pytest.raises(NoLab):
        keeper.lab(ONE)
    assert events == ["prepared one"]


def test_an_interrupted_take_down_is_finished(
    keeper: OwningKeeper, events: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.lab(ONE)
    answers = iter([KeyboardInterrupt(), None])

    def down(self: Noting, lab: Lab) -> None:
        self.events.append("down")
        if error := next(answers):
            raise error

    monkeypatch.setattr(Noting, "down", down)
    with pytest.raises(KeyboardInterrupt):
        keeper.close()
    assert events[-2:] == ["down", "down"]


def test_a_kept_lab_is_found_again(keeper: OwningKeeper, events: list[str]) -> None:
    keeper.keep = keeper.reuse = True
    keeper.lab(ONE)
    keeper.close()
    assert keeper.lab(ONE).id == "lab-one"
    keeper.close()
    assert events == ["up one kept", "install one"]


def test_a_kept_lab_that_fell_is_forgotten(keeper: OwningKeeper, events: list[str]) -> None:
    keeper.keep = keeper.reuse = True
    keeper.lab(ONE)
    keeper.close()
    keeper.provider = Noting(events, alive=False)
    keeper.keep = False
    keeper.lab(ONE)
    keeper.close()
    assert events[2:] == ["up one", "install one", "down one"]
    assert list(keeper.kept.all()) == []


def test_a_kept_lab_is_not_reused_that_a_killed_check_has_left_in_disorder(
    keeper: OwningKeeper, events: list[str]
) -> None:
    said: list[str] = []
    keeper.phases = Phases(say=said.append)
    keeper.keep = keeper.reuse = True
    marks = users(keeper.lab(ONE))
    keeper.close()
    with used(marks):  # another session has a check on it
        keeper.lab(ONE)
    keeper.close()
    (marks / "left-by-a-process-that-is-gone").touch()
    keeper.lab(ONE)
    assert events == ["up one kept", "install one", "up one kept", "install one"]
    assert any("whose process was killed; raising a new one" in line for line in said)


def test_a_lab_without_its_mesh_is_not_kept(keeper: OwningKeeper, events: list[str]) -> None:
    keeper.keep = True
    keeper.mesh = Mesh(events, "install")
    with pytest.raises(NoLab):
        keeper.lab(ONE)
    assert events[-1] == "down one"


def test_a_lab_of_another_kind_is_not_found(keeper: OwningKeeper) -> None:
    keeper.keep = True
    lab = keeper.lab(ONE)
    keeper.close()
    assert keeper.kept.find(ONE, "noting", "none") == lab
    assert keeper.kept.find(TWO, "noting", "none") is None
    assert keeper.kept.find(ONE, "embedded", "none") is None
    assert keeper.kept.find(ONE, "noting", "istio 1.29") is None


def test_a_note_of_another_version_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"mesh": "none", "labs": []}')
    assert list(KeptLabs(tmp_path).all()) == []


def test_nothing_invents_an_address(keeper: OwningKeeper) -> None:
    assert keeper.lab(ONE).plan == plan_networks(ONE)


def test_a_lab_that_cannot_be_noted_is_kept_all_the_same(
    keeper: OwningKeeper, events: list[str]
) -> None:
    keeper.keep = True
    keeper.kept.directory.write_text("no directory")
    keeper.lab(ONE)
    keeper.close()
    assert not [event for event in events if event.startswith("down")]
    noted = keeper.troubles.about("one (note of the kept lab)")
    assert noted is not None
    assert "FileExistsError" in noted.words

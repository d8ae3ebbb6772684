import json
import sys
from pathlib import Path
from typing import cast

import pytest

from harness import files
from harness.artifacts import manifest, store
from harness.artifacts.components import known, make
from harness.artifacts.home import BUNDLE_VARIABLE, HOME_VARIABLE
from harness.artifacts.manifest import Artifact
from harness.lab.kept import standing_labs
from harness.model import Cluster, Lab, Program, plan_networks
from harness.providers.base import BuiltIn, Provider
from harness.providers.offline import engine
from harness.shell import LocalShell
from harness.verbs import cli, codes, doctor, labs
from harness.verbs.doctor import Finding

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to make what neither a bundle nor the cache has."""
    monkeypatch.setattr(store, "_make", lambda component, _: pytest.fail(f"makes {component.name}"))


@pytest.fixture(autouse=True)
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Offer a bundle with etcd in it, and nothing else."""
    program = tmp_path / "built"
    program.write_text("etcd")
    listed = Program(name="etcd", version="3", source="test", sha256=manifest.digest(program))
    manifest.write(tmp_path / "bundle", [Artifact(listed, program)])
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv(BUNDLE_VARIABLE, str(tmp_path / "bundle"))
    return tmp_path / "bundle"


def test_where_prints_paths(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["artifacts", "where", "etcd"]) == 0
    assert capsys.readouterr().out == f"etcd {bundle}/etcd\n"


def test_where_of_what_is_not_made_says_how_to_make_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["artifacts", "where", "etcd", "envoy"]) == codes.UNABLE
    assert "not made yet: envoy; meshproof artifacts build" in capsys.readouterr().err


def test_list_names_source_and_digest_of_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["artifacts", "list"]) == 0
    rows = {row.split()[0]: row for row in capsys.readouterr().out.splitlines()}
    assert rows["etcd"].endswith("test")
    assert rows["istioctl"].endswith("not made yet")


def test_build_prints_what_was_made_where(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["artifacts", "build", "etcd"]) == 0
    assert capsys.readouterr().out == f"etcd {bundle}/etcd\n"


def test_verify_finds_a_changed_program(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["artifacts", "verify"]) == 0
    (bundle / "etcd").write_text("changed")
    assert cli.main(["artifacts", "verify"]) == codes.FOUND
    assert "1 programs checked, 1 damaged" in capsys.readouterr().out


def test_bundle_writes_what_the_variable_may_name(tmp_path: Path) -> None:
    assert cli.main(["artifacts", "bundle", str(tmp_path / "new"), "etcd"]) == 0
    assert manifest.read(tmp_path / "new")["etcd"].path.read_text() == "etcd"
    assert cli.main(["artifacts", "bundle", str(tmp_path / "new"), "etcd"]) == 0


def test_bundle_does_not_write_among_other_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["artifacts", "bundle", str(tmp_path), "etcd"]) == codes.WRONG
    assert "holds something else" in capsys.readouterr().err


OLD = "1.31-alpha.b01690e6"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Put another version of Istio than the default into the cache; returns its istioctl."""
    component = make("istio", OLD)
    place = tmp_path / "cache/components" / component.label
    place.mkdir(parents=True)
    (place / "istioctl").write_text("old")
    sha256 = manifest.digest(place / "istioctl")
    artifacts = []
    for name in component.programs:
        (place / name).write_text("old")
        program = Program(name=name, version=OLD, source="test", sha256=sha256)
        artifacts.append(Artifact(program, place / name))
    manifest.write(place, artifacts)
    return place / "istioctl"


def test_where_finds_the_version_that_is_asked_for(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["artifacts", "where", "istioctl"]) == codes.UNABLE
    assert cli.main(["artifacts", "where", "istioctl", "--mesh-version", OLD]) == 0
    assert capsys.readouterr().out == f"istioctl {old}\n"


@pytest.mark.usefixtures("old")
def test_list_names_other_versions_that_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["artifacts", "list", "istioctl", "kube-proxy"]) == 0
    default, proxy, other = capsys.readouterr().out.splitlines()
    assert default.split() == ["istioctl", known("istio")[0], "not", "made", "yet"]
    assert proxy.split()[:2] == ["kube-proxy", known("kubernetes")[0]]
    assert other.split()[:2] == ["istioctl", OLD]
    assert other.endswith("; another version")


@pytest.mark.usefixtures("old")
def test_list_of_a_version_shows_that(capsys: pytest.CaptureFixture[str]) -> None:
    versions = ("--mesh-version", OLD, "--kubernetes-version", "1.36.3")
    assert cli.main(["artifacts", "list", "istioctl", "kube-proxy", *versions]) == 0
    istioctl, proxy = capsys.readouterr().out.splitlines()
    assert istioctl.split()[1] == OLD
    assert "another version" not in istioctl
    assert proxy.split() == ["kube-proxy", "1.36.3", "not", "made", "yet"]


@pytest.mark.usefixtures("old")
def test_a_bundle_of_a_version_serves_who_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    carried = tmp_path / "carried"
    words = ("istioctl", "--mesh-version", OLD)
    assert cli.main(["artifacts", "bundle", str(carried), *words]) == 0
    monkeypatch.setenv(BUNDLE_VARIABLE, str(carried))
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "empty"))
    assert cli.main(["artifacts", "where", *words]) == 0
    assert capsys.readouterr().out.endswith(f"istioctl {carried}/istioctl\n")


@pytest.mark.parametrize("verb", ["build", "list", "where"])
def test_versions_that_nobody_knows_are_wrong_input(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["artifacts", verb, "--mesh-version", "1.2.3"]) == codes.WRONG
    said = capsys.readouterr().err
    assert f"no istio 1.2.3 is known; there is {', '.join(known('istio'))}" in said


def test_unknown_names_are_wrong_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["artifacts", "build", "nonsense"]) == codes.WRONG
    assert "nothing is called nonsense" in capsys.readouterr().err


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (False, codes.UNABLE)])
def test_doctor_fails_if_anything_is_lacking(
    ok: bool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda _: [Finding("disk", ok=ok, seen="some")])
    assert cli.main(["doctor"]) == code
    assert "disk" in capsys.readouterr().out


class FakeProvider:
    """Takes labs down by writing down their ids."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def down(self, lab: Lab) -> None:
        self.ended.append(lab.id)


@pytest.fixture
def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keep the lab ``ab12``; returns the ids of the labs that were taken down."""
    topology = files.load_topology(CHECKOUT / "topologies/single-cluster.yaml")
    plan = plan_networks(topology)
    state = tmp_path / "state"
    state.mkdir()
    kubeconfig = f"{state}/kubeconfig"
    cluster = Cluster(name="c1", network="n1", kubeconfig=kubeconfig, server="", version="1")
    lab = Lab(
        id="ab12",
        provider="fake",
        topology=topology,
        plan=plan,
        clusters=(cluster,),
        state_dir=str(state),
    )
    standing_labs().note(lab, "istio 1")
    provider = FakeProvider()
    monkeypatch.setattr(labs, "present", list)
    monkeypatch.setattr(labs, "BUILT_IN", {"fake": BuiltIn(lambda: cast("Provider", provider))})
    return provider.ended


@pytest.mark.usefixtures("ended")
def test_labs_are_listed_with_their_kubeconfigs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["labs"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "ab12  single-cluster on fake"
    assert second.endswith("state/kubeconfig")


def test_a_kept_lab_is_taken_down_once_and_forgotten(
    ended: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["down", "ab12"]) == 0
    assert ended == ["ab12"]
    assert cli.main(["down", "ab12"]) == codes.WRONG
    assert "no lab ab12 stands" in capsys.readouterr().err


def test_nothing_is_taken_down_if_one_of_the_labs_is_unknown(ended: list[str]) -> None:
    assert cli.main(["down", "ab12", "cd34"]) == codes.WRONG
    assert not ended


def test_a_lab_of_a_plugin_s_provider_is_left_to_its_plugin(
    ended: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(labs, "BUILT_IN", {})
    assert cli.main(["down", "ab12"]) == codes.WRONG
    assert not ended
    assert "lab ab12 is of provider 'fake', which is a plugin's" in capsys.readouterr().err


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine of ours was killed: the settings that one leaves are this machine's."""
    monkeypatch.setattr(engine, "reap", lambda phases: False)


def test_reap_removes_what_a_container_engine_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(labs, "reaped", list)
    monkeypatch.setattr(engine, "reap", lambda phases: True)
    assert cli.main(["reap"]) == 0
    assert "of a container engine" in capsys.readouterr().out


def test_reap_forgets_kept_labs_whose_files_are_gone(
    ended: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labs, "reaped", list)
    (tmp_path / "state").rmdir()
    assert cli.main(["reap"]) == 0
    assert not list(standing_labs().all())
    assert not ended


@pytest.mark.parametrize(
    ("gone", "text"), [([], "nothing was left"), (["ab12"], "removed what was left of lab ab12")]
)
def test_reap_says_what_it_removed(
    gone: list[str], text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(labs, "reaped", lambda: gone)
    assert cli.main(["reap"]) == 0
    assert text in capsys.readouterr().out


def test_topologies_are_listed_with_their_titles(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["topologies", "--directory", str(CHECKOUT / "topologies")]) == 0
    listed = capsys.readouterr().out
    rows = [row.split(maxsplit=1) for row in listed.splitlines()]
    assert ["multi-primary-multi-network", "Two primaries on different networks"] in rows


def test_topologies_elsewhere_say_where_to_run_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["topologies", "--directory", str(tmp_path)]) == codes.WRONG
    assert "run this in a checkout" in capsys.readouterr().err


def test_a_malformed_topology_is_told_by_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.yaml").write_text("name: bad\ntitle: t\nshape: star\n")
    assert cli.main(["topologies", "--directory", str(tmp_path)]) == codes.WRONG
    assert "bad.yaml:3" in capsys.readouterr().err


def test_schema_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema", "topology"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Topology"


def test_verify_of_what_is_no_report_fails(tmp_path: Path) -> None:
    assert cli.main(["verify", str(tmp_path / "conformance.yaml")]) == codes.FOUND


def test_results_are_added_up_in_the_line_that_ends_a_test_run(tmp_path: Path) -> None:
    suite = '<testsuites><testsuite tests="{}" failures="1" errors="1" skipped="2"/></testsuites>'
    for name, tests in (("a.xml", 10), ("b.xml", 5)):
        (tmp_path / name).write_text(suite.format(tests))
    paths = [str(path) for path in sorted(tmp_path.glob("*.xml"))]
    ran = LocalShell().run([sys.executable, str(CHECKOUT / ".ci/tally.py"), *paths])
    assert ran.checked() == "7 passed, 4 failed, 4 skipped\n"


@pytest.mark.parametrize(("name", "exit_code"), [("+new-thing.feature.md", 0), ("thing.md", 1)])
def test_notes_of_changes_are_named_so_that_they_are_found(
    tmp_path: Path, name: str, exit_code: int
) -> None:
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes" / name).touch()
    shell = LocalShell(cwd=tmp_path)
    ran = shell.run([sys.executable, str(CHECKOUT / ".ci/changes.py")])
    assert ran.exit_code == exit_code


def test_a_reader_that_leaves_early_is_no_trouble() -> None:
    command = f"'{Path(sys.executable).parent}/meshproof' schema topology | head -1"
    outcome = LocalShell().run(["bash", "-o", "pipefail", "-c", command])
    assert (outcome.exit_code, outcome.stderr) == (0, "")

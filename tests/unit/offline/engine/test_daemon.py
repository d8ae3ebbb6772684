import json
import sys
from pathlib import Path

import pytest

from harness.providers.offline.engine import daemon
from harness.providers.offline.engine.engine_dir import EngineDir
from harness.shell import LocalShell, Outcome

FULL = "CapBnd:\t000001ffffffffff\n"
SHORT = "CapBnd:\t000001fffeffffff\n"
CAPABILITY = "CAP_SYS_RESOURCE"


def configured(place: EngineDir, tmp_path: Path, status: str) -> dict[str, object]:
    (tmp_path / "status").write_text(status)
    place.make()
    daemon.configure(place, status=tmp_path / "status", find=lambda name: "/bin/echo")
    read = json.loads(place.config.read_text())
    assert isinstance(read, dict)
    return read


def test_a_machine_that_grants_everything_uses_the_plain_runtime(
    place: EngineDir, tmp_path: Path
) -> None:
    assert "default-runtime" not in configured(place, tmp_path, FULL)
    assert not place.runtime.exists()


def test_a_machine_without_the_capability_gets_a_runtime_that_asks_for_less(
    place: EngineDir, tmp_path: Path
) -> None:
    config = configured(place, tmp_path, SHORT)
    assert config["runtimes"] == {config["default-runtime"]: {"path": str(place.runtime)}}


def test_the_engine_listens_and_keeps_its_data_below_its_place(
    place: EngineDir, tmp_path: Path
) -> None:
    config = configured(place, tmp_path, FULL)
    assert config["hosts"] == [place.url]
    assert config["data-root"] == str(place.data)
    assert config["cgroup-parent"] == f"/{place.cgroup}"


@pytest.fixture
def bundle(place: EngineDir, tmp_path: Path) -> Path:
    configured(place, tmp_path, SHORT)
    made = tmp_path / "bundle"
    made.mkdir()
    return made


def write(path: Path, value: object) -> None:
    """Write as engines do: one line, no spaces."""
    path.write_text(json.dumps(value, separators=(",", ":")))


def call(place: EngineDir, *argv: str) -> Outcome:
    return LocalShell().run([str(place.runtime), *argv])


@pytest.mark.parametrize(
    "names",
    [
        [CAPABILITY],
        [CAPABILITY, "CAP_SYS_TIME"],
        ["CAP_CHOWN", CAPABILITY],
        ["CAP_CHOWN", CAPABILITY, "CAP_SYS_TIME"],
        ["CAP_CHOWN"],
        [],
    ],
)
def test_the_capability_is_taken_out_of_every_set_of_a_container(
    place: EngineDir, bundle: Path, names: list[str]
) -> None:
    sets = ("bounding", "effective", "inheritable", "permitted", "ambient")
    config = {"process": {"args": ["x"], "capabilities": dict.fromkeys(sets, names)}, "root": {}}
    write(bundle / "config.json", config)
    done = call(place, "--root", "/r", "create", "--bundle", str(bundle), "id")
    assert done.stdout == f"--root /r create --bundle {bundle} id\n"
    kept = [name for name in names if name != CAPABILITY]
    config["process"] = {"args": ["x"], "capabilities": dict.fromkeys(sets, kept)}
    assert json.loads((bundle / "config.json").read_text()) == config


def test_the_capability_is_taken_out_of_an_exec(place: EngineDir, bundle: Path) -> None:
    process = bundle / "process"
    write(process, {"capabilities": {"bounding": ["CAP_CHOWN", CAPABILITY]}, "cwd": "/"})
    call(place, "exec", "--process", str(process), "--detach", "id")
    assert json.loads(process.read_text()) == {
        "capabilities": {"bounding": ["CAP_CHOWN"]},
        "cwd": "/",
    }


def test_the_same_words_elsewhere_stay(place: EngineDir, bundle: Path) -> None:
    said = f'"capabilities":{{"bounding":["{CAPABILITY}",]}}'
    args = ["capsh", CAPABILITY, "last,]"]
    config = {
        "process": {
            "args": args,
            "env": [f"SAID={said}"],
            "capabilities": {"bounding": [CAPABILITY], "effective": ["CAP_KILL", CAPABILITY]},
        },
        "annotations": {CAPABILITY: said},
    }
    write(bundle / "config.json", config)
    call(place, "create", "--bundle", str(bundle), "id")
    kept = json.loads((bundle / "config.json").read_text())
    assert kept["process"]["capabilities"] == {"bounding": [], "effective": ["CAP_KILL"]}
    assert kept["process"]["args"] == args
    assert kept["process"]["env"] == [f"SAID={said}"]
    assert kept["annotations"] == config["annotations"]


def test_a_container_that_does_not_ask_for_it_is_left_as_it_is(
    place: EngineDir, bundle: Path
) -> None:
    config = bundle / "config.json"
    write(config, {"process": {"capabilities": {"bounding": ["CAP_CHOWN"]}}})
    before = config.stat().st_ino
    call(place, "create", "--bundle", str(bundle), "id")
    assert config.stat().st_ino == before


def test_the_runtime_ends_as_runc_ends(place: EngineDir, bundle: Path) -> None:
    text = place.runtime.read_text().replace("/bin/echo", f"{sys.executable} -c 'exit(7)'")
    place.runtime.write_text(text)
    assert call(place, "state", "id").exit_code == 7

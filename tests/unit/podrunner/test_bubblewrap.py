"""Images, command lines, and as whom they run."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.providers.podrunner.bubblewrap import (
    ContainerConfig,
    Mount,
    as_user,
    command,
    exec_command,
)
from harness.providers.podrunner.config import Image, NodeConfig
from harness.providers.podrunner.pod_api import Refused
from harness.providers.podrunner.security_context import Identity, identity, users
from tests.unit.podrunner.conftest import config, container, pod

ROOT = Identity(0, 0, (), frozenset({"CAP_NET_ADMIN"}))


def test_an_image_is_found_by_the_last_part_of_its_name(tmp_path: Path) -> None:
    known = config(tmp_path)
    for name in ("app", "app:1", "host:5000/a/app:1", "a/app@sha256:00", "a/app:1@sha256:00"):
        assert known.image(name) is not None
    assert known.image("a/apps:1") is None


def test_a_configuration_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "node.json"
    config(tmp_path).write(path)
    assert NodeConfig.read(path) == config(tmp_path)


def _config(tmp_path: Path, **more: object) -> ContainerConfig:
    image = Image(
        argv=("/app",), binds={"/usr/local/bin/no-such": "/there"}, writable=("/var/lib/data",)
    )
    values: dict[str, object] = {
        "argv": ("/app", "x"),
        "env": {},
        "cwd": "/w",
        "image": image,
        "mounts": (
            Mount(tmp_path / "b", "/a/b", read_only=True),
            Mount(tmp_path / "a", "/a", read_only=False),
            Mount(tmp_path / "r", "/var/run/r", read_only=False),
        ),
        "etc": tmp_path,
        "hostname": "p",
        "identity": ROOT,
        "netns": "/run/netns/x",
        "termination_message": tmp_path / "words",
        **more,
    }
    return ContainerConfig(**values)  # type: ignore[arg-type]


def _has(words: Sequence[str], *wanted: str) -> int:
    """Return where ``wanted`` stands in ``words``, as a run."""
    for start in range(len(words)):
        if tuple(words[start : start + len(wanted)]) == wanted:
            return start
    pytest.fail(f"{wanted} is not in {words}")


def test_a_program_is_process_1_in_the_pods_network(tmp_path: Path) -> None:
    words = command(_config(tmp_path), 7)
    network = _has(words, "--net=/run/netns/x", "--")
    first = _has(words, "--die-with-parent", "--as-pid-1", "--info-fd", "7")
    dropped = _has(words, "--cap-drop", "ALL", "--cap-add", "CAP_NET_ADMIN")
    program = _has(words, "--chdir", "/w", "--", "/app", "x")
    assert network < first < dropped < program
    assert words[program:] == ["--chdir", "/w", "--", "/app", "x"]


def test_mounts_go_from_the_outside_in_and_their_parents_are_open(tmp_path: Path) -> None:
    words = command(_config(tmp_path), 7)
    outer = _has(words, "--bind", str(tmp_path / "a"), "/a")
    inner = _has(words, "--ro-bind", str(tmp_path / "b"), "/a/b")
    assert outer < inner
    _has(words, "--dir", "/a")
    _has(words, "--bind", str(tmp_path / "r"), "/run/r")


def test_an_images_file_in_usr_gets_a_directory_of_its_own(tmp_path: Path) -> None:
    words = command(_config(tmp_path), 7)
    hidden = _has(words, "--tmpfs", "/usr/local/bin")
    assert hidden < _has(words, "--ro-bind", "/there", "/usr/local/bin/no-such")
    _has(words, "--perms", "0777", "--tmpfs", "/var/lib/data")


def test_another_user_is_reached_by_giving_up_root(tmp_path: Path) -> None:
    words = as_user(Identity(1337, 1337, (5, 6)))
    assert words[1:] == ["--reuid", "1337", "--regid", "1337", "--groups", "5,6", "--"]
    assert "--clear-groups" in as_user(Identity(1337, 1337))
    assert as_user(ROOT) == []


def test_a_command_inside_joins_every_namespace() -> None:
    words = exec_command(42, Identity(7, 7), ["true"])
    _has(words, "--target", "42")
    assert {"--mount", "--pid", "--net", "--root"} <= set(words)
    assert words[-1] == "true"


def test_the_containers_word_counts_more_than_the_pods() -> None:
    manifest = container(securityContext={"runAsUser": 5})
    whole = {"runAsUser": 9, "fsGroup": 77, "supplementalGroups": [1]}
    found = identity(pod(manifest, securityContext=whole), manifest, 0)
    assert (found.user, found.group, found.groups) == (5, 5, (1, 77))
    assert users(pod(manifest, securityContext=whole)) == {5, 9}


def test_the_image_says_who_runs_it_if_the_pod_does_not() -> None:
    assert identity(pod(), container(), 1337).user == 1337
    with pytest.raises(Refused, match="runAsNonRoot"):
        identity(pod(securityContext={"runAsNonRoot": True}), container(), 0)


def test_capabilities_are_those_of_a_container_runtime_and_more_if_asked() -> None:
    def capabilities(**context: object) -> frozenset[str]:
        return identity(pod(), container(securityContext=context), 0).capabilities

    assert "CAP_NET_ADMIN" not in capabilities()
    asked = capabilities(capabilities={"add": ["NET_ADMIN"], "drop": ["ALL"]})
    assert "CAP_NET_ADMIN" in asked
    assert "CAP_CHOWN" not in asked
    assert capabilities(privileged=True) == {"ALL"}

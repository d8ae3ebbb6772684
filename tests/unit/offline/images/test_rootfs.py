"""The tar of a node: every file once, every directory before what lies in it."""

import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

from harness.providers.offline.images import catalogue
from harness.providers.offline.images.recipe import wanted
from harness.providers.offline.images.rootfs import (
    Contents,
    containerd_config,
    write_layer,
    write_node,
)
from harness.shell import LocalShell

from .mesh import MESH
from .test_catalogue import LISTED

PROXY = next(i.layer for i in catalogue.pod_images(MESH) if "proxyv2" in i.name)
PAUSE_LAYER = catalogue.layer_name(catalogue.PAUSE)
AGENT = next(slot for slot in wanted(catalogue.pod_images(MESH)) if "pilot-agent" in slot)


def debian(path: Path) -> Path:
    """Write the tar of a very small Debian."""
    with tarfile.open(path, "w") as tar:
        for name in ("dev", "etc", "etc/containerd", "usr", "usr/sbin"):
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        for name in ("dev/x", "etc/containerd/config.toml", "usr/sbin/iptables"):
            info = tarfile.TarInfo(name)
            info.size, info.mode = 5, 0o755
            tar.addfile(info, io.BytesIO(b"12345"))
        for name, kind in (("bin", tarfile.SYMTYPE), ("usr/sbin/ip6tables", tarfile.LNKTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "usr/sbin/iptables"
            tar.addfile(info)
    return path


@pytest.fixture
def contents(tmp_path: Path) -> Contents:
    programs = {}
    for name in wanted(catalogue.pod_images(MESH)):
        programs[name] = tmp_path / name
        programs[name].write_text(catalogue.of_slot(name)[0])
        programs[name].chmod(0o755)
    debian(programs["debian-root"])
    images = [
        *catalogue.cluster_images(LISTED.split()),
        *catalogue.pod_images(MESH),
    ]
    return Contents(programs, {name: f"sha of {name}" for name in programs}, images, "1.34.4")


@pytest.fixture
def packed(contents: Contents) -> tarfile.TarFile:
    out = io.BytesIO()
    write_node(out, contents)
    out.seek(0)
    return tarfile.open(fileobj=out)


def text(tar: tarfile.TarFile, name: str) -> str:
    file = tar.extractfile(name)
    assert file is not None
    return file.read().decode()


def test_what_kind_looks_for_is_there(packed: tarfile.TarFile) -> None:
    assert text(packed, "kind/version") == "v1.34.4"
    assert text(packed, "usr/bin/kubelet") == "kubelet"
    assert packed.getmember("usr/bin/kubelet").mode == 0o755
    assert packed.getmember("usr/local/bin/systemctl").mode == 0o755
    assert packed.getmember("opt/cni/bin").linkname == "/usr/lib/cni"


def test_the_agent_lies_beside_what_it_imports(tmp_path: Path) -> None:
    out = io.BytesIO()
    (agent,) = (image for image in catalogue.pod_images({}) if "agent" in image.name)
    write_layer(out, catalogue.layers([agent])[agent.layer], {})
    out.seek(0)
    with tarfile.open(fileobj=out) as tar:
        for member in tar:
            if file := tar.extractfile(member):
                (tmp_path / member.name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / member.name).write_bytes(file.read())
    place = tmp_path / "opt/meshproof"
    # Without packages of this environment: in a pod there are none.
    code = f"import sys; sys.path.insert(0, '{place}/packages'); import h11, h2.connection, hpack"
    LocalShell().run([sys.executable, "-I", "-B", "-S", "-c", code]).checked()
    assert (place / "agent/__main__.py").is_file()


def test_no_name_is_written_twice(packed: tarfile.TarFile) -> None:
    names = packed.getnames()
    assert len(names) == len(set(names))


def test_every_directory_comes_before_what_lies_in_it(packed: tarfile.TarFile) -> None:
    seen = {"."}
    for member in packed:
        assert str(Path(member.name).parent) in seen, member.name
        if member.isdir():
            seen.add(member.name)


def test_the_layer_of_debian_is_made_of_links_to_the_root(packed: tarfile.TarFile) -> None:
    linked = packed.getmember("opt/layers/debian/usr/sbin/iptables")
    assert linked.islnk()
    assert linked.linkname == "usr/sbin/iptables"
    again = packed.getmember("opt/layers/debian/usr/sbin/ip6tables")
    assert (again.islnk(), again.linkname) == (True, "usr/sbin/ip6tables")
    assert packed.getmember("opt/layers/debian/bin").issym()


def test_pods_get_no_devices_of_the_root(packed: tarfile.TarFile) -> None:
    assert "opt/layers/debian/dev" in packed.getnames()
    assert "opt/layers/debian/dev/x" not in packed.getnames()


def test_our_configuration_of_containerd_replaces_debians(packed: tarfile.TarFile) -> None:
    assert 'sandbox_image = "registry.k8s.io/pause:3.10.1"' in text(
        packed, "etc/containerd/config.toml"
    )


def test_proxies_may_write_where_they_keep_their_state(packed: tarfile.TarFile) -> None:
    state = packed.getmember(f"opt/layers/{PROXY}/var/lib/istio/data")
    assert (state.uid, state.isdir()) == (1337, True)
    assert packed.getmember(f"opt/layers/{PROXY}/var/lib/istio").uid == 0


def test_each_image_is_listed_with_a_marker_for_each_layer(packed: tarfile.TarFile) -> None:
    file = packed.extractfile("opt/images.tar")
    assert file is not None
    with tarfile.open(fileobj=file) as markers:
        listed = {
            image["RepoTags"][0]: image for image in json.loads(text(markers, "manifest.json"))
        }
        assert set(LISTED.split()) < set(listed)
        proxy = listed["docker.io/istio/proxyv2:1.32-alpha.eed52ebb"]
        assert proxy["Layers"] == ["debian.tar", f"{PROXY}.tar"]
        config = json.loads(text(markers, proxy["Config"]))
        assert config["config"]["Entrypoint"] == ["/usr/local/bin/pilot-agent"]
        assert config["config"]["User"] == "1337:1337"
        assert len(config["rootfs"]["diff_ids"]) == 2
        assert text(markers, f"{PAUSE_LAYER}.tar").startswith(".layer")


def test_an_image_has_another_digest_if_a_program_in_it_has(contents: Contents) -> None:
    before = contents.of_images()
    changed = {**contents.digests, AGENT: "another"}
    after = Contents(contents.programs, changed, contents.images, contents.kubernetes).of_images()
    differing = {
        name.rpartition("/")[2].split(":")[0] for name in before if before[name] != after[name]
    }
    assert differing == {"proxyv2"}


def test_another_debian_changes_all_images_that_stand_on_it(contents: Contents) -> None:
    before = contents.of_images()
    changed = {**contents.digests, "debian-root": "another"}
    after = Contents(contents.programs, changed, contents.images, contents.kubernetes).of_images()
    same = {name for name in before if before[name] == after[name]}
    assert {catalogue.short(name) for name in same} == {"coredns", "etcd", "pause"}


def test_the_configuration_names_the_pause_image_and_keeps_groups_by_files() -> None:
    config = containerd_config("x/pause:1")
    assert 'sandbox_image = "x/pause:1"' in config
    assert "SystemdCgroup = false" in config

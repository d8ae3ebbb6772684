"""Write the file system of a node image as one tar: each file once, however many images use it."""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from harness.providers.offline.images import catalogue
from harness.providers.offline.images.catalogue import DEBIAN, PAUSE, Layer, PodImage

_LAYERS = "opt/layers"
#: Of these only the directory itself goes into pods: the kernel or the engine fills them.
_EMPTY = ("dev/", "proc/", "run/", "sys/", "tmp/")
_CONTAINERD = "etc/containerd/config.toml"
_LINKS = {"opt/cni/bin": "/usr/lib/cni"}
_DIRECTORIES = ("etc/cni/net.d", "etc/kubernetes/manifests", "kind/manifests", "var/lib/kubelet")
_SYSTEMCTL = "usr/local/bin/systemctl"
_MARKERS = "opt/images.tar"
#: Debian's tar among the artifacts, and the list of what is in it.
ROOT, PACKAGES = "debian-root", "debian-packages"


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything that goes in: files of this machine by slot, the images, the version.

    ``digests`` are those of the files, by the same slots.
    """

    programs: Mapping[str, Path]
    digests: Mapping[str, str]
    images: Sequence[PodImage]
    kubernetes: str

    @property
    def layers(self) -> dict[str, Layer]:
        """Every layer of the images by name, Debian's first."""
        return catalogue.layers(self.images)

    def of_images(self) -> dict[str, str]:
        """Return the digest of each image, as a node will tell it."""
        return {image.name: _digest(self._config(image)) for image in self.images}

    def markers(self) -> bytes:
        """Return the images as an archive that has one marker in place of each layer.

        ``node/store.py`` says what becomes of the markers.
        """
        files: dict[str, bytes] = {}
        listed = []
        for image in self.images:
            config = self._config(image)
            name = f"{_digest(config)}.json"
            blobs = {f"{layer}.tar": self._marker(layer) for layer in self._chain(image)}
            files |= {name: config, **blobs}
            listed.append({"Config": name, "RepoTags": [image.name], "Layers": [*blobs]})
        return _archive({**files, "manifest.json": json.dumps(listed).encode()})

    def _config(self, image: PodImage) -> bytes:
        layers = [self._marker(layer) for layer in self._chain(image)]
        return json.dumps(image_config(image, layers)).encode()

    def _chain(self, image: PodImage) -> list[str]:
        """Return the layers of an image from the lowest to its own."""
        found = [image.layer]
        while beneath := self.layers[found[0]].beneath:
            found.insert(0, beneath)
        return found

    def _marker(self, name: str) -> bytes:
        """Return a layer that says which layer it stands for, and what that holds."""
        layer = self.layers[name]
        lines = [f"{path} {self.digests[program]}" for path, program in layer.programs.items()]
        if name == DEBIAN:
            lines.append(self.digests[ROOT])
        for place, source in layer.tree.items():
            lines += [f"{place}/{p.name} {_digest(p.read_bytes())}" for p in _sources(source)]
        return _archive({".layer": "".join(f"{line}\n" for line in (name, *lines)).encode()})


def write_node(out: IO[bytes], contents: Contents) -> None:
    """Write the tar of a node, ready but for containerd's store, which is made inside."""
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        packer = _Packer(tar)
        packer.debian(contents.programs[ROOT], layer=f"{_LAYERS}/{DEBIAN}")
        for name in catalogue.NODE_PROGRAMS:
            packer.file(f"usr/bin/{name}", contents.programs[name])
        packer.text("kind/version", f"v{contents.kubernetes}")
        packer.text(_CONTAINERD, containerd_config(_pause(contents.images)))
        packer.file(_SYSTEMCTL, catalogue.NODE_SOURCE / "systemctl.py", mode=0o755)
        packer.tree(catalogue.NODE_PLACE, catalogue.NODE_SOURCE)
        for path, target in _LINKS.items():
            packer.link(path, target)
        for path in _DIRECTORIES:
            packer.directory(path)
        for name, layer in contents.layers.items():
            packer.layer(f"{_LAYERS}/{name}", layer, contents.programs)
        packer.data(_MARKERS, contents.markers())


def write_debian(out: IO[bytes], root: Path) -> None:
    """Write Debian's root by itself, for an image of its own."""
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        _Packer(tar).debian(root)


def write_layer(out: IO[bytes], layer: Layer, programs: Mapping[str, Path]) -> None:
    """Write one layer by itself, for an image of its own."""
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        _Packer(tar).layer("", layer, programs)


def image_config(image: PodImage, layers: Sequence[bytes]) -> dict[str, object]:
    """Return the configuration of an image of ``layers`` (tars)."""
    machine = platform.machine()
    run: dict[str, object] = {"Env": [f"PATH={catalogue.PATH}"]}
    if image.source.argv:
        run["Entrypoint"] = list(image.source.argv)
    if image.user:
        run["User"] = image.user
    digests = [f"sha256:{_digest(layer)}" for layer in layers]
    return {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine),
        "os": "linux",
        "config": run,
        "rootfs": {"type": "layers", "diff_ids": digests},
    }


def containerd_config(pause: str) -> str:
    """Return containerd's configuration: no plug-in that costs start-up time and serves nobody.

    A host that lacks a capability may refuse a lower score for the kernel's choice of victims;
    without ``restrict_oom_score_adj`` no pod would start there.
    """
    unused = [f"io.containerd.snapshotter.v1.{n}" for n in ("aufs", "btrfs", "devmapper", "zfs")]
    unused += ["io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"]
    runc = "plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.runc"
    return f"""\
version = 2
disabled_plugins = {json.dumps(unused)}
[plugins.'io.containerd.grpc.v1.cri']
sandbox_image = "{pause}"
restrict_oom_score_adj = true
tolerate_missing_hugetlb_controller = true
[plugins.'io.containerd.grpc.v1.cri'.containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"
[{runc}]
runtime_type = "io.containerd.runc.v2"
[{runc}.options]
SystemdCgroup = false
[plugins.'io.containerd.grpc.v1.cri'.cni]
bin_dir = "/opt/cni/bin"
conf_dir = "/etc/cni/net.d"
"""


def _pause(images: Sequence[PodImage]) -> str:
    return next(image.name for image in images if image.source == PAUSE)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sources(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.py"))


def _archive(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        packer = _Packer(tar)
        for name, data in files.items():
            packer.data(name, data)
    return out.getvalue()


@dataclass(slots=True)
class _Packer:
    """Adds files to a tar, each after the directories above it: engines close those they add."""

    tar: tarfile.TarFile
    known: set[str] = field(default_factory=set)

    def debian(self, root: Path, layer: str = "") -> None:
        """Add Debian's root, and the same again as a layer of links to it if one is named."""
        members = []
        with tarfile.open(root) as source:
            for member in source:
                if member.name == _CONTAINERD:
                    continue
                self.tar.addfile(member, source.extractfile(member) if member.isreg() else None)
                if member.isdir():
                    self.known.add(member.name)
                members.append(member)
        if not layer:
            return
        self.directory(layer)
        for member in members:
            if not member.name.startswith(_EMPTY):
                self.tar.addfile(_linked(member, layer))

    def layer(self, place: str, layer: Layer, programs: Mapping[str, Path]) -> None:
        """Add what a layer has of its own."""
        below = f"{place}/" if place else ""
        if place:
            self.directory(place)
        for path, name in layer.programs.items():
            self.file(below + path, programs[name])
        for path, source in layer.tree.items():
            self.tree(below + path, source)
        for path in layer.writable:
            self.directory(below + path, owner=layer.owner)

    def directory(self, path: str, *, owner: int = 0) -> None:
        """Add a directory and those above it, each once."""
        if path in ("", ".") or path in self.known:
            return
        self.directory(str(Path(path).parent))
        self.known.add(path)
        info = _info(path, mode=0o755)
        info.type, info.uid, info.gid = tarfile.DIRTYPE, owner, owner
        self.tar.addfile(info)

    def file(self, path: str, source: Path, *, mode: int = 0) -> None:
        """Add a file of this machine, executable if it is so here."""
        self.directory(str(Path(path).parent))
        info = _info(path, mode=mode or (0o755 if source.stat().st_mode & 0o100 else 0o644))
        info.size = source.stat().st_size
        with source.open("rb") as file:
            self.tar.addfile(info, file)

    def tree(self, path: str, source: Path) -> None:
        """Add the Python sources directly in a directory."""
        for file in _sources(source):
            self.file(f"{path}/{file.name}", file, mode=0o644)

    def text(self, path: str, text: str) -> None:
        """Add a file of these words."""
        self.data(path, text.encode())

    def data(self, path: str, data: bytes) -> None:
        """Add a file of these bytes."""
        self.directory(str(Path(path).parent))
        info = _info(path, mode=0o644)
        info.size = len(data)
        self.tar.addfile(info, io.BytesIO(data))

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self.directory(str(Path(path).parent))
        info = _info(path, mode=0o777)
        info.type, info.linkname = tarfile.SYMTYPE, target
        self.tar.addfile(info)


def _info(path: str, *, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.mode = mode
    return info


def _linked(member: tarfile.TarInfo, layer: str) -> tarfile.TarInfo:
    """Return the member of the layer that is the same file, or the like of what is no file."""
    info = tarfile.TarInfo(f"{layer}/{member.name}")
    info.mode, info.mtime, info.uid, info.gid = member.mode, member.mtime, member.uid, member.gid
    info.type, info.linkname = member.type, member.linkname
    if member.isreg() or member.islnk():
        info.type, info.linkname = tarfile.LNKTYPE, member.name
    return info

"""From a container's manifest to its config: command, variables, mounts, user."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.kube import Manifest
from harness.providers.podrunner.bubblewrap import ContainerConfig, Mount
from harness.providers.podrunner.config import Image, NodeConfig
from harness.providers.podrunner.containers import Container
from harness.providers.podrunner.environment import (
    BASE,
    api_server_variables,
    environment,
    expand,
    service_variables,
)
from harness.providers.podrunner.hostfiles import HostFiles
from harness.providers.podrunner.object_cache import ObjectCache
from harness.providers.podrunner.pod_api import Refused
from harness.providers.podrunner.pod_sandbox import PodSandbox
from harness.providers.podrunner.security_context import identity


class ImageNotFound(Exception):  # noqa: N818 - the pod's problem, told in its status
    """No program stands for an image."""


@dataclass(frozen=True, slots=True)
class ContainerConfigs:
    """Makes the configs of containers on this node."""

    config: NodeConfig
    objects: ObjectCache

    def generate(self, container: Container, sandbox: PodSandbox) -> ContainerConfig:
        """Return everything about one start of a container.

        Raises :class:`ImageNotFound`, :class:`Unavailable` (a variable's source is missing) or
        :class:`Refused`.
        """
        image = self._image(container)
        manifest = container.manifest
        env = environment(manifest, sandbox.pod_info, self.objects, self._inherited(image, sandbox))
        files = HostFiles(sandbox.pod, sandbox.address, self.config.dns, self.config.domain)
        env.setdefault("HOSTNAME", files.hostname)
        assert sandbox.network is not None  # created before any container is started
        return ContainerConfig(
            argv=_argv(manifest, image, env),
            env=env,
            cwd=manifest.get("workingDir") or "/",
            image=image,
            mounts=_with_mount_points(tuple(_mounts(manifest, sandbox, env))),
            etc=sandbox.etc,
            hostname=files.hostname,
            identity=identity(sandbox.pod, manifest, image.user),
            netns=sandbox.network.path,
            termination_message=_empty_file(sandbox.termination_message(container.name)),
            termination_path=manifest.get("terminationMessagePath") or "/dev/termination-log",
        )

    def _image(self, container: Container) -> Image:
        image = self.config.image(container.image)
        if image is None:
            known = ", ".join(sorted(self.config.images))
            raise ImageNotFound(
                f"no program stands for image {container.image!r} on the embedded node; "
                f"it has: {known}"
            )
        return image

    def _inherited(self, image: Image, sandbox: PodSandbox) -> dict[str, str]:
        inherited = {**BASE, **image.env, **api_server_variables(self.config.api_service)}
        if sandbox.pod["spec"].get("enableServiceLinks") is False:
            return inherited
        services = self.objects.services(sandbox.pod["metadata"]["namespace"])
        return service_variables(services) | inherited


def _argv(manifest: Manifest, image: Image, env: Mapping[str, str]) -> tuple[str, ...]:
    command = manifest.get("command")
    entry = tuple(expand(word, env) for word in command) if command else image.argv
    return (*entry, *(expand(word, env) for word in manifest.get("args") or []))


def _mounts(manifest: Manifest, sandbox: PodSandbox, env: Mapping[str, str]) -> Iterator[Mount]:
    for item in manifest.get("volumeMounts") or []:
        read_only = sandbox.volumes.read_only(item["name"])
        sub_path = expand(item.get("subPathExpr") or "", env) or item.get("subPath") or ""
        source = sandbox.volumes.path(item["name"])
        if sub_path:
            source = _sub_path(source, sub_path, read_only=read_only)
        yield Mount(source, item["mountPath"], read_only or bool(item.get("readOnly")))


def _with_mount_points(mounts: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """Make the mount point of each mount within another one, which may be read-only later."""
    for inner in mounts:
        target = PurePosixPath(inner.target)
        around = [item for item in mounts if PurePosixPath(item.target) in target.parents]
        if around:
            outer = max(around, key=lambda item: len(PurePosixPath(item.target).parts))
            point = outer.source / target.relative_to(outer.target)
            (point if inner.source.is_dir() else point.parent).mkdir(parents=True, exist_ok=True)
            if not inner.source.is_dir():
                point.touch()
    return mounts


def _sub_path(volume: Path, path: str, *, read_only: bool) -> Path:
    """Return a part of a volume as it is now: such a mount does not follow later changes."""
    inner = (volume / path).resolve()
    if not inner.is_relative_to(volume.resolve()):
        raise Refused(f"subPath {path!r} leads out of its volume")
    if read_only and not inner.exists():
        raise Refused(f"subPath {path!r} is not in its volume")
    if not inner.exists():
        inner.mkdir(parents=True)
        inner.chmod(0o777)
    return inner


def _empty_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    path.chmod(0o666)
    return path

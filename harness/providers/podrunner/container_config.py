"""From a container's manifest to a start: variables, mounts, command, user."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.kube import Manifest
from harness.providers.podrunner.config import Image, NodeConfig
from harness.providers.podrunner.containers import Container
from harness.providers.podrunner.environment import (
    BASE,
    api_server,
    environment,
    expand,
    neighbours,
)
from harness.providers.podrunner.hostfiles import Naming
from harness.providers.podrunner.object_cache import ObjectCache
from harness.providers.podrunner.pod_sandbox import PodSandbox
from harness.providers.podrunner.sandbox import Launch, Mount
from harness.providers.podrunner.security_context import identity
from harness.providers.podrunner.volumes import Refused


class NoSuchImage(Exception):  # noqa: N818 - the pod's problem, told in its status
    """Nobody knows a program for an image."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """Prepares starts on this node."""

    config: NodeConfig
    objects: ObjectCache

    def launch(self, container: Container, sandbox: PodSandbox) -> Launch:
        """Return everything about a start.

        Raises :class:`NoSuchImage`, :class:`Unavailable` (a variable's source is missing) or
        :class:`Refused`.
        """
        image = self._image(container)
        manifest = container.manifest
        env = environment(manifest, sandbox.facts, self.objects, self._around(image, sandbox))
        words = manifest.get("terminationMessagePath") or "/dev/termination-log"
        naming = Naming(sandbox.pod, sandbox.address, self.config.dns, self.config.domain)
        env.setdefault("HOSTNAME", naming.hostname)
        assert sandbox.network is not None  # laid before any container is started
        return Launch(
            argv=_argv(manifest, image, env),
            env=env,
            cwd=manifest.get("workingDir") or "/",
            image=image,
            mounts=_with_places(tuple(_mounts(manifest, sandbox, env))),
            etc=sandbox.etc,
            hostname=naming.hostname,
            identity=identity(sandbox.pod, manifest, image.user),
            netns=sandbox.network.path,
            termination_message=_empty(sandbox.termination_message(container.name)),
            termination_path=words,
        )

    def _image(self, container: Container) -> Image:
        image = self.config.image(container.image)
        if image is None:
            known = ", ".join(sorted(self.config.images))
            raise NoSuchImage(
                f"no program stands for image {container.image!r} on the embedded node; "
                f"it has: {known}"
            )
        return image

    def _around(self, image: Image, sandbox: PodSandbox) -> dict[str, str]:
        around = {**BASE, **image.env, **api_server(self.config.api_service)}
        if sandbox.pod["spec"].get("enableServiceLinks") is False:
            return around
        services = self.objects.services(sandbox.pod["metadata"]["namespace"])
        return neighbours(services) | around


def _argv(manifest: Manifest, image: Image, env: Mapping[str, str]) -> tuple[str, ...]:
    own = manifest.get("command")
    entry = tuple(expand(word, env) for word in own) if own else image.argv
    return (*entry, *(expand(word, env) for word in manifest.get("args") or []))


def _mounts(manifest: Manifest, sandbox: PodSandbox, env: Mapping[str, str]) -> Iterator[Mount]:
    for item in manifest.get("volumeMounts") or []:
        fixed = sandbox.read_only(item["name"])
        below = expand(item.get("subPathExpr") or "", env) or item.get("subPath") or ""
        source = sandbox.volume(item["name"])
        if below:
            source = _below(source, below, fixed=fixed)
        yield Mount(source, item["mountPath"], fixed or bool(item.get("readOnly")))


def _with_places(mounts: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """Make the place of each mount that lies within another one: that one may be read-only."""
    for inner in mounts:
        for outer in mounts:
            within = PurePosixPath(inner.target)
            if inner is not outer and within.is_relative_to(outer.target):
                place = outer.source / within.relative_to(outer.target)
                if inner.source.is_dir():
                    place.mkdir(parents=True, exist_ok=True)
                else:
                    place.touch()
    return mounts


def _nested(mounts: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """Make room for mounts that lie within another one: nothing can be made in it later."""
    for inner in mounts:
        path = PurePosixPath(inner.target)
        around = [item for item in mounts if PurePosixPath(item.target) in path.parents]
        if around:
            outer = max(around, key=lambda item: len(item.target))
            place = outer.source / path.relative_to(outer.target)
            if inner.source.is_dir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()
    return mounts


def _below(volume: Path, path: str, *, fixed: bool) -> Path:
    """Return a part of a volume as it is now: such a mount does not follow later changes."""
    inner = (volume / path).resolve()
    if not inner.is_relative_to(volume.resolve()):
        raise Refused(f"subPath {path!r} leads out of its volume")
    if fixed and not inner.exists():
        raise Refused(f"subPath {path!r} is not in its volume")
    if not inner.exists():
        inner.mkdir(parents=True)
        inner.chmod(0o777)
    return inner


def _empty(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    path.chmod(0o666)
    return path

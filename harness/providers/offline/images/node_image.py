"""Make a node image in the engine: one import, one short run inside it, one commit; tag last."""

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from harness.artifacts import space
from harness.artifacts.manifest import Artifact
from harness.model import MachineError, ToolError
from harness.phases import Phases
from harness.providers.offline.images import catalogue
from harness.providers.offline.images.labels import (
    CONTENTS,
    IMAGE,
    RECIPE,
    Inside,
    inside,
    part_here,
)
from harness.providers.offline.images.recipe import NODE, Recipe, wanted
from harness.providers.offline.images.rootfs import Contents, write_node
from harness.shell import LocalShell
from harness.tools.kubeadm import Kubeadm

if TYPE_CHECKING:
    import docker

_CHUNK = 1 << 20
#: Disk space that a node image takes while it is made.
_MEGABYTES = 2500
#: Node images by other recipes that stay: somebody may go back to the one before.
_KEPT = 1
#: Seconds that it takes on two cores, and that the run inside may take.
_SECONDS = 15
_PATIENCE = 120
_FIRST = ["/usr/bin/python3", "-I", "-B", f"/{catalogue.NODE_PLACE}"]


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes images by one recipe on one engine."""

    client: "docker.DockerClient"
    recipe: Recipe
    phases: Phases

    def node(self) -> str:
        """Make the node image, and return its name. Interrupted, it leaves nothing of use."""
        found = catalogue.filled(wanted(self.recipe.pods), self.phases, self.recipe.versions)
        contents = self._contents(found)
        check_space(self.client)
        self.sweep()
        self.phases.say(f"to be made: {self.recipe.node}; about {_SECONDS} s")
        try:
            with self.phases.phase("node image: files"):
                part = self.imported(lambda out: write_node(out, contents))
            with self.phases.phase("node image: containerd's store"):
                self._completed(part, inside(found, contents.of_images()))
        finally:
            self.sweep()
        self._forget()
        return self.recipe.node

    def sweep(self) -> None:
        """Remove what interrupted makers left here: containers and images without a name."""
        mine = {"label": f"{IMAGE}={part_here()}"}
        for container in self.client.containers.list(all=True, filters=mine):
            container.remove(force=True, v=True)
        self.client.images.prune(filters={"dangling": True, **mine})

    def imported(self, write: Callable[[IO[bytes]], None]) -> str:
        """Return the id of an image, without a name, of the tar that ``write`` writes."""
        changes = [f"ENV PATH={catalogue.PATH} container=docker", f"LABEL {IMAGE}={part_here()}"]
        with streamed(write) as chunks:
            said = self.client.api.import_image_from_stream(chunks, changes=changes)
        last = json.loads(said.strip().splitlines()[-1])
        if "error" in last:
            raise MachineError(f"the engine refused an image: {last['error']}")
        return str(last["status"])

    def _contents(self, found: Mapping[str, Artifact]) -> Contents:
        kubernetes = self.recipe.kubernetes
        listed = Kubeadm(found["kubeadm"].path, LocalShell()).images(kubernetes)
        return Contents(
            programs={name: artifact.path for name, artifact in found.items()},
            digests={name: artifact.program.sha256 for name, artifact in found.items()},
            images=[*catalogue.cluster_images(listed), *self.recipe.pods],
            kubernetes=kubernetes,
        )

    def _completed(self, part: str, inside: Inside) -> None:
        """Fill containerd's store, and give the image its name."""
        container = self.client.containers.create(
            part,
            entrypoint=_FIRST,
            command=["store"],
            labels={IMAGE: part_here()},
            network_mode="none",
            privileged=True,
            tmpfs={"/run": "", "/store": ""},
        )
        try:
            finish(container, ("containerd, in", self.recipe.node), _PATIENCE)
            labels = {IMAGE: "node", RECIPE: self.recipe.digest, CONTENTS: inside.dump()}
            container.commit(
                NODE,
                self.recipe.tag,
                changes=[f"ENTRYPOINT {json.dumps(_FIRST)}", "CMD []"],
                conf={"Labels": labels, "StopSignal": "SIGRTMIN+3"},
            )
        finally:
            container.remove(force=True, v=True)

    def _forget(self) -> None:
        """Remove node images by older recipes, unless a container was made of them."""
        import docker

        made = self.client.images.list(name=NODE, filters={"label": f"{IMAGE}=node"})
        others = [image for image in made if image.labels.get(RECIPE) != self.recipe.digest]
        others.sort(key=lambda image: str(image.attrs["Created"]), reverse=True)
        for image in others[_KEPT:]:
            with suppress(docker.errors.APIError):  # in use
                for tag in image.tags:
                    self.client.images.remove(tag)


def finish(
    container: "docker.models.containers.Container", what: Sequence[str], seconds: float
) -> None:
    """Run a container to its end; raises :class:`ToolError` with its last words if it fails."""
    import requests

    container.start()
    try:
        code = container.wait(timeout=seconds)["StatusCode"]
    except requests.exceptions.RequestException:  # the SDK's way to say that it took too long
        code = 124
    if code != 0:
        raise ToolError(what, code, container.logs(tail=40).decode(errors="replace"))


def check_space(client: "docker.DockerClient") -> None:
    """Raise :class:`MachineError` unless the engine's disk, if it is this machine's, has room."""
    root = Path(client.info()["DockerRootDir"])
    if root.is_dir() and (room := space.free(root)) < _MEGABYTES:
        lacks = f"{room / 1000:.1f} GB free for {root}, images need {_MEGABYTES / 1000:.1f} GB"
        raise MachineError(lacks, "make room, or `docker image prune`")


@contextmanager
def streamed(write: Callable[[IO[bytes]], None]) -> Iterator[Iterator[bytes]]:
    """Lend what ``write`` writes as chunks; nothing is kept. Its failure is raised on leaving."""
    inlet, outlet = os.pipe()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with os.fdopen(outlet, "wb", buffering=_CHUNK) as out:
                write(out)
        except BaseException as error:  # noqa: BLE001 - raised in the other thread
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    with os.fdopen(inlet, "rb", buffering=_CHUNK) as source:
        try:
            yield iter(lambda: source.read(_CHUNK), b"")
        finally:
            source.close()
            thread.join()
    broken = [error for error in failed if not isinstance(error, BrokenPipeError)]
    if broken:
        raise broken[0]

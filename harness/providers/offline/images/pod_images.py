"""Images of pods one by one, for nodes that are not made here and so do not hold them."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from harness import artifacts
from harness.artifacts import debian, supply
from harness.artifacts.manifest import Artifact
from harness.providers.offline.images.catalogue import PATH, PodImage, filled, layers
from harness.providers.offline.images.labels import (
    CONTENTS,
    IMAGE,
    RECIPE,
    Inside,
    part_here,
    telling,
)
from harness.providers.offline.images.node_image import Maker, finish
from harness.providers.offline.images.recipe import HELPER
from harness.providers.offline.images.registry import Registry, present
from harness.providers.offline.images.rootfs import PACKAGES, ROOT, write_debian, write_layer

if TYPE_CHECKING:
    import docker

#: What a Debian root is made of where no root may be made here.
_PUBLIC = "debian:bookworm-slim"
_PACKAGES = "python3 iptables iproute2 conntrack ca-certificates"
#: A mirror's own image may have them all already.
_COMPLETE = f"""
set -e
if ! command -v python3 iptables ip conntrack >/dev/null; then
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends {_PACKAGES} >/dev/null
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*
fi
grep -q ^istio-proxy: /etc/passwd || {{
    echo 'istio-proxy:x:1337:1337::/home/istio-proxy:/usr/sbin/nologin' >>/etc/passwd
    echo 'istio-proxy:x:1337:' >>/etc/group
}}
"""
_PATIENCE = 600


@dataclass
class Singles:
    """Makes what is missing; each image says by a label which recipe it is of."""

    maker: Maker
    registry: Registry

    @property
    def helper(self) -> str:
        """The name of the image beneath all others: Python, iptables, ip."""
        return f"{HELPER}:{self.maker.recipe.tag}"

    def base(self) -> str:
        """Make the helper image: of Debian's packages if that can be done here, or of a
        registry's image of Debian."""
        if present(self.maker.client, self.helper):
            return self.helper
        try:
            with self.maker.phases.phase("helper image"):
                if self._rooted:
                    self._of_packages()
                else:
                    self._of_registry()
        finally:
            self.maker.sweep()
        return self.helper

    def pod(self, image: PodImage) -> str:
        """Make an image that pods name; return the name that it has in the engine."""
        client, recipe = self.maker.client, self.maker.recipe
        name = image.name.removeprefix("docker.io/")
        if present(client, name) and client.images.get(name).labels.get(RECIPE) == recipe.digest:
            return name
        layer = layers([image])[image.layer]
        found = filled([*layer.programs.values()], self.maker.phases, recipe.versions)
        tar = io.BytesIO()
        write_layer(tar, layer, {name: artifact.path for name, artifact in found.items()})
        container = client.containers.create(
            self.base(), command=["true"], labels={IMAGE: part_here()}
        )
        try:
            container.put_archive("/", tar.getvalue())
            entry = [f"ENTRYPOINT {json.dumps(list(image.source.argv))}", "CMD []"]
            user = [f"USER {image.user}"] if image.user else []
            labels = self._labels(image.layer, list(found.values()))
            self._commit(container, name, [*entry, *user], labels)
        finally:
            container.remove(force=True, v=True)
        return name

    @cached_property
    def _rooted(self) -> bool:
        """Whether Debian's root is there, or can be made here."""
        return bool(supply.present([ROOT], self.maker.recipe.versions)) or not debian.lacks()

    def _of_packages(self) -> None:
        """Import the root, and commit it once more: only then may an image have labels."""
        names = (ROOT, PACKAGES)
        found = artifacts.ensure(names, self.maker.phases, self.maker.recipe.versions)
        part = self.maker.imported(lambda out: write_debian(out, found[ROOT].path))
        container = self.maker.client.containers.create(
            part, command=["true"], labels={IMAGE: part_here()}
        )
        packages = telling(found[PACKAGES].path.read_text("utf-8").splitlines())
        try:
            labels = self._labels("helper", [found[ROOT]], packages)
            self._commit(container, self.helper, ["CMD []"], labels)
        finally:
            container.remove(force=True, v=True)

    def _of_registry(self) -> None:
        """Add the packages to a registry's Debian; its container needs a way to packages."""
        name = self.registry.pulled(_PUBLIC, self.maker.phases)
        container = self.maker.client.containers.create(
            name, entrypoint=["sh", "-c", _COMPLETE], labels={IMAGE: part_here()}
        )
        try:
            finish(container, ("apt-get, in", name), _PATIENCE)
            labels = self._labels("helper", [], f"{_PACKAGES} on {name}")
            self._commit(
                container, self.helper, [f"ENV PATH={PATH}", "ENTRYPOINT []", "CMD []"], labels
            )
        finally:
            container.remove(force=True, v=True)

    def _labels(self, which: str, found: Sequence[Artifact], packages: str = "") -> dict[str, str]:
        programs = tuple(artifact.program for artifact in found)
        inside = Inside(programs, {}, packages)
        digest = self.maker.recipe.digest
        return {IMAGE: which, RECIPE: digest, CONTENTS: inside.dump()}

    def _commit(
        self,
        container: "docker.models.containers.Container",
        name: str,
        changes: Sequence[str],
        labels: dict[str, str],
    ) -> None:
        repository, _, tag = name.rpartition(":")
        container.commit(repository, tag, changes=list(changes), conf={"Labels": labels})

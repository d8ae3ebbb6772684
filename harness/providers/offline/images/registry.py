"""A registry of images, asked through the engine, which has its own ways and credentials."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.model import MachineError
from harness.phases import Phases

if TYPE_CHECKING:
    import docker

#: Seconds for the one question whether a registry is there at all.
_PATIENCE = 5
#: Seconds for an image to come.
_PULL = 900


@dataclass(frozen=True, slots=True)
class Registry:
    """``prefix`` leads to a mirror; empty is the engine's own default."""

    client: "docker.DockerClient"
    prefix: str = ""

    def name(self, image: str) -> str:
        """Return what this registry calls a public image."""
        return f"{self.prefix}/{image}" if self.prefix else image

    def trouble(self, image: str) -> str:
        """Ask once for ``image``; say why it cannot be had, or nothing."""
        import docker
        import requests

        try:
            with _patient(self.client, _PATIENCE):
                self.client.images.get_registry_data(self.name(image))
        except docker.errors.APIError as error:
            return str(error.explanation or error)
        except requests.exceptions.RequestException:
            return f"no answer within {_PATIENCE} s"
        return ""

    def pulled(self, image: str, phases: Phases) -> str:
        """Pull ``image`` unless it is there; return its name. Says which one could not be had."""
        import docker
        import requests

        name = self.name(image)
        if present(self.client, name):
            return name
        try:
            with phases.phase(f"pull {name}"), _patient(self.client, _PULL):
                self.client.images.pull(name)
        except (docker.errors.APIError, requests.exceptions.RequestException) as error:
            remedy = "set MESHPROOF_REGISTRY to a mirror that has it, or MESHPROOF_IMAGES=here"
            raise MachineError(f"the image {name} could not be pulled: {error}", remedy) from error
        return name


def present(client: "docker.DockerClient", name: str) -> bool:
    """Say whether the engine has an image of this name."""
    import docker

    try:
        client.images.get(name)
    except docker.errors.ImageNotFound:
        return False
    return True


@contextmanager
def _patient(client: "docker.DockerClient", seconds: float) -> Iterator[None]:
    before = client.api.timeout
    client.api.timeout = seconds
    try:
        yield
    finally:
        client.api.timeout = before

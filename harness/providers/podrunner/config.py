"""The pod runner's configuration file (a node, its images), written by the embedded provider."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from harness.model.images import plain


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Image(_Strict):
    """The program that an image name stands for.

    ``argv`` is the entry point (a container's ``command`` replaces it, ``args`` follow it),
    ``binds`` maps paths in the container to files or directories of this machine (read-only;
    all of ``/usr`` is there anyway), ``writable`` names directories that any user may write
    to, ``user`` is who runs it when the pod does not say.
    """

    argv: tuple[str, ...]
    binds: dict[str, str] = {}
    writable: tuple[str, ...] = ()
    env: dict[str, str] = {}
    user: int = 0


class Capacity(_Strict):
    """What the node advertises: plenty, so that the scheduler never refuses."""

    cpu: str = "64"
    memory: str = "64Gi"
    pods: str = "500"


class NodeConfig(_Strict):
    """Everything a node needs. All paths are those inside the lab.

    ``cluster_pods`` is the pod range of the whole cluster, ``pods`` this node's part of it: the
    bridge ``bridge`` exists already, holds its first address and leads to the rest.
    ``api_service`` is the ClusterIP of ``kubernetes.default``, ``dns`` that of cluster DNS.
    ``state`` is a directory of this node's own. ``serving_cert`` and ``serving_key`` are for
    the node's HTTPS port, where only holders of a certificate of ``client_ca`` may ask.
    An image is looked up in ``images`` by its name (without digest and ``docker.io/``), then by
    the last part of that without its tag.
    """

    cluster: str
    node: str
    address: str
    pods: str
    cluster_pods: str
    dns: str
    domain: str
    api_service: str
    kubeconfig: Path
    state: Path
    serving_cert: Path
    serving_key: Path
    client_ca: Path
    images: dict[str, Image]
    region: str | None = None
    zone: str | None = None
    labels: dict[str, str] = {}
    bridge: str = "cni0"
    port: int = 10250
    capacity: Capacity = Capacity()
    log_limit: int = 20 * 1024 * 1024

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file that :meth:`write` wrote."""
        return cls.model_validate_json(path.read_bytes())

    def write(self, path: Path) -> None:
        """Write the file that :meth:`read` reads."""
        path.write_text(self.model_dump_json(indent=1))

    def image(self, name: str) -> Image | None:
        """Return the program behind an image's full name, or ``None`` if nobody knows it."""
        full = plain(name)
        short = full.rsplit("/", 1)[-1].split(":", 1)[0]
        return self.images.get(full) or self.images.get(short)

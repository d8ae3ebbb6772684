"""What a supervisor is told to build: plain data, worked out before anything starts."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

#: The namespace that joins the networks of a lab.
ROUTER = "router"


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Namespace(_Told):
    """A network namespace: kernel settings, ``ip`` commands, packet filter tables."""

    name: str
    sysctls: Mapping[str, str] = {}
    ip: tuple[str, ...] = ()
    tables: str = ""


class Daemon(_Told):
    """A program that goes on in a namespace.

    ``stage`` groups what is started together. ``listener`` names an inherited listening socket,
    whose descriptor becomes the program's last argument. ``lasting``: it is started again when
    it ends, as a kubelet would; what checks kill on purpose is not.
    """

    name: str
    namespace: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = {}
    stage: str = ""
    listener: str = ""
    lasting: bool = False


class LabSpec(_Told):
    """A lab: directories on its own file system, links, namespaces, programs."""

    directories: tuple[str, ...]
    links: tuple[str, ...]
    namespaces: tuple[Namespace, ...]
    daemons: tuple[Daemon, ...]

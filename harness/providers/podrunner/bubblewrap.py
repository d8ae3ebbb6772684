"""The bubblewrap command line of a container: root, mounts, capabilities, user.

The root is empty but for the machine's ``/usr`` (read-only), the image's files, the pod's
volumes and the few files of ``/etc`` that programs look for. Network: the pod's namespace.
Processes: a namespace of its own, in which the program is process 1, as in any container.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.providers.podrunner.config import Image
from harness.providers.podrunner.security_context import Identity

#: ProbeFinished up here: in the container's environment PATH means something else.
_NSENTER = shutil.which("nsenter") or "/usr/bin/nsenter"
_BWRAP = shutil.which("bwrap") or "/usr/bin/bwrap"
_SETPRIV = shutil.which("setpriv") or "/usr/bin/setpriv"
_SYSTEM_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
#: Files of the machine that programs of the machine need (iptables' links, certificates).
_SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/pki",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
)
_POD_FILES = ("group", "hostname", "hosts", "passwd", "resolv.conf")


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or directory of the pod's, shown in a container."""

    source: Path
    target: str
    read_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerConfig:
    """Everything about one start of one container."""

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: str
    image: Image
    mounts: tuple[Mount, ...]
    etc: Path
    hostname: str
    identity: Identity
    netns: str
    termination_message: Path
    termination_path: str = "/dev/termination-log"


def command(config: ContainerConfig, info_fd: int) -> list[str]:
    """Return the whole command; bubblewrap writes the program's pid to ``info_fd``."""
    return [
        *(_NSENTER, f"--net={config.netns}", "--"),
        *(_BWRAP, "--die-with-parent", "--as-pid-1", "--info-fd", str(info_fd)),
        *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", config.hostname),
        *_capabilities(config.identity),
        *_root(),
        *_etc(config.etc),
        *_image(config.image),
        *_mounts(config.mounts),
        *("--bind", str(config.termination_message), config.termination_path),
        *("--chdir", config.cwd),
        "--",
        *as_user(config.identity),
        *config.argv,
    ]


def machine(hostname: str, image: Image, info_fd: int, argv: Sequence[str]) -> list[str]:
    """Return the command of a machine of its own, whose first process is ``argv``.

    Unlike a container it has no files of a pod: its ``/etc`` is written from inside.
    """
    return [
        *(_BWRAP, "--die-with-parent", "--as-pid-1", "--info-fd", str(info_fd)),
        *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", hostname),
        *_root(),
        *_system_files(),
        *_image(image),
        *("--chdir", "/", "--"),
        *argv,
    ]


def as_user(identity: Identity) -> list[str]:
    """Return the prefix that turns the superuser into somebody else."""
    if identity.root:
        return []
    groups = ",".join(str(item) for item in identity.groups)
    more = ["--groups", groups] if groups else ["--clear-groups"]
    user = ["--reuid", str(identity.user), "--regid", str(identity.group)]
    return [_SETPRIV, *user, *more, "--"]


def exec_command(pid: int, identity: Identity, argv: Sequence[str]) -> list[str]:
    """Return the command that runs ``argv`` beside the container's process ``pid``."""
    return [*beside(pid), *as_user(identity), *argv]


def beside(pid: int) -> list[str]:
    """Return the prefix that runs a program as the superuser where the process ``pid`` is."""
    enter = [_NSENTER, "--target", str(pid), "--mount", "--uts", "--ipc", "--net", "--pid"]
    return [*enter, "--root", "--wd", "--"]


def _capabilities(identity: Identity) -> Iterator[str]:
    yield from ("--cap-drop", "ALL")
    for name in sorted(identity.capabilities):
        yield from ("--cap-add", name)


def _root() -> Iterator[str]:
    yield from ("--tmpfs", "/", "--ro-bind", "/usr", "/usr")
    for name in _SYSTEM_LINKS:
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    yield from ("--proc", "/proc", "--dev", "/dev", "--dir", "/etc", "--dir", "/var")
    yield from ("--perms", "1777", "--tmpfs", "/tmp")  # noqa: S108 - the container's own
    yield from ("--perms", "0755", "--tmpfs", "/run", "--symlink", "../run", "/var/run")
    yield from ("--dir", "/root", "--dir", "/opt", "--dir", "/home")


def _system_files() -> Iterator[str]:
    for path in _SYSTEM_FILES:
        yield from _parents(path)
        yield from ("--ro-bind-try", path, path)


def _etc(files: Path) -> Iterator[str]:
    yield from _system_files()
    for name in _POD_FILES:
        yield from ("--ro-bind", str(files / name), f"/etc/{name}")


def _image(image: Image) -> Iterator[str]:
    hidden: set[str] = set()
    for target, source in image.binds.items():
        parent = str(PurePosixPath(target).parent)
        # Nothing can be made in the machine's /usr; a directory there is replaced instead.
        if target.startswith("/usr/") and not Path(target).exists() and parent not in hidden:
            hidden.add(parent)
            yield from ("--tmpfs", parent)
        yield from _parents(target)
        yield from ("--ro-bind", source, target)
    for target in image.writable:
        yield from _parents(target)
        yield from ("--perms", "0777", "--tmpfs", target)


def _mounts(mounts: Sequence[Mount]) -> Iterator[str]:
    # Shorter paths first, so that a mount never hides another one beneath it.
    for mount in sorted(mounts, key=lambda item: len(PurePosixPath(item.target).parts)):
        target = mount.target
        if target.startswith("/var/run/"):
            target = target.removeprefix("/var")
        yield from _parents(target)
        yield from ("--ro-bind" if mount.read_only else "--bind", str(mount.source), target)


def _parents(target: str) -> Iterator[str]:
    """Make each parent by name: bubblewrap's own are closed to anybody but root."""
    for parent in reversed(PurePosixPath(target).parents):
        inner = str(parent)
        if inner != "/" and not inner.startswith("/usr"):
            yield from ("--dir", inner)

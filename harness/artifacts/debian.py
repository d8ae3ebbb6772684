"""A small Debian root, from the mirror that this machine's apt uses."""

import os
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.artifacts.progress import Bench
from harness.artifacts.recipes import Made
from harness.model import MachineError
from harness.shell import LocalShell
from harness.tools.apt import Apt, Source
from harness.tools.debootstrap import Debootstrap

#: What neither a node nor a pod reads, as patterns below the root. What lies in ``/var`` costs
#: most: each node gets a copy of it.
_UNREAD = (
    *("boot", "etc/apt", "etc/dpkg", "etc/hostname", "etc/resolv.conf", "home", "media", "mnt"),
    *("srv", "usr/bin/apt*", "usr/bin/containerd-s[!h]*", "usr/bin/containerd-shim"),
    *("usr/bin/containerd-shim-runc-v1", "usr/bin/dpkg*", "usr/bin/localedef", "usr/bin/perl*"),
    *("usr/lib/*-linux-gnu/gconv", "usr/lib/*-linux-gnu/perl-base", "usr/lib/apt"),
    "usr/lib/cni/[!hlp]*",  # kind's own nodes have host-local, loopback, portmap and ptp, too
    *("usr/lib/python3.*/ensurepip", "usr/lib/python3.*/idlelib", "usr/lib/python3.*/lib2to3"),
    *("usr/lib/python3.*/pydoc_data", "usr/lib/python3.*/test", "usr/lib/python3.*/tkinter"),
    *("usr/share/doc", "usr/share/i18n", "usr/share/info", "usr/share/lintian"),
    *("usr/share/locale", "usr/share/man", "usr/share/perl5", "usr/share/zoneinfo"),
    *("var/cache/*", "var/lib/apt", "var/lib/dpkg", "var/log/*"),
)
#: The account of proxies, as images of Istio have it.
_ACCOUNT = "istio-proxy:x:1337:1337::/home/istio-proxy:/usr/sbin/nologin\n"


@dataclass(frozen=True, slots=True)
class Debian:
    """``packages`` and what they depend on, without what nobody reads in a container."""

    suite: str
    packages: tuple[str, ...]
    unread: tuple[str, ...] = _UNREAD
    account: str = _ACCOUNT

    def make(self, bench: Bench) -> Made:
        """Install, prune and pack; wants root, debootstrap and an apt that knows Debian."""
        if missing := lacks():
            raise MachineError("; ".join(missing))
        apt = Apt(LocalShell())
        url = mirror_of(apt.sources())
        root = bench.place / "root"
        Debootstrap(bench.shell(), apt.proxy()).minimal(self.suite, root, url, self.packages)
        packages = bench.place / "debian-packages"
        packages.write_text("".join(f"{line}\n" for line in _installed(root)))
        for pattern in self.unread:
            for path in root.glob(pattern):
                _remove(path)
        _append(root / "etc/passwd", self.account)
        _append(root / "etc/group", "istio-proxy:x:1337:\n")
        packed = bench.place / "debian-root"
        _pack(root, packed)
        shutil.rmtree(root)
        source = f"debootstrap of {self.suite}, packages of Debian"
        return Made({"debian-root": packed, "debian-packages": packages}, source)


def lacks() -> list[str]:
    """Say what this machine lacks to make a root, each with its remedy; empty if nothing."""
    missing = []
    if os.geteuid() != 0:
        missing.append("a Debian root is made by root only (run `meshproof images build` as root)")
    if not shutil.which("debootstrap"):
        missing.append("no debootstrap (apt-get install debootstrap)")
    if not mirror_of(Apt(LocalShell()).sources()):
        missing.append("apt has no repository of Debian here (give it one in its sources.list)")
    return missing


def mirror_of(sources: Sequence[Source]) -> str:
    """Return the address of the first main archive of Debian among ``sources``, or nothing."""
    urls = (
        source.url
        for source in sources
        if source.origin == "Debian"
        and source.component == "main"
        and "-" not in source.codename  # neither updates nor security
        and source.url.startswith(("http://", "https://", "file:/"))
    )
    return next(urls, "")


def _installed(root: Path) -> Iterator[str]:
    """Return ``NAME VERSION`` of each package, from the list that dpkg keeps."""
    name = ""
    for line in (root / "var/lib/dpkg/status").read_text("utf-8").splitlines():
        if line.startswith("Package: "):
            name = line.removeprefix("Package: ")
        elif line.startswith("Version: "):
            yield f"{name} {line.removeprefix('Version: ')}"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(line)


def _pack(root: Path, packed: Path) -> None:
    """Write a tar with paths relative to the root; times stay, compiled Python minds them."""
    with tarfile.open(packed, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(root.iterdir()):
            tar.add(path, arcname=path.name)

"""The pod's ``/etc/hosts``, ``resolv.conf``, ``hostname``, ``passwd`` and ``group``."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.kube import Manifest

_USERS = (
    ("root", 0, "/root"),
    ("istio-proxy", 1337, "/home/istio-proxy"),
    ("nobody", 65534, "/"),
)


@dataclass(frozen=True, slots=True)
class HostFiles:
    """The contents of the files that name the pod and its DNS servers."""

    pod: Manifest
    address: str
    dns: str
    domain: str

    @property
    def hostname(self) -> str:
        """The pod's host name (a kubelet cuts it to 63 characters)."""
        named = self.pod["spec"].get("hostname") or self.pod["metadata"]["name"]
        return str(named)[:63].rstrip("-.")

    def hosts(self) -> str:
        """Return ``/etc/hosts``."""
        spec = self.pod["spec"]
        namespace = self.pod["metadata"]["namespace"]
        names = [self.hostname]
        if spec.get("subdomain"):
            full = f"{self.hostname}.{spec['subdomain']}.{namespace}.svc.{self.domain}"
            names.insert(0, full)
        aliases = [(item["ip"], item.get("hostnames") or []) for item in _of(spec, "hostAliases")]
        lines = [
            ("127.0.0.1", ["localhost"]),
            ("::1", ["localhost", "ip6-localhost", "ip6-loopback"]),
            (self.address, names),
            *aliases,
        ]
        return "".join(f"{address}\t{' '.join(known)}\n" for address, known in lines)

    def resolv_conf(self) -> str:
        """Return ``/etc/resolv.conf``.

        The lab has no resolver outside, so ``Default`` leaves nobody to ask.
        """
        spec = self.pod["spec"]
        more = spec.get("dnsConfig") or {}
        in_cluster = (spec.get("dnsPolicy") or "ClusterFirst").startswith("ClusterFirst")
        servers = [self.dns] if in_cluster else []
        search = self._search() if in_cluster else []
        options = {"ndots": "5"} if in_cluster else {}
        options |= {item["name"]: item.get("value") or "" for item in _of(more, "options")}
        lines = [f"nameserver {server}" for server in [*servers, *_of(more, "nameservers")]]
        if found := [*search, *_of(more, "searches")]:
            lines.append(f"search {' '.join(dict.fromkeys(found))}")
        if options:
            lines.append("options " + " ".join(_option(*item) for item in options.items()))
        return "".join(f"{line}\n" for line in lines)

    def _search(self) -> list[str]:
        services = f"svc.{self.domain}"
        return [f"{self.pod['metadata']['namespace']}.{services}", services, self.domain]


def _of(manifest: Manifest, key: str) -> list[Any]:
    found: list[Any] = manifest.get(key) or []
    return found


def _option(name: str, value: str) -> str:
    return f"{name}:{value}" if value else name


def passwd(users: Iterable[int]) -> str:
    """Return ``/etc/passwd`` with the usual users and one for each other id."""
    return "".join(f"{name}:x:{uid}:{uid}::{home}:/bin/sh\n" for name, uid, home in _known(users))


def group(users: Iterable[int]) -> str:
    """Return ``/etc/group`` to go with :func:`passwd`."""
    return "".join(f"{name}:x:{uid}:\n" for name, uid, _ in _known(users))


def _known(users: Iterable[int]) -> Sequence[tuple[str, int, str]]:
    usual = {uid for _, uid, _ in _USERS}
    return [*_USERS, *((f"user{uid}", uid, "/") for uid in sorted(set(users) - usual))]


def write(directory: Path, files: HostFiles, users: Iterable[int]) -> None:
    """Write all of them into ``directory``."""
    contents = {
        "hosts": files.hosts(),
        "resolv.conf": files.resolv_conf(),
        "hostname": files.hostname + "\n",
        "passwd": passwd(users),
        "group": group(users),
    }
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o644)

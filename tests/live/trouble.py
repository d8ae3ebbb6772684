"""What the trouble tests of every provider need: owners of labs, and looks at the machine."""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness import shell
from harness.converge import Budget, eventually
from harness.model import Lab
from harness.probes.caller import Caller
from harness.providers.base import Provider
from harness.providers.fabric import claims, state
from harness.providers.fabric.state import STATE_VARIABLE
from harness.shell import Running

_SOON = Budget(timeout=20, interval=0.02)
OWNER = Path(__file__).parent / "owner.py"


@contextmanager
def own_place(setenv: Callable[[str, str], None]) -> Iterator[Path]:
    """Have labs made in a place of its own, so that "nothing is left" can be said."""
    with tempfile.TemporaryDirectory(prefix="mp-", dir="/tmp") as made:
        setenv(STATE_VARIABLE, made)
        yield Path(made)


@dataclass(frozen=True, slots=True)
class Owners:
    """Starts ``owner.py`` for a provider; its files are in ``work``."""

    provider: str
    work: Path
    started: list[Running] = field(default_factory=list)

    def __call__(self, *arguments: str) -> Running:
        argv = [sys.executable, str(OWNER), self.provider, *arguments]
        self.temporary.mkdir(exist_ok=True)
        env = {**os.environ, "TMPDIR": str(self.temporary)}
        running = shell.start("owner", argv, output=self.log, env=env)
        self.started.append(running)
        return running

    @property
    def log(self) -> Path:
        return self.work / "owner.log"

    @property
    def temporary(self) -> Path:
        return self.work / "temporary"

    def lab(self, budget: Budget) -> Lab:
        """Wait for the lab that the owner prints."""
        found = eventually(
            lambda: [line for line in self.log.read_text().splitlines() if line.startswith("{")],
            bool,
            what="the owner has raised its lab",
            budget=budget,
        )
        return Lab.load(json.loads(found[0]))

    def noted(self, lab: Lab) -> Path:
        """Return a file with the lab, for an owner that is to change it."""
        file = self.work / "lab.json"
        file.write_text(json.dumps(lab.dump()))
        return file


@contextmanager
def owners(provider: Provider, work: Path, *, grace: float) -> Iterator[Owners]:
    """Yield what starts owners; whatever they raised is gone afterwards, and so are their files."""
    found = Owners(provider.name, work)
    yield found
    for running in found.started:
        running.end(grace=grace)
    for lab in filter(None, map(state.loaded, state.present())):
        provider.down(lab)
    left = [path.name for path in found.temporary.glob("*")]
    assert not left, f"left in the directory for temporary files: {left}"


def heals_with_its_maker(
    own: Owners, lab: Lab, callers: dict[str, Caller], *, soon: Budget
) -> bool:
    """Have a process of its own cut a lab in two, see that, kill it; say whether calls pass."""
    url = f"http://{callers['near'].ip}:8080/"

    def passes() -> bool:
        return callers["east"].call(url, timeout=0.5).ok

    cutter = own("cut", str(own.noted(lab)))
    eventually(passes, lambda ok: not ok, what="the cut holds", budget=soon)
    cutter.signal(signal.SIGKILL)
    cutter.wait(10)
    return eventually(passes, bool, what="it healed", budget=soon)


def surroundings() -> dict[str, object]:
    """Return what a lab must not touch on this machine, as far as this user may read it."""
    settings = ("ip_forward", "conf/all/send_redirects", "conf/all/route_localnet")
    named = Path("/run/netns")
    return {
        "links": sorted(link.name for link in Path("/sys/class/net").iterdir()),
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "namespaces": sorted(os.listdir(named)) if named.exists() else [],  # noqa: PTH208
        "routes": Path("/proc/net/route").read_text(),
        "rules": shell.LocalShell().run(["/usr/sbin/iptables-save"]).stdout.replace("\n#", ""),
        "settings": [Path("/proc/sys/net/ipv4", name).read_text() for name in settings],
    }


def descendants(pid: int) -> set[int]:
    """Return every process below ``pid``, as the machine sees them."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = {int(child) for child in children.read_text().split()} if children.exists() else set()
    return found.union(*(descendants(child) for child in found))


def gone(pids: set[int], within: float = 20) -> None:
    """Wait until none of ``pids`` is left."""
    eventually(
        lambda: {pid for pid in pids if claims.start_time(pid)},
        lambda left: not left,
        what="every process of the lab has ended",
        budget=replace(_SOON, timeout=within),
    )

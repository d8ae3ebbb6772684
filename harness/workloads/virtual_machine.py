"""A machine with hands: files, programs that go on, an agent that calls and answers from it.

Everything is done by running programs on the machine, so it works wherever there is one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.artifacts import agent
from harness.converge import Budget, eventually
from harness.model import ApiError
from harness.phases import to_stderr
from harness.probes import access
from harness.probes.caller import Caller, Notice
from harness.probes.transport import MachineTransport
from harness.providers.base import Machine
from harness.shell import Outcome

#: Where programs write what they say, and where their numbers are noted.
_LOGS, _RUN = "/var/log/meshproof", "/run/meshproof"
_SOON = Budget(timeout=15.0, interval=0.05, firm=True)
#: Starts ``$@`` in a session of its own; its name is ``$0``.
_START = (
    f'mkdir -p {_LOGS} {_RUN}; : >"{_LOGS}/$0"; chmod 666 "{_LOGS}/$0";'
    f' setsid "$@" >>"{_LOGS}/$0" 2>&1 </dev/null & echo $! >"{_RUN}/$0"'
)
#: A program that has ended may still wait to be collected.
_RUNS = f'pid=$(cat "{_RUN}/$0") && [ -d /proc/$pid ] && ! grep -q "^State:.Z" /proc/$pid/status'
_STOP = f'kill -s "$1" -- "-$(cat "{_RUN}/$0")"'
_PUT = 'mkdir -p "$(dirname "$0")" && cat >"$0" && chmod "$1" "$0" && chown "$2:$2" "$0"'


@dataclass(frozen=True, slots=True)
class Program:
    """A program that goes on; ``user`` is whose rights it has (0: the superuser's)."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    user: int = 0


@dataclass(frozen=True, slots=True)
class VirtualMachine:
    """A machine (a VM) as its administrator has it. ``on_repeat`` is told of repeated calls."""

    machine: Machine
    on_repeat: Notice = field(default=to_stderr, repr=False, compare=False)

    @property
    def name(self) -> str:
        """Its host name."""
        return self.machine.name

    @property
    def address(self) -> str:
        """Its address."""
        return self.machine.address

    def __str__(self) -> str:
        """Return its name."""
        return self.name

    def run(self, argv: Sequence[str], *, stdin: str | None = None) -> Outcome:
        """Run ``argv`` as the superuser, to completion."""
        return self.machine.run(argv, stdin=stdin, timeout=60)

    def run_as(self, user: int, argv: Sequence[str]) -> Outcome:
        """Run ``argv`` with somebody's rights, to completion."""
        return self.run([*_as(user), *argv])

    def put(self, path: str, content: str, *, mode: str = "0644", owner: int = 0) -> None:
        """Write a file, its directory made if need be."""
        self.run(["sh", "-c", _PUT, path, mode, str(owner)], stdin=content).checked()

    def read(self, path: str) -> str:
        """Return what is in a file."""
        return self.run(["cat", path]).checked()

    def start(self, program: Program) -> None:
        """Start a program that goes on; what it said before under this name is forgotten."""
        told = [f"{name}={value}" for name, value in program.env.items()]
        argv = [*_as(program.user), "env", *told, *program.argv]
        self.run(["sh", "-c", _START, program.name, *argv]).checked()

    def runs(self, name: str) -> bool:
        """Say whether a program that was started has not ended."""
        return self.run(["sh", "-c", _RUNS, name]).exit_code == 0

    def stop(self, name: str, *, signal: str = "TERM") -> None:
        """End a program and what it has started, if it runs; return when it has ended."""
        self.run(["sh", "-c", _STOP, name, signal])
        eventually(
            lambda: self.runs(name),
            lambda runs: not runs,
            what=f"{name} on {self} has ended",
            budget=_SOON,
        )

    def log(self, name: str) -> str:
        """Return what a program has said since it was started."""
        return self.run(["cat", f"{_LOGS}/{name}"]).stdout

    def agent(self, *, cluster: str, namespace: str, version: str = "v1") -> Caller:
        """Start the agent, which answers with these names; return it as a caller."""
        token = access.fresh()
        said = {"CLUSTER": cluster, "VERSION": version, "NAMESPACE": namespace}
        env = {**said, "POD_NAME": self.name, "CONTROL_TOKEN": token}
        path = f"/{agent.PLACE}/{agent.PROGRAM}"
        self.start(Program("agent", ("python3", "-I", "-B", path), env))
        transport = MachineTransport(self.machine, token)
        caller = Caller(transport, cluster, namespace, self.name, self.address, self.on_repeat)
        eventually(lambda: _ready(caller), bool, what=f"{caller} is ready", budget=_SOON)
        return caller


def _ready(caller: Caller) -> bool:
    try:
        caller.ask("GET", "/ready", timeout=5.0)
    except ApiError:
        return False
    return True


def _as(user: int) -> list[str]:
    words = ["--reuid", str(user), "--regid", str(user), "--clear-groups"]
    return ["setpriv", *words, "--"] if user else []

"""What a lab can tell when something went wrong: logs of its programs, state of its fabric."""

from harness.model import Lab, MachineError
from harness.providers.embedded.control import ControlClient
from harness.providers.embedded.spec import ROUTER
from harness.providers.fabric.evidence import gathered
from harness.providers.fabric.state import State


def evidence(lab: Lab) -> dict[str, str]:
    """Return file names and redacted contents; what is gone already is simply not there."""

    def look(place: State) -> dict[str, str]:
        with ControlClient(place.control) as control:
            return {"fabric.txt": _fabric(lab, control), "processes.txt": _processes(control)}

    return gathered(lab, look, silent=(MachineError,), otherwise="supervisor.txt")


def _fabric(lab: Lab, control: ControlClient) -> str:
    nodes = [node.name for cluster in lab.plan.clusters for node in cluster.nodes]
    commands = (["ip", "-brief", "address"], ["ip", "route"], ["iptables-save", "-c"])
    return "\n".join(
        f"== {namespace}: {' '.join(command)}\n{control.run(namespace, command).stdout}"
        for namespace in (ROUTER, *nodes)
        for command in commands
    )


def _processes(control: ControlClient) -> str:
    states = control.states()
    said = {name: "runs" if code is None else f"exited {code}" for name, code in states.items()}
    return "".join(f"{name}: {state}\n" for name, state in sorted(said.items()))

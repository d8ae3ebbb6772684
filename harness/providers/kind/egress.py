"""Keeps a lab's packets from leaving by an engine that has a way out.

Our own engine has none. On any other, one rule rejects whatever comes from a link of the lab
and would leave by a link that is not the lab's. It is put where the engine's links are, by a
container in the engine's own network namespace, before the first node starts.
"""

from docker import DockerClient
from docker.errors import DockerException
from requests.exceptions import RequestException

from harness.model import MachineError
from harness.providers.kind.containers import said
from harness.providers.kind.naming import LAB_LABEL, Names
from harness.providers.kind.spec import KindSpec
from harness.providers.offline.api import Engine
from harness.shell import LocalShell

#: On the networks of a guarded lab: the image by which the rule can be taken away again.
HELPER_LABEL = "meshproof.helper"
_CHAIN = "FORWARD"


def has_way_out(engine: Engine) -> bool:
    """Say whether packets could leave: an engine that is not ours is not even asked."""
    if engine.pid is None:
        return True
    shown = LocalShell().run([*engine.inside(), "ip", "route", "show", "default"], timeout=10)
    return bool(shown.stdout.strip()) or shown.exit_code != 0


def marks(spec: KindSpec) -> dict[str, str]:
    """Return the labels of a guarded lab's networks, by which the rule is known."""
    return {HELPER_LABEL: spec.helper} if spec.guarded else {}


def rule(names: Names) -> tuple[str, ...]:
    """Return the rule, as ``iptables`` takes and shows it."""
    links = f"{names.bridges}+"
    return ("-i", links, "!", "-o", links, "-j", "REJECT")


def close(client: DockerClient, names: Names, helper: str) -> None:
    """Put the rule first; :class:`MachineError` if that is impossible."""
    words = " ".join(rule(names))
    _on_host(client, names, helper, f"iptables -w -I {_CHAIN} 1 {words}")


def reopen(client: DockerClient, names: Names, helper: str) -> None:
    """Take the rule away, however often it is there."""
    words = " ".join(rule(names))
    script = f"while iptables -w -D {_CHAIN} {words} 2>/dev/null; do :; done"
    _on_host(client, names, helper, script)


def helper_of(client: DockerClient, lab: str) -> str:
    """Return the image that the networks of a lab name, empty if they name none."""
    networks = client.networks.list(filters={"label": f"{LAB_LABEL}={lab}"})
    marks = (each.attrs.get("Labels") or {} for each in networks)
    return next((each[HELPER_LABEL] for each in marks if HELPER_LABEL in each), "")


def _on_host(client: DockerClient, names: Names, helper: str, script: str) -> None:
    try:
        client.containers.run(
            helper,
            entrypoint=["sh", "-ec", script],
            name=names.helper("guard"),
            network_mode="host",
            cap_add=["NET_ADMIN"],
            labels={LAB_LABEL: names.lab},
            remove=True,
        )
    except (DockerException, RequestException) as error:
        raise MachineError(
            f"the lab's way out cannot be closed or reopened ({said(error)})",
            "use an engine of meshproof's own: meshproof engine up",
        ) from error

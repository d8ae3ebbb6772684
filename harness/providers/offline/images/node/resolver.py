"""Docker's own resolver, which only the node itself can reach, made to answer pods as well."""

import re
from pathlib import Path

from .commands import run

_CONFIGURED = Path("/etc/resolv.conf")
_DOCKER = "127.0.0.11"
_RULE = re.compile(rf"-d {re.escape(_DOCKER)}\S* .*-p (tcp|udp) .*-j DNAT --to-destination (\S+)")


def open_to_pods() -> None:
    """Answer at the address of the gateway in its place; nothing to do on a plain network."""
    configured = _CONFIGURED.read_text()
    gateway = gateway_of(run(["ip", "-4", "route", "show", "default"])[1])
    if _DOCKER not in configured or not gateway:
        return
    rules = [
        run([program, "-t", "nat"])[1] for program in ("iptables-save", "iptables-legacy-save")
    ]
    for protocol, place in ports("".join(rules)).items():
        match = ["-d", gateway, "-p", protocol, "--dport", "53"]
        for chain in ("PREROUTING", "OUTPUT"):
            jump = ["-j", "DNAT", "--to-destination", place]
            run(["iptables", "-w", "-t", "nat", "-A", chain, *match, *jump])
    _CONFIGURED.write_text(configured.replace(_DOCKER, gateway))


def gateway_of(routes: str) -> str:
    """Return the address behind ``via`` in the first default route, or nothing."""
    found = re.search(r"\bvia (\S+)", routes)
    return found[1] if found else ""


def ports(rules: str) -> dict[str, str]:
    """Return where Docker's resolver listens, by protocol, from rules as they are saved."""
    found = [_RULE.search(line) for line in rules.splitlines()]
    return {match[1]: match[2] for match in found if match}

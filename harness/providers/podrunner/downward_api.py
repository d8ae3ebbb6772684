"""The downward API: the values of ``fieldRef`` and ``resourceFieldRef``, as text. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from harness.kube import Manifest

_ONE = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")
_SUFFIXES: Mapping[str, Decimal] = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}


@dataclass(frozen=True, slots=True)
class PodInfo:
    """A pod as the downward API shows it; cores and memory are the machine's."""

    pod: Manifest
    address: str
    host: str
    cores: int
    memory: int


def field(pod_info: PodInfo, path: str) -> str:
    """Return a field's text; ``KeyError`` if no such field can be asked for."""
    meta = pod_info.pod["metadata"]
    if one := _ONE.fullmatch(path):
        return str((meta.get(one[1]) or {}).get(one[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        return _lines(meta.get(path.removeprefix("metadata.")) or {})
    spec = pod_info.pod["spec"]
    plain = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta["namespace"],
        "metadata.uid": meta["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName") or "default",
        "status.hostIP": pod_info.host,
        "status.hostIPs": pod_info.host,
        "status.podIP": pod_info.address,
        "status.podIPs": pod_info.address,
    }
    return str(plain[path])


def _lines(entries: Mapping[str, str]) -> str:
    """Labels or annotations in the form of the downward API: sorted, values quoted."""
    return "\n".join(f"{key}={json.dumps(value)}" for key, value in sorted(entries.items()))


def resource(pod_info: PodInfo, reference: Manifest, container: Manifest) -> str:
    """Return a resource's amount in units of its divisor (unset or 0: one), rounded up.

    Without a limit it is what the machine really has, not the plenty that the node advertises.
    """
    source, _, name = str(reference["resource"]).partition(".")
    stated = ((container.get("resources") or {}).get(source) or {}).get(name)
    if stated is None and source == "requests":
        stated = "0"
    machine = {"cpu": pod_info.cores, "memory": pod_info.memory}
    amount = quantity(str(stated if stated is not None else machine.get(name, 0)))
    return str(ceil(amount / (quantity(str(reference.get("divisor") or "1")) or 1)))


def quantity(text: str) -> Decimal:
    """Return a Kubernetes quantity (``250m``, ``1Gi``) as a number."""
    found = re.fullmatch(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]*)", text)
    if found is None:
        raise ValueError(f"{text!r} is not a quantity")
    return Decimal(found[1]) * _SUFFIXES[found[2]]

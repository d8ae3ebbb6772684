"""A pod's containers in the order in which they start, and what each of them is for."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from harness.kube import Manifest
from harness.providers.podrunner.probe_state import Probe, ProbeKind

RestartPolicy = Literal["Always", "OnFailure", "Never"]


class Role(StrEnum):
    """What a container is for: to finish first, to run beside the others, or the work itself."""

    INIT = "init"
    SIDECAR = "sidecar"
    MAIN = "main"


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod; ``manifest`` is its part of the pod's specification."""

    name: str
    role: Role
    restart: RestartPolicy
    manifest: Manifest

    @property
    def image(self) -> str:
        """The full image name."""
        return str(self.manifest.get("image", ""))

    @property
    def pre_stop(self) -> Manifest | None:
        """What is to be done before it is told to end, if anything."""
        hook: Manifest | None = (self.manifest.get("lifecycle") or {}).get("preStop")
        return hook

    def probe(self, kind: ProbeKind) -> Probe | None:
        """Return the probe of that kind, or ``None``."""
        manifest = self.manifest.get(kind.value)
        return Probe.read(kind, manifest) if manifest else None

    def port(self, wanted: int | str) -> int:
        """Return a port's number; it may be given by its name. ``KeyError`` if there is none."""
        if isinstance(wanted, int):
            return wanted
        if wanted.isdigit():
            return int(wanted)
        ports: list[dict[str, Any]] = self.manifest.get("ports") or []
        named = {port.get("name"): int(port["containerPort"]) for port in ports}
        return named[wanted]

    def goes_on_after(self, exit_code: int) -> bool:
        """Say whether the container is started again after it ended with ``exit_code``."""
        if self.restart == "Always":
            return True
        return self.restart == "OnFailure" and exit_code != 0


def containers(pod: Manifest) -> tuple[Container, ...]:
    """Return the pod's containers: init containers and sidecars in order, then the main ones."""
    spec = pod["spec"]
    first = tuple(_early(item, spec) for item in spec.get("initContainers") or [])
    policy: RestartPolicy = spec.get("restartPolicy") or "Always"
    return (
        *first,
        *(Container(str(item["name"]), Role.MAIN, policy, item) for item in spec["containers"]),
    )


def _early(item: Manifest, spec: Manifest) -> Container:
    if item.get("restartPolicy") == "Always":
        return Container(str(item["name"]), Role.SIDECAR, "Always", item)
    # An init container that fails is tried again, unless the pod never restarts anything.
    policy: RestartPolicy = "Never" if spec.get("restartPolicy") == "Never" else "OnFailure"
    return Container(str(item["name"]), Role.INIT, policy, item)

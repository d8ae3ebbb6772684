"""A pod's containers in the order in which they start: their roles, hooks, probes and ports."""

import signal
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from harness.kube import Manifest
from harness.providers.podrunner.probe_state import Probe, ProbeKind

RestartPolicy = Literal["Always", "OnFailure", "Never"]


class Role(StrEnum):
    """An init container, a native sidecar (one that always restarts), or a main container."""

    INIT = "init"
    SIDECAR = "sidecar"
    MAIN = "main"


class Hook(StrEnum):
    """The lifecycle hooks, by their names in a manifest."""

    POST_START = "postStart"
    PRE_STOP = "preStop"


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod; ``manifest`` is its part of the pod's specification."""

    name: str
    role: Role
    restart_policy: RestartPolicy
    manifest: Manifest

    @property
    def image(self) -> str:
        """The full image name."""
        return str(self.manifest.get("image", ""))

    @property
    def stop_signal(self) -> signal.Signals:
        """The signal by which it is told to terminate."""
        return signal.Signals[(self.manifest.get("lifecycle") or {}).get("stopSignal") or "SIGTERM"]

    def hook(self, hook: Hook) -> Manifest | None:
        """Return the handler of a lifecycle hook, or ``None``."""
        handler: Manifest | None = (self.manifest.get("lifecycle") or {}).get(hook.value)
        return handler

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

    def restarts_after(self, exit_code: int) -> bool:
        """Say whether the container is started again after it ended with ``exit_code``."""
        if self.restart_policy == "Always":
            return True
        return self.restart_policy == "OnFailure" and exit_code != 0


def containers(pod: Manifest) -> tuple[Container, ...]:
    """Return the pod's containers: init containers and sidecars in order, then the main ones."""
    spec = pod["spec"]
    return (
        *(_init_container(item, spec) for item in spec.get("initContainers") or []),
        *(_main_container(item, spec) for item in spec["containers"]),
    )


def _main_container(item: Manifest, spec: Manifest) -> Container:
    policy: RestartPolicy = item.get("restartPolicy") or spec.get("restartPolicy") or "Always"
    return Container(str(item["name"]), Role.MAIN, policy, item)


def _init_container(item: Manifest, spec: Manifest) -> Container:
    if item.get("restartPolicy") == "Always":
        return Container(str(item["name"]), Role.SIDECAR, "Always", item)
    # An init container that fails is tried again, unless the pod never restarts anything.
    whole: RestartPolicy = "Never" if spec.get("restartPolicy") == "Never" else "OnFailure"
    policy = item.get("restartPolicy") or whole
    return Container(str(item["name"]), Role.INIT, policy, item)

"""The Node object of this node: its labels, addresses, conditions; and its registration."""

import os
import platform
from collections.abc import Mapping

from harness.converge import Budget, eventually
from harness.kube import Kube, Manifest
from harness.model import ApiError
from harness.providers.podrunner.config import NodeConfig
from harness.providers.podrunner.status import rfc3339

_GOOD: Mapping[str, tuple[str, str]] = {
    "MemoryPressure": ("False", "KubeletHasSufficientMemory"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID"),
    "Ready": ("True", "KubeletReady"),
}
_ARCHITECTURES: Mapping[str, str] = {"x86_64": "amd64", "aarch64": "arm64"}


def node(config: NodeConfig) -> Manifest:
    """Return the Node without its status."""
    labels = {
        "kubernetes.io/hostname": config.node,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": _architecture(),
    }
    if config.region:
        labels["topology.kubernetes.io/region"] = config.region
    if config.zone:
        labels["topology.kubernetes.io/zone"] = config.zone
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": config.node, "labels": {**labels, **config.labels}},
        "spec": {"podCIDR": config.pods, "podCIDRs": [config.pods]},
    }


def status(config: NodeConfig, wall: float) -> Manifest:
    """Return the Node's status: ready, and roomy."""
    stamp = rfc3339(wall)
    room = config.capacity.model_dump()
    return {
        "capacity": room,
        "allocatable": room,
        "addresses": [
            {"type": "InternalIP", "address": config.address},
            # Other networks route to it, if they reach anything of the node at all.
            {"type": "ExternalIP", "address": config.address},
            {"type": "Hostname", "address": config.node},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": config.port}},
        "nodeInfo": _machine(),
        "conditions": [
            {
                "type": kind,
                "status": value,
                "reason": reason,
                "message": "the embedded node is up",
                "lastHeartbeatTime": stamp,
                "lastTransitionTime": stamp,
            }
            for kind, (value, reason) in _GOOD.items()
        ],
    }


def _machine() -> Manifest:
    version = "v1.34.0-embedded"
    return {
        "architecture": _architecture(),
        "bootID": "",
        "containerRuntimeVersion": "bubblewrap://embedded",
        "kernelVersion": os.uname().release,
        "kubeProxyVersion": version,
        "kubeletVersion": version,
        "machineID": "",
        "operatingSystem": "linux",
        "osImage": "embedded",
        "systemUUID": "",
    }


def _architecture() -> str:
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine)


def register(kube: Kube, config: NodeConfig, wall: float) -> None:
    """Make the node known and ready, waiting for the API server if it is still starting."""
    eventually(
        lambda: _registered(kube, config, wall),
        lambda trouble: not trouble,
        what=f"node {config.node} is registered",
        budget=Budget(timeout=300, interval=0.05),
    )


def _registered(kube: Kube, config: NodeConfig, wall: float) -> str:
    try:
        kube.apply(node(config), manager="embedded-node")
        kube.patch("Node", config.node, {"status": status(config, wall)}, subresource="status")
        # Admission marks every new node as not ready; nobody else here takes that back.
        kube.patch("Node", config.node, {"spec": {"taints": None}})
    except ApiError as error:
        return str(error)
    return ""

"""Two ways to the same objects: apply what istioctl renders, or let istioctl install it."""

from pathlib import Path
from typing import Protocol

from harness.converge import Budget, concurrently, eventually
from harness.kube import Manifest
from harness.meshes.istio import ready
from harness.meshes.istio.objects import exposure
from harness.meshes.istio.target import Target
from harness.tools.istioctl import Istioctl

_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


class Driver(Protocol):
    """How the rendered part of an installation gets into a cluster."""

    def found(self, target: Target) -> None:
        """Bring the cluster to where istiod is started and its API server may be read."""
        ...

    def complete(self, target: Target) -> None:
        """Bring the rest, gateway and exposure among it; return when istiod injects pods."""
        ...


class ManifestsDriver:
    """Applies manifests, the critical path first: istiod starts while the rest follows."""

    def __init__(self, rendered: dict[str, list[Manifest]]) -> None:
        self._rendered = rendered

    def found(self, target: Target) -> None:
        """Apply accounts, roles, settings and Services, then the Deployment of istiod."""
        with target.phases.phase(f"apply istiod {target.cluster.name}"):
            first = [
                manifest
                for manifest in self._rendered[target.cluster.name]
                if manifest["kind"] not in (*_WEBHOOKS, "CustomResourceDefinition", "Deployment")
            ]
            target.apply(first)
            target.kube.apply(self._deployment(target, target.shape.istiod))

    def complete(self, target: Target) -> None:
        """Apply definitions, then the webhooks; the gateway as soon as istiod injects it."""
        concurrently(lambda step: step(target), [self._definitions, self._gateway])

    def _definitions(self, target: Target) -> None:
        name = target.cluster.name
        with target.phases.phase(f"apply definitions {name}"):
            target.apply(self._of_kind(target, "CustomResourceDefinition"))
            if target.install.gateway:
                # Before the validators exist: they would only delay it until istiod serves.
                target.apply_late(exposure(target.shape))
            target.apply(self._of_kind(target, *_WEBHOOKS))

    def _gateway(self, target: Target) -> None:
        # A ReplicaSet whose pods a webhook refuses backs off, so wait until it would not.
        with target.phases.phase(f"istiod ready {target.cluster.name}"):
            istiod_ready(target)
        if target.install.gateway:
            target.kube.apply(self._deployment(target, target.shape.gateway))

    def _of_kind(self, target: Target, *kinds: str) -> list[Manifest]:
        rendered = self._rendered[target.cluster.name]
        return [manifest for manifest in rendered if manifest["kind"] in kinds]

    def _deployment(self, target: Target, name: str) -> Manifest:
        deployments = self._of_kind(target, "Deployment")
        return next(each for each in deployments if each["metadata"]["name"] == name)


class IstioctlDriver:
    """Runs ``istioctl install`` as a user would."""

    def __init__(self, istioctl: Istioctl, operators: dict[str, str]) -> None:
        self._istioctl = istioctl
        self._operators = operators

    def found(self, target: Target) -> None:
        """Install everything that istioctl knows of; it returns when that is ready."""
        name = target.cluster.name
        with target.phases.phase(f"istioctl install {name}"):
            kubeconfig = Path(target.cluster.kubeconfig)
            self._istioctl.install(self._operators[name], kubeconfig=kubeconfig)

    def complete(self, target: Target) -> None:
        """Expose the services."""
        istiod_ready(target)
        if target.install.gateway:
            target.apply_late(exposure(target.shape))


def istiod_ready(target: Target) -> None:
    """Wait for the Deployment of istiod, and until pods are injected."""
    _deployment_ready(target, target.shape.istiod)
    eventually(
        lambda: ready.injected(target.kube, target.shape),
        lambda trouble: not trouble,
        what=f"istiod of {target.cluster.name} injects pods",
        budget=Budget(timeout=60, interval=0.05, firm=True),
    )


def gateway_ready(target: Target) -> None:
    """Wait for the Deployment of the gateway, and for the address of its Service."""
    name, shape = target.shape.gateway, target.shape
    where = target.cluster.name
    _deployment_ready(target, name)
    what = f"gateway of {where} has an address"
    ready.watched(target.kube, "Service", name, shape.system, ready.balanced, what=what)


def validator_ready(target: Target, name: str) -> None:
    """Wait until istiod has put a validating webhook into force."""
    what = f"{name} of {target.cluster.name} is in force"
    kind = "ValidatingWebhookConfiguration"
    ready.watched(target.kube, kind, name, None, ready.guarding, what=what)


def _deployment_ready(target: Target, name: str) -> None:
    what = f"{name} of {target.cluster.name} is ready"
    system = target.shape.system
    ready.watched(target.kube, "Deployment", name, system, ready.available, what=what, timeout=120)

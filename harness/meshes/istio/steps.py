"""The steps of an installation: istiod first, everything else beside what it waits for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.kube import Manifest
from harness.meshes import ca, waiting
from harness.meshes.installation import Action, Apply, Await, Step
from harness.meshes.istio import ready
from harness.meshes.istio.actions import AwaitReads, InstallByIstioctl, Introduce, TryInjection
from harness.meshes.istio.objects import exposure, namespaces
from harness.meshes.istio.plan import ClusterInstall
from harness.tools.istioctl import Istioctl

_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_DEFINITION = "CustomResourceDefinition"


@dataclass(frozen=True, slots=True)
class Rendered:
    """What one cluster gets, its authority, and all that istioctl would create there."""

    install: ClusterInstall
    authority: ca.Authority
    operator: str
    manifests: Sequence[Manifest]

    def of_kind(self, *kinds: str) -> list[Manifest]:
        """Return the rendered objects of these kinds."""
        return [manifest for manifest in self.manifests if manifest["kind"] in kinds]

    @property
    def istiod(self) -> list[Manifest]:
        """The Deployment of istiod, if the rendering has one."""
        name = self.install.shape.istiod
        return [each for each in self.of_kind("Deployment") if each["metadata"]["name"] == name]

    @property
    def workloads(self) -> list[Manifest]:
        """The other Deployments: their pods want a proxy, so istiod comes first."""
        return [each for each in self.of_kind("Deployment") if each not in self.istiod]

    @property
    def resources(self) -> list[Manifest]:
        """Objects of kinds that definitions among the rendered objects bring."""
        groups = {each["spec"]["group"] for each in self.of_kind(_DEFINITION)}
        return [each for each in self.manifests if each["apiVersion"].split("/")[0] in groups]

    @property
    def base(self) -> list[Manifest]:
        """All that needs nothing else: accounts, roles, settings, Services."""
        apart = [*self.of_kind("Deployment", _DEFINITION, *_WEBHOOKS), *self.resources]
        return [each for each in self.manifests if each not in apart]


class Steps:
    """Writes the steps of a whole mesh; ``istioctl`` installs by itself what it knows of."""

    def __init__(self, clusters: Sequence[Rendered], istioctl: dict[str, Istioctl] | None) -> None:
        self._clusters = clusters
        self._istioctl = istioctl

    def all(self) -> tuple[Step, ...]:
        """Return the steps, each after those that it waits for."""
        found = [step for rendered in self._clusters for step in self._own(rendered)]
        found += [step for rendered in self._clusters for step in self._introduced(rendered)]
        found += [step for rendered in self._clusters for step in self._linked(rendered)]
        return tuple(found)

    def _own(self, rendered: Rendered) -> Iterator[Step]:
        """Yield what a cluster gets without a look at others."""
        install = rendered.install
        first = [*namespaces(install), ca.cacerts(rendered.authority, install.shape)]
        yield _step("namespaces", install, Apply(first))
        if self._istioctl is not None:
            yield from self._by_istioctl(rendered, self._istioctl[install.version])
        else:
            yield from self._by_manifests(rendered)
        yield from self._ready(rendered)

    def _by_istioctl(self, rendered: Rendered, istioctl: Istioctl) -> Iterator[Step]:
        install = rendered.install
        action = InstallByIstioctl(istioctl, rendered.operator, rendered.manifests)
        yield _step("istiod", install, action, "namespaces")
        yield from self._injects(install, "istiod")
        yield from self._exposed(install, "injection")

    def _by_manifests(self, rendered: Rendered) -> Iterator[Step]:
        install = rendered.install
        yield _step("settings", install, Apply(rendered.base), "namespaces")
        yield _step("istiod", install, Apply(rendered.istiod), "settings")
        definitions = Apply(rendered.of_kind(_DEFINITION))
        yield _step("definitions", install, definitions, "istiod")
        # Before the validators exist: they would only delay these until istiod serves.
        exposed = list(self._exposed(install, "definitions"))
        yield from exposed
        if rendered.resources:
            resources = Apply(rendered.resources, late=True)
            exposed.append(_step("resources", install, resources, "definitions"))
            yield exposed[-1]
        before = ["exposure"] if install.gateways else ["definitions"]
        before += ["resources"] if rendered.resources else []
        yield _step("webhooks", install, Apply(rendered.of_kind(*_WEBHOOKS)), *before)
        yield from self._injects(install, "istiod", "webhooks")
        # A ReplicaSet whose pods a webhook refuses backs off, so wait until it would not.
        yield _step("workloads", install, Apply(rendered.workloads), "injection")

    def _exposed(self, install: ClusterInstall, after: str) -> Iterator[Step]:
        if install.gateways:
            opened = [exposure(install, gateway) for gateway in install.gateways]
            yield _step("exposure", install, Apply(opened, late=True), after)

    def _injects(self, install: ClusterInstall, *after: str) -> Iterator[Step]:
        shape = install.shape
        yield _step("istiod ready", install, _deployment(shape.istiod, shape.system), after[0])
        yield _step("injection", install, TryInjection(shape), "istiod ready", *after[1:])

    def _ready(self, rendered: Rendered) -> Iterator[Step]:
        """Yield what is waited for: gateways with their addresses, validators in force."""
        install = rendered.install
        applied = "istiod" if self._istioctl is not None else "workloads"
        for gateway in install.gateways:
            name, where = gateway.name, gateway.namespace
            yield _step(f"gateway {name}", install, _deployment(name, where), applied)
            addressed = Await(
                "Service", name, where, waiting.balanced, f"gateway {name} has an address"
            )
            yield _step(f"address of {name}", install, addressed, applied)
        kind = "ValidatingWebhookConfiguration"
        for each in rendered.of_kind(kind):
            name = each["metadata"]["name"]
            guarding = Await(kind, name, None, ready.guarding, f"{name} is in force")
            yield _step(f"validation by {name}", install, guarding, "injection")

    def _introduced(self, rendered: Rendered) -> Iterator[Step]:
        own = rendered.install
        readers = [
            each.install for each in self._clusters if own.cluster in each.install.plane.reads
        ]
        if readers:
            named = [(each.cluster, each.plane.namespace) for each in readers]
            spaces = [_name("namespaces", each) for each in readers]
            action = Introduce(own.plane.namespace, named)
            after = (_name("istiod", own), *spaces)
            yield Step(_name("remote secret", own), own.cluster, action, after)

    def _linked(self, rendered: Rendered) -> Iterator[Step]:
        own = rendered.install
        if own.plane.reads:
            told = [
                _name("remote secret", each.install)
                for each in self._clusters
                if each.install.cluster in own.plane.reads
            ]
            after = (_name("injection", own), *told)
            action = AwaitReads(own.shape, own.plane.reads)
            yield Step(_name("remote clusters", own), own.cluster, action, after)


def _deployment(name: str, namespace: str) -> Await:
    what = f"{name} is ready"
    return Await("Deployment", name, namespace, waiting.available, what, timeout=120)


def _step(name: str, install: ClusterInstall, action: Action, *after: str) -> Step:
    waits = tuple(_name(each, install) for each in after)
    return Step(_name(name, install), install.cluster, action, waits)


def _name(name: str, install: ClusterInstall) -> str:
    return f"{name} {install.cluster}"

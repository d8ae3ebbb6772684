"""The steps of an installation: istiod first, everything else beside what it waits for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from harness.kube import Manifest
from harness.meshes import ca, waiting
from harness.meshes.installation import Action, Apply, Await, Step
from harness.meshes.istio import ready
from harness.meshes.istio.actions import (
    AwaitReads,
    Entrust,
    ImportServices,
    InstallByIstioctl,
    Introduce,
    LeadToIstiod,
    TellNetworks,
    TryInjection,
)
from harness.meshes.istio.objects import exposures, namespaces
from harness.meshes.istio.plan import ClusterInstall, Part
from harness.model.topology import GatewayServiceType
from harness.tools.istioctl import Istioctl

_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_DEFINITION, _PER_NODE = "CustomResourceDefinition", "DaemonSet"
_LEADING = ("Service", "EndpointSlice")


@dataclass(frozen=True, slots=True)
class Rendered:
    """What one cluster gets, its authority if it has one, and all that istioctl would create there.

    ``gateways`` (and their operator) are rendered apart where they come later; ``gateway_api`` are
    the definitions of that API, where a gateway is of it.
    """

    install: ClusterInstall
    authority: ca.Authority | None
    operator: str
    manifests: Sequence[Manifest]
    gateways_operator: str = ""
    gateways: Sequence[Manifest] = ()
    gateway_api: Sequence[Manifest] = ()

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
        own = [each for each in self.of_kind("Deployment") if each not in self.istiod]
        return [*own, *self.gateways]

    @property
    def resources(self) -> list[Manifest]:
        """Objects of kinds that definitions among the rendered objects bring."""
        groups = {each["spec"]["group"] for each in self.of_kind(_DEFINITION)}
        return [each for each in self.manifests if each["apiVersion"].split("/")[0] in groups]

    @property
    def leading(self) -> list[Manifest]:
        """What leads the pods of a remote to its istiods, under the name of one."""
        if self.install.part is not Part.REMOTE:
            return []
        name = self.install.shape.istiod
        return [each for each in self.of_kind(*_LEADING) if each["metadata"]["name"] == name]

    @property
    def base(self) -> list[Manifest]:
        """All that needs nothing else: accounts, roles, settings, Services."""
        apart = self.of_kind("Deployment", _DEFINITION, *_WEBHOOKS)
        apart += [*self.resources, *self.leading]
        return [each for each in self.manifests if each not in apart]


class Steps:
    """Writes the steps of a whole mesh; ``istioctl`` installs by itself what it knows of."""

    def __init__(self, clusters: Sequence[Rendered], istioctl: dict[str, Istioctl] | None) -> None:
        self._clusters = clusters
        self._istioctl = istioctl

    def all(self) -> tuple[Step, ...]:
        """Return the steps, each after those that it waits for."""
        own = {Part.REMOTE: self._attached, Part.EXTERNAL: self._external}
        found = [
            step for each in self._clusters for step in own.get(each.install.part, self._own)(each)
        ]
        found += [step for each in self._clusters for step in self._introduced(each)]
        found += [step for each in self._clusters for step in self._linked(each)]
        found += [step for each in self._clusters for step in self._imported(each.install)]
        found += [step for each in self._clusters for step in self._told(each.install)]
        return _in_order(found)

    # A control plane with all that belongs to it

    def _own(self, rendered: Rendered) -> Iterator[Step]:
        """Yield what a cluster gets without a look at others."""
        install = rendered.install
        yield self._namespaces(rendered)
        if self._istioctl is not None:
            yield from self._by_istioctl(rendered, self._istioctl[install.version])
        else:
            yield from self._by_manifests(rendered)
        yield from self._ready(rendered, "istiod" if self._istioctl is not None else "workloads")

    def _namespaces(self, rendered: Rendered) -> Step:
        install = rendered.install
        first = namespaces(install)
        if rendered.authority is not None:
            first.append(ca.cacerts(rendered.authority, install.shape))
        return _step("namespaces", install, Apply(first))

    def _by_istioctl(self, rendered: Rendered, istioctl: Istioctl) -> Iterator[Step]:
        install = rendered.install
        action = InstallByIstioctl(istioctl, rendered.operator, rendered.manifests)
        yield _step("istiod", install, action, "namespaces")
        yield from self._injects(install, "istiod")
        if rendered.gateway_api:
            yield _step("definitions", install, Apply(rendered.gateway_api), "namespaces")
        yield from self._exposed(install, "injection")

    def _by_manifests(self, rendered: Rendered) -> Iterator[Step]:
        install = rendered.install
        yield _step("settings", install, Apply(rendered.base), "namespaces")
        yield _step("istiod", install, Apply(rendered.istiod), "settings")
        definitions = Apply([*rendered.of_kind(_DEFINITION), *rendered.gateway_api])
        yield _step("definitions", install, definitions, "istiod")
        # Before the validators exist: they would only delay these until istiod serves.
        yield from self._exposed(install, "definitions")
        yield from self._resources(rendered)
        before = ["exposure"] if install.exposures else ["definitions"]
        before += ["resources"] if rendered.resources else []
        yield _step("webhooks", install, Apply(rendered.of_kind(*_WEBHOOKS)), *before)
        yield from self._injects(install, "istiod", "webhooks")
        # A ReplicaSet whose pods a webhook refuses backs off, so wait until it would not.
        yield _step("workloads", install, Apply(rendered.workloads), "injection")

    def _resources(self, rendered: Rendered) -> Iterator[Step]:
        if rendered.resources:
            resources = Apply(rendered.resources, late=True)
            yield _step("resources", rendered.install, resources, "definitions")

    def _exposed(self, install: ClusterInstall, after: str) -> Iterator[Step]:
        if install.exposures:
            yield _step("exposure", install, Apply(exposures(install), late=True), after)

    def _injects(self, install: ClusterInstall, *after: str) -> Iterator[Step]:
        shape = install.shape
        yield _step("istiod ready", install, _deployment(shape.istiod, shape.system), after[0])
        yield _step("injection", install, TryInjection(shape), "istiod ready", *after[1:])

    def _ready(self, rendered: Rendered, applied: str) -> Iterator[Step]:
        """Yield what is waited for: gateways with their addresses, validators in force."""
        install = rendered.install
        for gateway in install.gateways:
            name, where = gateway.workload, gateway.namespace
            made = "exposure" if gateway.class_name else applied
            yield _step(f"gateway {name}", install, _deployment(name, where), made)
            balanced = gateway.type == GatewayServiceType.LOAD_BALANCER
            until = waiting.balanced if balanced else waiting.published
            addressed = Await("Service", name, where, until, f"gateway {name} has an address")
            yield _step(f"address of {name}", install, addressed, made)
        for each in rendered.of_kind(_PER_NODE):
            name, where = each["metadata"]["name"], each["metadata"].get("namespace")
            what = f"{name} is ready on every node"
            ready_there = Await(_PER_NODE, name, where, waiting.on_every_node, what, timeout=120)
            yield _step(f"nodes {name}", install, ready_there, applied)
        kind = "ValidatingWebhookConfiguration"
        for each in rendered.of_kind(kind):
            name = each["metadata"]["name"]
            guarding = Await(kind, name, None, ready.guarding, f"{name} is in force")
            yield _step(f"validation by {name}", install, guarding, "injection")

    # What is served from elsewhere, and who serves it

    def _external(self, rendered: Rendered) -> Iterator[Step]:
        """Yield an istiod whose configuration is in another cluster: it starts with a key to it."""
        install = rendered.install
        plane, shape = install.plane, install.shape
        yield self._namespaces(rendered)
        config = self._members[plane.config_cluster].install
        entrust = Entrust(install.cluster, plane.namespace, shape.istiod)
        key = f"config secret {install.name}"
        after = (_name("namespaces", install), _name("settings", config))
        yield Step(key, plane.config_cluster, entrust, after)
        if self._istioctl is not None:
            istioctl = self._istioctl[install.version]
            action: Action = InstallByIstioctl(istioctl, rendered.operator, rendered.manifests)
        else:
            yield _step("settings", install, Apply(rendered.base), "namespaces")
            action = Apply(rendered.istiod)
        before = ["config secret", "namespaces" if self._istioctl is not None else "settings"]
        yield _step("istiod", install, action, *before)
        yield _step("istiod ready", install, _deployment(shape.istiod, shape.system), "istiod")

    def _attached(self, rendered: Rendered) -> Iterator[Step]:
        """Yield what a remote gets: the last of it once its istiods have addresses and read it."""
        install = rendered.install
        yield self._namespaces(rendered)
        addressed = [f"address of {way.gateway} {way.cluster}" for way in install.ways]
        yield from self._accounts(rendered, addressed)
        lead = LeadToIstiod(install.ways, rendered.leading)
        after = (_name("settings", install), *addressed)
        yield Step(_name("way to istiod", install), install.cluster, lead, after)
        injection = TryInjection(install.shape)
        served = tuple(self._before_injection(install))
        yield Step(_name("injection", install), install.cluster, injection, served)
        yield from self._gateways(rendered)
        yield from self._ready(rendered, "workloads")

    def _accounts(self, rendered: Rendered, addressed: Sequence[str]) -> Iterator[Step]:
        """Yield what needs no istiod, except that istioctl wants to know the address of one."""
        install = rendered.install
        if self._istioctl is not None:
            action = InstallByIstioctl(
                self._istioctl[install.version], rendered.operator, rendered.manifests, install.ways
            )
            after = (_name("namespaces", install), *addressed)
            yield Step(_name("settings", install), install.cluster, action, after)
            yield from self._exposed(install, "settings")
            return
        yield _step("settings", install, Apply(rendered.base), "namespaces")
        yield _step("definitions", install, Apply(rendered.of_kind(_DEFINITION)), "namespaces")
        yield from self._exposed(install, "definitions")
        yield from self._resources(rendered)
        before = ["exposure"] if install.exposures else ["definitions"]
        yield _step("webhooks", install, Apply(rendered.of_kind(*_WEBHOOKS)), *before)

    def _before_injection(self, install: ClusterInstall) -> Iterator[str]:
        """Yield what injection in a remote takes: a way to an istiod that reads the cluster."""
        yield _name("way to istiod", install)
        if self._istioctl is None:
            yield _name("webhooks", install)
        for each in self._clusters:
            if each.install.runs_istiod and install.cluster in each.install.plane.serves:
                yield _name("istiod ready", each.install)
        if self._readers(install):
            yield _name("remote secret", install)

    def _gateways(self, rendered: Rendered) -> Iterator[Step]:
        install = rendered.install
        action: Action = Apply(rendered.workloads)
        if self._istioctl is not None and rendered.gateways:
            istioctl = self._istioctl[install.version]
            action = InstallByIstioctl(istioctl, rendered.gateways_operator, rendered.gateways)
        yield _step("workloads", install, action, "injection")

    def _introduced(self, rendered: Rendered) -> Iterator[Step]:
        own = rendered.install
        if readers := self._readers(own):
            named = [(each.cluster, each.plane.namespace) for each in readers]
            spaces = [_name("namespaces", each) for each in readers]
            action = Introduce(own.plane.namespace, named)
            accounts = "settings" if own.part is Part.REMOTE else "istiod"
            after = (_name(accounts, own), *spaces)
            yield Step(_name("remote secret", own), own.cluster, action, after)

    def _linked(self, rendered: Rendered) -> Iterator[Step]:
        own = rendered.install
        told = [
            _name("remote secret", each.install)
            for each in self._members.values()
            if own in self._readers(each.install)
        ]
        if told:
            up = "istiod ready" if own.part is Part.EXTERNAL else "injection"
            action = AwaitReads(own.shape, own.plane.reads)
            yield Step(_name("remote clusters", own), own.cluster, action, (_name(up, own), *told))

    def _imported(self, install: ClusterInstall) -> Iterator[Step]:
        """Yield what makes services of other meshes known, once their gateways have addresses."""
        if install.imports:
            action = ImportServices(install.imports, install.plane.root_namespace)
            ways = {way for each in install.imports for way in each.ways}
            addressed = sorted(f"address of {way.gateway} {way.cluster}" for way in ways)
            after = (_name("injection", install), *addressed)
            yield Step(_name("imports", install), install.cluster, action, after)

    def _told(self, install: ClusterInstall) -> Iterator[Step]:
        """Yield what tells an istiod of gateways, once these have addresses."""
        if install.told:
            gateways = [each.gateway for each in install.told]
            addressed = sorted(f"address of {each.workload} {each.cluster}" for each in gateways)
            action = TellNetworks(install.shape, install.told)
            after = (_name("istiod ready", install), *addressed)
            yield Step(_name("mesh networks", install), install.cluster, action, after)

    def _readers(self, install: ClusterInstall) -> list[ClusterInstall]:
        """Return the control planes that read a cluster, by what was installed there first."""
        first = self._members.get(install.cluster)
        if first is None or first.install is not install:
            return []
        return [
            each.install
            for each in self._clusters
            if each.install.runs_istiod and install.cluster in each.install.plane.reads
        ]

    @property
    def _members(self) -> dict[str, Rendered]:
        """What was installed first in each cluster that holds workloads."""
        found: dict[str, Rendered] = {}
        for each in self._clusters:
            if each.install.part in (Part.PRIMARY, Part.REMOTE):
                found.setdefault(each.install.cluster, each)
        return found


def _in_order(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return ``steps`` so that each comes after all that it waits for."""
    named = {step.name: step for step in steps}
    order = TopologicalSorter({step.name: step.after for step in steps})
    return tuple(named[name] for name in order.static_order())


def _deployment(name: str, namespace: str) -> Await:
    what = f"{name} is ready"
    return Await("Deployment", name, namespace, waiting.available, what, timeout=120)


def _step(name: str, install: ClusterInstall, action: Action, *after: str) -> Step:
    waits = tuple(_name(each, install) for each in after)
    return Step(_name(name, install), install.cluster, action, waits)


def _name(name: str, install: ClusterInstall) -> str:
    return f"{name} {install.name}"

"""A mesh of several networks by the steps of Istio's guides, cluster by cluster.

What is installed is what the guides install, but for the ingress gateway (nobody calls it) and
for what images made here need: their names, no pulling, no extensions of Istio's own Envoy.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import artifacts, files
from harness.artifacts.components import istio_tag
from harness.kube import Manifest
from harness.meshes import ca
from harness.meshes.base import NETWORK_LABEL
from harness.meshes.istio.objects import exposures, namespaces
from harness.meshes.istio.operator import GATEWAY_PORTS, Release, operator
from harness.meshes.istio.plan import ClusterInstall, InstallPlan, plan_install
from harness.model import Gateway, Topology
from harness.phases import Phases
from harness.shell import LocalShell
from harness.tools.istioctl import Istioctl
from harness.workloads.site import Site


@dataclass(frozen=True, slots=True)
class Guide:
    """The guide for one mesh; ``balance`` gives a LoadBalancer Service of a site its address."""

    istioctl: Path
    release: Release
    plan: InstallPlan
    authorities: Mapping[str, ca.Authority]
    balance: Callable[[Site, str, str], None]

    @classmethod
    def to(cls, wanted: Topology, balance: Callable[[Site, str, str], None]) -> "Guide":
        """Have istioctl and the certificates at hand, which the guides take for granted."""
        istioctl = artifacts.ensure(["istioctl"], Phases())["istioctl"]
        plan = plan_install(wanted)
        root = ca.make_root()
        return cls(
            istioctl.path,
            Release(istio_tag(istioctl.program.version)),
            plan,
            {each.cluster: ca.make_intermediate(root, each.cluster) for each in plan.clusters},
            balance,
        )

    def follow(self, sites: Sequence[Site]) -> None:
        """Install on one cluster after the other, then tell each of the others."""
        for site in sites:
            self._install(site, self.plan.cluster(site.name))
        for site in sites:
            secret = self._remote_secret(site)
            for reader in sites:
                if site.name in self.plan.cluster(reader.name).plane.reads:
                    reader.apply(*secret)

    def _install(self, site: Site, install: ClusterInstall) -> None:
        site.apply(
            *namespaces(install),
            ca.cacerts(self.authorities[site.name], install.shape),
        )
        istioctl = Istioctl(self.istioctl, LocalShell())
        istioctl.install(self._control_plane(install), kubeconfig=site.kube.kubeconfig)
        for gateway in install.gateways:
            istioctl.install(self._gateway(gateway), kubeconfig=site.kube.kubeconfig)
            self.balance(site, gateway.name, gateway.namespace)
        site.apply(*exposures(install))

    def _remote_secret(self, site: Site) -> Sequence[Manifest]:
        argv = [str(self.istioctl), "create-remote-secret", "--name", site.name]
        argv += ["--kubeconfig", str(site.kube.kubeconfig), "--server", site.cluster.server]
        said = LocalShell().run(argv, timeout=60).checked()
        return files.parse_manifests(said, source="istioctl create-remote-secret")

    def _control_plane(self, install: ClusterInstall) -> str:
        ours = json.loads(operator(install, self.release))["spec"]
        pilot = {"k8s": {"env": ours["components"]["pilot"]["k8s"]["env"]}}
        values = {
            "global": {
                "imagePullPolicy": "IfNotPresent",
                "meshID": install.plane.mesh,
                "multiCluster": {"clusterName": install.cluster},
                "network": install.network,
            },
            "telemetry": {"enabled": False},
        }
        return self._document("mesh", "minimal", {"pilot": pilot}, values)

    def _gateway(self, gateway: Gateway) -> str:
        """Return what the guides' gen-eastwest-gateway.sh prints."""
        view = {"name": "ISTIO_META_REQUESTED_NETWORK_VIEW", "value": gateway.network}
        ports = [{"name": n, "port": p, "targetPort": p} for n, p in GATEWAY_PORTS.items()]
        labels = {"app": gateway.name, **gateway.labels, NETWORK_LABEL: gateway.network}
        component = {
            "name": gateway.name,
            "label": labels,
            "enabled": True,
            "k8s": {"env": [view], "service": {"ports": ports}},
        }
        values = {
            "gateways": {"istio-ingressgateway": {"injectionTemplate": "gateway"}},
            "global": {"imagePullPolicy": "IfNotPresent", "network": gateway.network},
        }
        return self._document("eastwest", "empty", {"ingressGateways": [component]}, values)

    def _document(self, name: str, profile: str, components: Manifest, values: Manifest) -> str:
        document = {
            "apiVersion": "install.istio.io/v1alpha1",
            "kind": "IstioOperator",
            "metadata": {"name": name},
            "spec": {
                "profile": profile,
                "hub": self.release.hub,
                "tag": self.release.tag,
                "components": components,
                "values": values,
            },
        }
        return json.dumps(document)

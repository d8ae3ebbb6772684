"""The programs of a cluster's control plane, and how they are started."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.model import ClusterPlan, NodePlan
from harness.model.plan import API_PORT
from harness.providers.embedded.spec import Daemon

#: Programs that every lab needs, by the names of ``harness.artifacts``.
PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
)
ISSUER = "https://kubernetes.default.svc"
#: Nodes are the harness's own and nothing here makes disks or clouds: these would only fight it.
_CONTROLLERS = (
    "*",
    "-node-ipam-controller",
    "-node-lifecycle-controller",
    "-node-route-controller",
    "-persistentvolume-attach-detach-controller",
    "-persistentvolume-binder-controller",
    "-pod-garbage-collector-controller",
    "-service-lb-controller",
    "-taint-eviction-controller",
)
#: Collecting garbage seldom makes a start a quarter shorter; the limit keeps what that costs.
_TUNING: Mapping[str, Mapping[str, str]] = {
    "etcd": {"GOGC": "200", "GOMEMLIMIT": "100MiB"},
    "kube-apiserver": {"GOGC": "400", "GOMEMLIMIT": "420MiB"},
}
#: Nobody asks these programs anything, and a port would cost them an RSA key at each start.
_SILENT = "--secure-port=0"
_ETCD = "http://127.0.0.1:2379"


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """One cluster's programs. ``secrets``, ``scratch`` are directories as seen in the lab."""

    cluster: ClusterPlan
    programs: Mapping[str, Path]
    secrets: Path
    scratch: Path

    def core(self) -> tuple[Daemon, ...]:
        """Return the API server and its store."""
        return (self._etcd(), self._api())

    def rest(self) -> tuple[Daemon, ...]:
        """Return what can do with an API server that answers."""
        proxies = tuple(self._proxy(node) for node in self.cluster.nodes)
        daemons = (self._scheduler(), *proxies)
        return tuple(daemon.model_copy(update={"lasting": True}) for daemon in daemons)

    def controllers(self) -> tuple[Daemon, ...]:
        """Return what wants a healthy API server, and gives up after ten seconds without one."""
        return (self._controllers().model_copy(update={"lasting": True}),)

    def _daemon(self, program: str, *flags: str, node: NodePlan | None = None) -> Daemon:
        where = node or self.cluster.nodes[0]
        return Daemon(
            name=f"{where.name if node else self.cluster.name}-{program}",
            namespace=where.name,
            argv=(str(self.programs[program]), *flags),
            env=_TUNING.get(program, {}),
        )

    def _etcd(self) -> Daemon:
        return self._daemon(
            "etcd",
            f"--data-dir={self.scratch / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls={_ETCD}",
            f"--advertise-client-urls={_ETCD}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--log-level=warn",
        )

    def _api(self) -> Daemon:
        secrets = self.secrets
        return self._daemon(
            "kube-apiserver",
            f"--advertise-address={self.cluster.api_address}",
            "--allow-privileged=true",
            f"--api-audiences={ISSUER},istio-ca",
            "--authorization-mode=RBAC",
            f"--cert-dir={self.scratch / 'certs'}",
            f"--client-ca-file={secrets / 'ca.crt'}",
            "--disable-admission-plugins=PodSecurity",
            "--enable-aggregator-routing=true",
            "--enable-priority-and-fairness=false",
            f"--etcd-servers={_ETCD}",
            f"--kubelet-certificate-authority={secrets / 'ca.crt'}",
            f"--kubelet-client-certificate={secrets / 'kubelet-client.crt'}",
            f"--kubelet-client-key={secrets / 'kubelet-client.key'}",
            "--kubelet-preferred-address-types=InternalIP",
            "--profiling=false",
            f"--secure-port={API_PORT}",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={secrets / 'accounts.key'}",
            f"--service-account-signing-key-file={secrets / 'accounts.key'}",
            f"--service-cluster-ip-range={self.cluster.services}",
            "--storage-media-type=application/vnd.kubernetes.protobuf",
            f"--tls-cert-file={secrets / 'api.crt'}",
            f"--tls-private-key-file={secrets / 'api.key'}",
        )

    def _controllers(self) -> Daemon:
        return self._daemon(
            "kube-controller-manager",
            f"--cluster-name={self.cluster.name}",
            f"--controllers={','.join(_CONTROLLERS)}",
            f"--kubeconfig={self.secrets / 'kcm.yaml'}",
            "--leader-elect=false",
            f"--root-ca-file={self.secrets / 'ca.crt'}",
            _SILENT,
            f"--service-account-private-key-file={self.secrets / 'accounts.key'}",
            "--use-service-account-credentials=false",
        )

    def _scheduler(self) -> Daemon:
        config = self.secrets / "scheduler.yaml"
        return self._daemon(
            "kube-scheduler",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            f"--kubeconfig={config}",
            "--leader-elect=false",
            _SILENT,
        )

    def _proxy(self, node: NodePlan) -> Daemon:
        """Return the node's Service proxy; limits of the machine's kernel are not its to set."""
        return self._daemon(
            "kube-proxy",
            f"--cluster-cidr={self.cluster.pods}",
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-close-wait=0",
            "--conntrack-tcp-timeout-established=0",
            f"--hostname-override={node.name}",
            "--iptables-localhost-nodeports=false",
            "--iptables-min-sync-period=100ms",
            "--iptables-sync-period=30s",
            f"--kubeconfig={self.secrets / 'proxy.yaml'}",
            "--proxy-mode=iptables",
            node=node,
        )

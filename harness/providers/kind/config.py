"""What kind and the nodes' container runtime are told about one cluster."""

from collections.abc import Mapping
from typing import Any

from harness import files
from harness.model import ClusterPlan, NodePlan

#: kubeadm's versions of its configuration: from Kubernetes 1.36 on, kind writes the second.
_MAPS, _LISTS = "kubeadm.k8s.io/v1beta3", "kubeadm.k8s.io/v1beta4"

Settings = Mapping[str, str]

#: A lab's clusters are small and live shortly: no election, no waiting between controllers.
_CONTROLLERS: Settings = {
    "allocate-node-cidrs": "false",
    "enable-hostpath-provisioner": "true",
    "kube-api-burst": "600",
    "kube-api-qps": "300",
    "leader-elect": "false",
}
_ETCD: Settings = {"unsafe-no-fsync": "true"}
_SCHEDULER: Settings = {"leader-elect": "false"}


def kind_config(cluster: ClusterPlan, image: str) -> str:
    """Return the configuration of ``kind create cluster``."""
    content = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": {
            "apiServerAddress": "127.0.0.1",
            "apiServerPort": -1,  # the engine chooses, who knows which are free
            "disableDefaultCNI": True,
            "kubeProxyMode": "iptables",
            "podSubnet": cluster.pods,
            "serviceSubnet": cluster.services,
        },
        "kubeadmConfigPatches": [files.dump(patch) for patch in _patches(cluster)],
        "nodes": [
            _node(node, image, first=number == 0) for number, node in enumerate(cluster.nodes)
        ],
    }
    return files.dump(content)


def conflist(node: NodePlan) -> dict[str, Any]:
    """Return the pods' network of a node: a wire to each pod, all routed by the node."""
    ranges = [[{"subnet": node.pods}]]
    ipam = {
        "type": "host-local",
        "dataDir": "/run/meshproof-cni",
        "ranges": ranges,
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    wire = {"type": "ptp", "ipMasq": False, "mtu": 1500, "ipam": ipam}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [wire]}


def _node(node: NodePlan, image: str, *, first: bool) -> dict[str, Any]:
    labels = {
        "topology.kubernetes.io/region": node.region,
        "topology.kubernetes.io/zone": node.zone,
    }
    patches = [
        files.dump({"kind": kind, "nodeRegistration": {"name": node.name}})
        for kind in ("InitConfiguration", "JoinConfiguration")
    ]
    return {
        "role": "control-plane" if first else "worker",
        "image": image,
        "labels": {key: value for key, value in labels.items() if value},
        "kubeadmConfigPatches": patches,
    }


def _patches(cluster: ClusterPlan) -> list[dict[str, Any]]:
    return [
        {
            "kind": "KubeletConfiguration",
            "clusterDomain": cluster.domain,
            "nodeStatusUpdateFrequency": "1s",
        },
        {
            "kind": "KubeProxyConfiguration",
            "iptables": {"minSyncPeriod": "100ms", "localhostNodePorts": False},
        },
        _control_plane(cluster, _MAPS),
        _control_plane(cluster, _LISTS),
        _init(cluster),
    ]


def _init(cluster: ClusterPlan) -> dict[str, Any]:
    """Leave cluster DNS to us; where there is one node, kind itself takes the taint off."""
    skipped = {"skipPhases": ["preflight", "addon/coredns"]}
    patch: dict[str, Any] = {"kind": "InitConfiguration", **skipped}
    if len(cluster.nodes) > 1:
        patch["nodeRegistration"] = {"taints": []}
    return patch


def _control_plane(cluster: ClusterPlan, version: str) -> dict[str, Any]:
    def extra(settings: Settings) -> Any:
        if version == _MAPS:
            return dict(settings)
        return [{"name": name, "value": value} for name, value in settings.items()]

    return {
        "apiVersion": version,
        "kind": "ClusterConfiguration",
        "networking": {"dnsDomain": cluster.domain},
        "apiServer": {"certSANs": ["localhost", "127.0.0.1", cluster.api_address]},
        "controllerManager": {"extraArgs": extra(_CONTROLLERS)},
        "etcd": {"local": {"dataDir": "/var/lib/etcd", "extraArgs": extra(_ETCD)}},
        "scheduler": {"extraArgs": extra(_SCHEDULER)},
    }

"""Cluster DNS, as a cluster brings it along: CoreDNS behind the Service ``kube-dns``."""

from harness.kube import Manifest

NAMESPACE = "kube-system"
_NAME = "coredns"
_LABELS = {"k8s-app": "kube-dns"}
#: Load balancers that give names, as some clouds do, give those of this zone (RFC 2606): a name
#: tells its address, so that every cluster resolves those of all.
BALANCER_ZONE = "balancer.test"
_NAMED = r"^ip-(?P<a>[0-9]+)-(?P<b>[0-9]+)-(?P<c>[0-9]+)-(?P<d>[0-9]+)[.]balancer[.]test[.]$"
#: There is no world outside a lab, so other names are answered "no such name" at once. A block
#: of their own, as the template would go before the cluster's names in one block.
_COREFILE = """\
CLUSTER_DOMAIN:53 in-addr.arpa:53 ip6.arpa:53 {
    errors
    health :8080
    ready :8181
    kubernetes CLUSTER_DOMAIN in-addr.arpa ip6.arpa {
        pods insecure
        ttl 5
    }
    loadbalance
}
BALANCER_ZONE:53 {
    errors
    template IN A {
        match NAMED
        answer "{{ .Name }} 30 IN A {{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"
        fallthrough
    }
    template ANY ANY {
        rcode NOERROR
    }
}
.:53 {
    errors
    template ANY ANY {
        rcode NXDOMAIN
    }
}
""".replace("BALANCER_ZONE", BALANCER_ZONE).replace("NAMED", _NAMED)


def balancer_name(address: str) -> str:
    """Return the name that leads to an address of a load balancer, in every cluster."""
    return f"ip-{address.replace('.', '-')}.{BALANCER_ZONE}"


def balancer_address(name: str) -> str:
    """Return the address that a load balancer's name leads to."""
    return name.partition(".")[0].removeprefix("ip-").replace("-", ".")


def manifests(address: str, image: str, domain: str) -> list[Manifest]:
    """Return what serves names of a cluster's ``domain`` at ``address``, in order."""
    return [*_rights(), _config(domain), _service(address), _deployment(image)]


def _meta(name: str, namespace: str | None = NAMESPACE) -> Manifest:
    meta: Manifest = {"name": name, "labels": dict(_LABELS)}
    return {**meta, "namespace": namespace} if namespace else meta


def _rights() -> list[Manifest]:
    rbac = "rbac.authorization.k8s.io"
    role = f"system:{_NAME}"
    watch = ["list", "watch"]
    rules = [
        {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": watch},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": watch},
    ]
    account = {"kind": "ServiceAccount", "name": _NAME, "namespace": NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _meta(_NAME)},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRole",
            "metadata": _meta(role, None),
            "rules": rules,
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": _meta(role, None),
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
            "subjects": [account],
        },
    ]


def _config(domain: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _meta(_NAME),
        "data": {"Corefile": _COREFILE.replace("CLUSTER_DOMAIN", domain)},
    }


def _service(address: str) -> Manifest:
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta("kube-dns"),
        "spec": {"clusterIP": address, "selector": _LABELS, "ports": ports},
    }


def _deployment(image: str) -> Manifest:
    container = {
        "name": _NAME,
        "image": image,
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            {"name": "dns", "containerPort": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
    }
    pod = {
        "serviceAccountName": _NAME,
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": _NAME}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(_NAME),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": _LABELS},
            "template": {"metadata": {"labels": dict(_LABELS)}, "spec": pod},
        },
    }

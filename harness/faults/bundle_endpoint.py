"""Let a mesh take the roots of another one from an endpoint of that, by SPIFFE federation."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.faults.authorities import plugged_root
from harness.faults.mesh_config import mesh_config
from harness.faults.rollout import other_pods, pod_spec
from harness.kube import Manifest
from harness.meshes import ca
from harness.meshes.base import XDS_PORT
from harness.probes.gateway import address
from harness.probes.spiffe_bundle import bundle
from harness.workloads.rules import gateway, server, virtual_service
from harness.workloads.site import Site

_NAME = "bundle-endpoint"
#: A port of gateways that is open to other networks, and serves nobody where istiod is not exposed.
_PORT = XDS_PORT
#: Where an istiod finds the roots that it believes of web servers (Go, ``crypto/x509``).
_TRUSTED, _MOUNT = "SSL_CERT_FILE", "/etc/bundle-endpoint"


@dataclass(slots=True)
class BundleEndpoint:
    """How a mesh offers its roots: as they are, or (``stranger``) another one in their place."""

    stranger: bool = False

    @contextmanager
    def misleading(self) -> Iterator[None]:
        """Run the body while bundles hold a root that nobody has."""
        self.stranger, before = True, self.stranger
        try:
            yield
        finally:
            self.stranger = before

    @contextmanager
    def between(self, site: Site, other: Site) -> Iterator[None]:
        """Run the body while the mesh of ``site`` takes the roots of that of ``other`` from there.

        They are offered at the gateway of ``other``, which has to have an address of IPv4.
        """
        there, space = address(other), other.shape.gateway_namespace
        root = ca.make_root("Root of web servers")
        leaf = ca.make_leaf(root, other.identity(space, _NAME), addresses=[there])
        pair = ca.tls_secret(_NAME, space, leaf.chain_pem + leaf.root_pem, leaf.key_pem)
        offered = ca.make_root("Stranger").root_pem if self.stranger else plugged_root(other)
        domain, url = other.shape.trust_domain, f"https://{there}:{_PORT}/bundle.json"
        with (
            other.applied(pair),
            other.config.applied(*_serving(other, bundle([offered]))),
            _believing(site, root.root_pem),
            mesh_config(site, lambda config: _point(config, domain, url)),
        ):
            yield


def _serving(site: Site, document: str) -> tuple[Manifest, ...]:
    shape = site.shape
    https = server(_PORT, "HTTPS", "SIMPLE", hosts=["*"], credential=_NAME)
    answer = {"directResponse": {"status": 200, "body": {"string": document}}}
    return (
        gateway(_NAME, shape.gateway_namespace, labels=shape.gateway_labels, servers=[https]),
        virtual_service(
            _NAME, shape.gateway_namespace, hosts=["*"], gateways=[_NAME], http=[answer]
        ),
    )


@contextmanager
def _believing(site: Site, root_pem: str) -> Iterator[None]:
    """Run the body while the control plane of a cluster believes web servers of this root."""
    home = site.control_plane
    shape = home.shape
    metadata = {"name": _NAME, "namespace": shape.system}
    roots = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    spec = pod_spec(home, shape.istiod, shape.system)
    first, *others = spec["containers"]
    trusting = {
        **first,
        "env": [*first.get("env", []), {"name": _TRUSTED, "value": f"{_MOUNT}/root.pem"}],
        "volumeMounts": [*first.get("volumeMounts", []), {"name": _NAME, "mountPath": _MOUNT}],
    }
    volume = {"name": _NAME, "configMap": {"name": _NAME}}
    changed = {
        "containers": [trusting, *others],
        "volumes": [*spec.get("volumes", []), volume],
    }
    with (
        home.applied({**roots, "data": {"root.pem": root_pem}}),
        other_pods(home, shape.istiod, shape.system, {"spec": changed}),
    ):
        yield


def _point(config: Manifest, domain: str, url: str) -> None:
    """Have the roots of a trust domain taken from ``url`` instead of being written down."""
    known = config.get("caCertificates", [])
    kept = [each for each in known if domain not in each.get("trustDomains", [])]
    config["caCertificates"] = [*kept, {"spiffeBundleUrl": url, "trustDomains": [domain]}]

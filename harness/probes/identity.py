"""Certificates to present: minted as the mesh's own authority would, or of an alien root."""

from base64 import b64decode
from dataclasses import dataclass
from datetime import timedelta

from harness.meshes import ca
from harness.model import ToolError
from harness.probes.cluster_view import ClusterView

_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """A certificate chain (leaf first, root last) and its private key, as PEM; never printed."""

    uri: str
    certificate_pem: str
    key_pem: str

    def __repr__(self) -> str:
        """Name the identity only."""
        return f"Identity({self.uri})"


def mint(site: ClusterView, uri: str) -> Identity:
    """Return ``uri`` signed by the authority that was plugged into a cluster's control plane.

    :class:`ToolError` if the mesh has no plugged-in authority, or one that cannot sign.
    """
    shape = site.shape
    secret = site.kube.find("Secret", shape.authority, shape.system)
    if secret is None:
        what = f"{shape.system} has no Secret {shape.authority}"
        raise ToolError(("mint", uri), 1, f"{what}: only a mesh with a plugged-in CA can be minted")
    pem = {name: b64decode(value).decode() for name, value in secret["data"].items()}
    chain = pem.get("cert-chain.pem", pem["ca-cert.pem"]) + pem.get("root-cert.pem", "")
    try:
        authority = ca.load(pem["ca-cert.pem"], pem["ca-key.pem"], chain)
    except (TypeError, ValueError) as error:
        raise ToolError(("mint", uri), 1, str(error)) from error
    return _signed(authority, uri)


def alien(uri: str) -> Identity:
    """Return ``uri`` signed by a root of our own that no mesh has ever heard of."""
    return _signed(ca.make_root("Alien Root"), uri)


def _signed(authority: ca.Authority, uri: str) -> Identity:
    leaf = ca.make_leaf(authority, uri, lifetime=_LIFETIME)
    return Identity(uri, leaf.chain_pem + leaf.root_pem, leaf.key_pem)

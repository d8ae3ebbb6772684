"""Certificate authorities of a mesh: a root, intermediates per control plane, leaves for probes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness import signing
from harness.kube import Manifest
from harness.meshes.base import MeshShape
from harness.signing import Key

#: Certificates are valid from this long ago, so that clocks may differ.
_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Authority:
    """Something that signs. ``issuers`` is the path above it, nearest first, ending in the root."""

    certificate: x509.Certificate
    key: Key
    issuers: tuple[x509.Certificate, ...] = ()

    @property
    def certificate_pem(self) -> str:
        """Its own certificate."""
        return _pem(self.certificate)

    @property
    def chain_pem(self) -> str:
        """Its own certificate and all above it, the root included."""
        return "".join(map(_pem, (self.certificate, *self.issuers)))

    @property
    def root_pem(self) -> str:
        """The certificate at which the path ends."""
        return _pem((self.certificate, *self.issuers)[-1])

    @property
    def key_pem(self) -> str:
        """Its private key, unencrypted."""
        return _key_pem(self.key)


@dataclass(frozen=True, slots=True)
class Leaf:
    """The certificate of a workload with the chain up to (not with) the root, and its key."""

    chain_pem: str
    key_pem: str = field(repr=False)
    root_pem: str


def make_root(name: str = "Root CA", *, lifetime: timedelta = timedelta(days=3650)) -> Authority:
    """Make a self-signed authority with a key of its own."""
    key = signing.new_key()
    subject = _subject(name)
    builder = signing.begin_authority(subject, key, lifetime, skew=_SKEW).issuer_name(subject)
    return Authority(signing.sign(builder, key), key)


def make_intermediate(
    issuer: Authority, name: str, *, lifetime: timedelta = timedelta(days=730)
) -> Authority:
    """Make an authority that ``issuer`` vouches for and that signs workloads only."""
    key = signing.new_key()
    builder = signing.begin_authority(_subject(name), key, lifetime, skew=_SKEW, path_length=0)
    signed = signing.sign(_issued_by(builder, issuer), issuer.key)
    return Authority(signed, key, (issuer.certificate, *issuer.issuers))


def make_leaf(
    issuer: Authority,
    spiffe_uri: str,
    *,
    lifetime: timedelta = timedelta(hours=24),
    dns_names: Sequence[str] = (),
    addresses: Sequence[str] = (),
) -> Leaf:
    """Make a workload certificate as istiod would issue it, for client and server use.

    ``dns_names`` and (IP) ``addresses`` are what else its holder may be called.
    """
    key = signing.new_key()
    names = [
        x509.UniformResourceIdentifier(spiffe_uri),
        *map(x509.DNSName, dns_names),
        *(x509.IPAddress(ip_address(each)) for each in addresses),
    ]
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = (
        _issued_by(signing.begin(x509.Name([]), key, lifetime, skew=_SKEW), issuer)
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(signing.usage(signs=False), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    above = (issuer.certificate, *issuer.issuers)[:-1]
    chain = "".join(map(_pem, (signing.sign(builder, issuer.key), *above)))
    return Leaf(chain, _key_pem(key), issuer.root_pem)


def cacerts(authority: Authority, shape: MeshShape) -> Manifest:
    """Return the Secret by which istiod takes ``authority`` for its own."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": shape.authority, "namespace": shape.system},
        "stringData": {
            "ca-cert.pem": authority.certificate_pem,
            "ca-key.pem": authority.key_pem,
            "cert-chain.pem": authority.chain_pem,
            "root-cert.pem": authority.root_pem,
        },
    }


def tls_secret(name: str, namespace: str, certificate_pem: str, key_pem: str) -> Manifest:
    """Return the Secret by which a gateway presents a certificate (with its chain)."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": {"tls.crt": certificate_pem, "tls.key": key_pem},
    }


def load(certificate_pem: str, key_pem: str, chain_pem: str) -> Authority:
    """Rebuild an authority from PEM; ``chain_pem`` starts with its own certificate.

    Raises :class:`ValueError` for what is no PEM, :class:`TypeError` for other kinds of keys.
    """
    certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    chain = x509.load_pem_x509_certificates(chain_pem.encode())
    key = load_pem_private_key(key_pem.encode(), password=None)
    if not isinstance(key, Key):
        raise TypeError(f"a {type(key).__name__} is no key that istiod accepts")
    issuers = tuple(dict.fromkeys(above for above in chain if above != certificate))
    return Authority(certificate, key, issuers)


def _subject(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Istio"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _issued_by(builder: x509.CertificateBuilder, issuer: Authority) -> x509.CertificateBuilder:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    return builder.issuer_name(issuer.certificate.subject).add_extension(identifier, critical=False)


def _pem(certificate: x509.Certificate) -> str:
    return signing.pem(certificate).decode()


def _key_pem(key: Key) -> str:
    raw = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return raw.decode()

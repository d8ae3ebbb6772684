"""Certificates and keys of one cluster. Elliptic curves: a lab's worth takes milliseconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness import signing
from harness.signing import new_key

_LIFE = timedelta(days=30)
_SKEW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key, in PEM."""

    certificate: bytes
    key: bytes


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return ``key`` as unencrypted PEM in the form that Kubernetes reads."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


class Authority:
    """Signs the certificates of one cluster."""

    def __init__(self, name: str) -> None:
        self._key = new_key()
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = signing.begin_authority(self._name, self._key, _LIFE, skew=_SKEW)
        self._certificate = signing.sign(builder.issuer_name(self._name), self._key)

    @property
    def identity(self) -> Identity:
        """The authority's own certificate and key."""
        return Identity(signing.pem(self._certificate), key_pem(self._key))

    def issue(
        self, name: str, *, groups: Sequence[str] = (), hosts: Sequence[str] = ()
    ) -> Identity:
        """Return a certificate for user ``name`` in ``groups``, or a server of ``hosts``."""
        key = new_key()
        subject = x509.Name(
            [
                *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = (
            signing.begin(subject, key, _LIFE, skew=_SKEW)
            .issuer_name(self._name)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        )
        if hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        return Identity(signing.pem(signing.sign(builder, self._key)), key_pem(key))


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)

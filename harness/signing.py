"""What every certificate that the harness makes has in common: of clusters, meshes, probes."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

#: What signs. An elliptic curve's key takes milliseconds to make.
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def begin(
    subject: x509.Name, key: Key, lifetime: timedelta, *, skew: timedelta
) -> x509.CertificateBuilder:
    """Return a certificate without an issuer, valid from ``skew`` ago, as clocks may differ."""
    now = datetime.now(UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - skew)
        .not_valid_after(now + lifetime)
        .add_extension(identifier, critical=False)
    )


def begin_authority(
    subject: x509.Name,
    key: Key,
    lifetime: timedelta,
    *,
    skew: timedelta,
    path_length: int | None = None,
) -> x509.CertificateBuilder:
    """Return :func:`begin` for a certificate that may sign, ``path_length`` authorities deep."""
    constraints = x509.BasicConstraints(ca=True, path_length=path_length)
    return (
        begin(subject, key, lifetime, skew=skew)
        .add_extension(constraints, critical=True)
        .add_extension(usage(signs=True), critical=True)
    )


def usage(*, signs: bool) -> x509.KeyUsage:
    """Return what a key is for: signing certificates, or encrypting a connection."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def sign(builder: x509.CertificateBuilder, key: Key) -> x509.Certificate:
    """Return the certificate, signed with ``key``."""
    return builder.sign(key, hashes.SHA256())


def pem(certificate: x509.Certificate) -> bytes:
    """Return the certificate as PEM."""
    return certificate.public_bytes(Encoding.PEM)

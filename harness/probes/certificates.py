"""X.509 as far as a mesh uses it: SPIFFE URIs, chains, fingerprints."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

_END = "-----END CERTIFICATE-----"


def uris_of(pem: str) -> tuple[str, ...]:
    """Return the URIs among the subject's alternative names of a certificate."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(names.value.get_values_for_type(x509.UniformResourceIdentifier))


def dns_names_of(pem: str) -> tuple[str, ...]:
    """Return the DNS names among the subject's alternative names of a certificate."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(names.value.get_values_for_type(x509.DNSName))


def split(bundle: str) -> tuple[str, ...]:
    """Return the certificates of a PEM bundle one by one, each in one normal form."""
    blocks = (block.strip() for block in bundle.split(_END))
    return tuple(f"{block}\n{_END}\n" for block in blocks if block)


def fingerprint(pem: str) -> str:
    """Return the SHA-256 fingerprint of a certificate in hexadecimal."""
    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(SHA256()).hex()


def issued_by(pem: str, issuer: str) -> bool:
    """Say whether ``issuer`` signed the certificate ``pem``."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    try:
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(issuer.encode()))
    except Exception:  # noqa: BLE001 - cryptography raises several kinds, none of them ours
        return False
    return True


@dataclass(frozen=True, slots=True)
class Certificates:
    """What a proxy holds: its leaf's URIs, its chain (leaf first) and the roots it trusts."""

    leaf_uris: tuple[str, ...]
    chain_pem: tuple[str, ...]
    root_pem: str

    @property
    def signer(self) -> str:
        """The fingerprint of the certificate that signed the leaf, presented or trusted."""
        known = (*self.chain_pem[1:], *split(self.root_pem))
        return next((fingerprint(each) for each in known if issued_by(self.chain_pem[0], each)), "")

    def trusts(self, other: "Certificates") -> bool:
        """Say whether the chain of ``other`` leads to one of the roots, itself presented or not."""
        last = other.chain_pem[-1]
        return any(each == last or issued_by(last, each) for each in split(self.root_pem))

"""Trust bundles in SPIFFE's format: what they say is what the certificates say."""

import json
from base64 import b64decode
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.x509.oid import NameOID
from jwt import PyJWK

from harness import signing
from harness.meshes import ca
from harness.probes.spiffe_bundle import bundle


def of_rsa() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "RSA")])
    begun = signing.begin_authority(name, key, timedelta(days=1), skew=timedelta(0))
    return signing.pem(signing.sign(begun.issuer_name(name), key)).decode()


@pytest.mark.parametrize("root", [ca.make_root("Root").root_pem, of_rsa()], ids=["ec", "rsa"])
def test_a_key_of_a_bundle_is_that_of_its_certificate(root: str) -> None:
    (key,) = json.loads(bundle([root]))["keys"]
    (encoded,) = key["x5c"]
    certificate = x509.load_der_x509_certificate(b64decode(encoded))
    assert key["use"] == "x509-svid"
    assert certificate == x509.load_pem_x509_certificate(root.encode())
    algorithm = {"EC": "ES256", "RSA": "RS256"}[key["kty"]]
    assert PyJWK.from_dict(key, algorithm=algorithm).key == certificate.public_key()


def test_a_key_that_has_no_place_in_a_bundle_is_told() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Edwards")])
    built = signing.begin(name, key, timedelta(days=1), skew=timedelta(0)).issuer_name(name)  # type: ignore[arg-type]
    root = signing.pem(built.sign(key, None)).decode()
    with pytest.raises(TypeError, match="no place for a Ed25519PublicKey"):
        bundle([root])

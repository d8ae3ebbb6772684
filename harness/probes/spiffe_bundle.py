"""A trust bundle in the format that SPIFFE federation exchanges.

Source: SPIFFE Trust Domain and Bundle, section 4: a JSON Web Key Set (RFC 7517) in which every key
has the use ``x509-svid`` and one certificate.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from jwt.algorithms import ECAlgorithm, RSAAlgorithm


def bundle(roots: Sequence[str]) -> str:
    """Return the document for root certificates (PEM).

    :class:`TypeError` for a key that is neither RSA nor of an elliptic curve.
    """
    found = [x509.load_pem_x509_certificate(root.encode()) for root in roots]
    return json.dumps({"spiffe_sequence": 1, "keys": [_key(each) for each in found]})


def _key(root: x509.Certificate) -> Mapping[str, Any]:
    encoded = b64encode(root.public_bytes(Encoding.DER)).decode()
    return {**_public(root), "use": "x509-svid", "x5c": [encoded]}


def _public(root: x509.Certificate) -> Mapping[str, Any]:
    key = root.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return RSAAlgorithm.to_jwk(key, as_dict=True)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return ECAlgorithm.to_jwk(key, as_dict=True)
    raise TypeError(f"a bundle has no place for a {type(key).__name__}")

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from harness.model import ToolError
from harness.probes.certificates import issued_by, split, uris_of
from harness.probes.identity import alien, mint

from .conftest import Cluster

URI = "spiffe://cluster.local/ns/sample/sa/probe-a"


def test_an_alien_brings_its_own_root() -> None:
    one, other = alien(URI), alien(URI)
    leaf, root = split(one.certificate_pem)
    assert uris_of(leaf) == (URI,)
    assert issued_by(leaf, root)
    assert not issued_by(leaf, split(other.certificate_pem)[1])
    assert URI in repr(one)
    assert "PRIVATE" not in repr(one)


def test_the_meshs_own_authority_signs_what_is_minted(place: Cluster) -> None:
    authority = alien("spiffe://authority")
    signer = split(authority.certificate_pem)[0]
    place.kube.objects["Secret", "cacerts", "istio-system"] = {
        "data": {
            "ca-cert.pem": base64.b64encode(signer.encode()).decode(),
            "ca-key.pem": base64.b64encode(authority.key_pem.encode()).decode(),
            "cert-chain.pem": base64.b64encode(authority.certificate_pem.encode()).decode(),
        }
    }
    minted = mint(place, URI)
    leaf, *chain = split(minted.certificate_pem)
    assert uris_of(leaf) == (URI,)
    assert "".join(chain) == authority.certificate_pem
    public = x509.load_pem_x509_certificate(signer.encode()).public_key()
    shown = x509.load_pem_x509_certificate(leaf.encode())
    assert shown.issuer == x509.load_pem_x509_certificate(signer.encode()).subject
    key = serialization.load_pem_private_key(minted.key_pem.encode(), None)
    assert key.public_key() == shown.public_key()
    assert public != shown.public_key()


def test_without_a_plugged_authority_nothing_is_minted(place: Cluster) -> None:
    with pytest.raises(ToolError, match="plugged-in"):
        mint(place, URI)

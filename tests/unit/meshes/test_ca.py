from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from harness.meshes import ca
from harness.meshes.base import MeshShape

SPIFFE = "spiffe://cluster.local/ns/sample/sa/probe"


def _verify(leaf: ca.Leaf, root: ca.Authority) -> None:
    certificate, *above = x509.load_pem_x509_certificates(leaf.chain_pem.encode())
    policy = PolicyBuilder().store(Store([root.certificate])).build_client_verifier()
    policy.verify(certificate, above)


def test_leaves_of_both_intermediates_lead_to_the_one_root() -> None:
    root = ca.make_root()
    for name in ("one", "two"):
        _verify(ca.make_leaf(ca.make_intermediate(root, name), SPIFFE), root)


def test_a_leaf_of_another_root_does_not() -> None:
    leaf = ca.make_leaf(ca.make_intermediate(ca.make_root(), "x"), SPIFFE)
    with pytest.raises(VerificationError):
        _verify(leaf, ca.make_root())


def test_a_leaf_carries_its_spiffe_uri_and_ends_below_the_root() -> None:
    root = ca.make_root()
    leaf = ca.make_leaf(ca.make_intermediate(root, "x"), SPIFFE, lifetime=timedelta(minutes=1))
    certificate, *above = x509.load_pem_x509_certificates(leaf.chain_pem.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [SPIFFE]
    assert len(above) == 1
    assert root.certificate not in above


def test_cacerts_has_the_keys_that_istiod_reads() -> None:
    root = ca.make_root()
    authority = ca.make_intermediate(root, "x")
    secret = ca.cacerts(authority, MeshShape())
    data = secret["stringData"]
    assert set(data) == {"ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem"}
    assert data["root-cert.pem"] == root.certificate_pem
    assert data["cert-chain.pem"] == authority.certificate_pem + root.certificate_pem


def test_an_authority_survives_being_written_and_read() -> None:
    root = ca.make_root()
    authority = ca.make_intermediate(root, "x")
    again = ca.load(authority.certificate_pem, authority.key_pem, authority.chain_pem)
    _verify(ca.make_leaf(again, SPIFFE), root)
    assert isinstance(again.key, ec.EllipticCurvePrivateKey)


def test_what_is_no_certificate_is_refused() -> None:
    authority = ca.make_root()
    with pytest.raises(ValueError, match="PEM"):
        ca.load("nothing", authority.key_pem, authority.chain_pem)

"""Whom a proxy trusts, and who signed for it, whatever the kind of authority."""

from harness.meshes import ca
from harness.probes.certificates import Certificates, fingerprint, split

URI = "spiffe://cluster.local/ns/sample/sa/probe-a"


def held(signer: ca.Authority, *roots: ca.Authority, presented: int = 2) -> Certificates:
    """What a proxy holds that was signed by ``signer``; ``presented`` certificates of its chain."""
    leaf = ca.make_leaf(signer, URI)
    bundle = "".join(root.certificate_pem for root in roots)
    chain = split(leaf.chain_pem + leaf.root_pem)
    return Certificates((URI,), chain[:presented], bundle)


def test_a_chain_is_trusted_by_who_holds_its_root_among_others() -> None:
    old, new = ca.make_root("old"), ca.make_root("new")
    rotating = held(ca.make_intermediate(old, "one"), old, new)
    rotated = held(ca.make_intermediate(new, "two"), new)
    assert rotating.trusts(rotated)
    assert not rotated.trusts(rotating)


def test_a_root_may_be_presented_or_not() -> None:
    root = ca.make_root()
    one = ca.make_intermediate(root, "one")
    assert all(held(one, root).trusts(held(one, root, presented=count)) for count in (2, 3))


def test_the_signer_is_an_intermediate_or_the_root_itself() -> None:
    root = ca.make_root()
    one = ca.make_intermediate(root, "one")
    assert held(one, root).signer == fingerprint(one.certificate_pem)
    assert held(root, root, presented=1).signer == fingerprint(root.certificate_pem)
    assert held(one, ca.make_root("other"), presented=1).signer == ""

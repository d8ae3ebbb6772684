"""Tell istiods of other clusters."""

from collections.abc import Sequence

from harness.meshes.istio.ready import watched
from harness.meshes.istio.remote_secret import (
    TOKEN,
    Credentials,
    credentials_in,
    kubeconfig,
    remote_secret,
    token_secret,
)
from harness.meshes.istio.target import Target
from harness.model import HarnessError


def introduce(target: Target, readers: Sequence[Target]) -> None:
    """Make credentials for ``target`` and give them to the istiods of ``readers``."""
    name = target.cluster.name
    with target.phases.phase(f"remote secret of {name}"):
        config = kubeconfig(name, target.cluster.server, _credentials(target))
        for reader in readers:
            reader.kube.apply(remote_secret(name, config, reader.shape.system))


def _credentials(target: Target) -> Credentials:
    """Have the token controller make a token that lives as long as its Secret."""
    system = target.shape.system
    target.kube.apply(token_secret(system))
    filled = watched(
        target.kube,
        "Secret",
        TOKEN,
        system,
        lambda secret: credentials_in(secret) is not None,
        what=f"the token controller of {target.cluster.name} has made a token",
    )
    found = credentials_in(filled)
    if found is None:
        raise HarnessError(f"Secret {TOKEN} of {target.cluster.name} lost its token")
    return found

"""Sabotages of what keeps meshes apart."""

from contextlib import ExitStack, contextmanager

from harness.faults.authorities import same_authority
from harness.faults.mesh_config import mesh_config, trusting
from harness.faults.remote_secrets import linked
from harness.sabotages.scene import Breaking, Scene


@contextmanager
def meshes_merged(scene: Scene) -> Breaking:
    """Tell the control planes of two meshes of each other's clusters."""
    with ExitStack() as undo:
        for site, other in ((scene.client, scene.server), (scene.server, scene.client)):
            undo.enter_context(linked(site, other))
        yield


@contextmanager
def one_root_for_both(scene: Scene) -> Breaking:
    """Let the server's mesh sign as the client's does, and admit the client's trust domain."""
    admitted = mesh_config(scene.server, trusting(scene.client.shape.trust_domain))
    with admitted, same_authority(scene.server, scene.client):
        yield

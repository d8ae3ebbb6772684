"""Sabotages of what keeps meshes apart."""

from contextlib import ExitStack, contextmanager

from harness.faults.authorities import root_of
from harness.faults.remote_secrets import introduced
from harness.sabotages.scene import Breaking, Scene


@contextmanager
def meshes_merged(scene: Scene) -> Breaking:
    """Tell the control planes of two meshes of each other's clusters."""
    with ExitStack() as undo:
        for site, other in ((scene.client, scene.server), (scene.server, scene.client)):
            undo.enter_context(introduced(site, other))
        yield


@contextmanager
def one_root_for_both(scene: Scene) -> Breaking:
    """Let the server's mesh sign with an intermediate of the client's root, and admit its domain."""
    with root_of(scene.client, given_to=scene.server):
        yield

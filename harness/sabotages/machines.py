"""Sabotages of machines: what their administrators write and do wrongly."""

from contextlib import contextmanager

from harness.meshes import ca
from harness.sabotages.scene import Breaking, Scene
from harness.workloads.guest import Guest


@contextmanager
def wrong_root_cert(scene: Scene) -> Breaking:
    """Put the certificate of another root on the machine."""
    other = ca.make_root("Another Root").certificate_pem
    with _guest(scene).delivering("root-cert.pem", lambda _: other):
        yield


def _guest(scene: Scene) -> Guest:
    return scene.given("guest", Guest)

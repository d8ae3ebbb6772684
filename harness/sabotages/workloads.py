"""Sabotages of the workloads themselves: instances that are missing, labels that are wrong."""

from contextlib import contextmanager

from harness.sabotages.scene import Breaking, Scene
from harness.workloads.stage import ECHO, SAMPLE


@contextmanager
def troubled_cluster_empty(scene: Scene) -> Breaking:
    """Leave the client's cluster without any instance of the merged service."""
    with scene.client.scaled(ECHO.name, SAMPLE, 0):
        yield

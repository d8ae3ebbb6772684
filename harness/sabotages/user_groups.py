"""Sabotages of what keeps the user groups of one cluster apart."""

from contextlib import ExitStack, contextmanager
from dataclasses import replace

from harness.faults.mesh_config import settings_in
from harness.kube import Manifest
from harness.meshes.base import shape_of
from harness.model import structure
from harness.sabotages.scene import Breaking, Scene
from harness.workloads.rules import mesh_wide
from harness.workloads.site import Site
from harness.workloads.user_groups import Settling


@contextmanager
def permissive_unscoped(scene: Scene) -> Breaking:
    """Admit plaintext by an older policy: what a control plane does not know is called in clear.

    Selectors stay. Without them each control plane would know the others' workloads for members
    of its mesh, whose certificates it then refuses, where the meshes have roots of their own.
    """
    with ExitStack() as undo:
        for site in _planes(scene):
            undo.enter_context(site.applied(mesh_wide(site, "a-permissive", "PERMISSIVE")))
        yield


@contextmanager
def wrong_revision_label(scene: Scene) -> Breaking:
    """Label the namespaces of each group as those of the other one."""
    with scene.given("settling", Settling).wrongly():
        yield


@contextmanager
def selector_widened(scene: Scene) -> Breaking:
    """Let each control plane select the namespaces of the others as well."""
    planes = _planes(scene)

    def widen(config: Manifest) -> None:
        config["discoverySelectors"] = [{"matchLabels": {**s.shape.selected}} for s in planes]

    with ExitStack() as undo:
        for site in planes:
            undo.enter_context(settings_in(site, widen))
        yield


def _planes(scene: Scene) -> list[Site]:
    """Return the cluster once for each control plane in it, with the names of that."""
    found = structure.control_planes(scene.lab.topology)
    return [replace(scene.client, shape=shape_of(plane)) for plane in found]

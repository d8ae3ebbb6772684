"""Meshes that ship with the harness, by their ``--mesh`` names."""

from collections.abc import Mapping

from harness.meshes.base import BuiltIn, Mesh
from harness.meshes.none import NoMesh


# Imported when asked for: every run of pytest loads this module, and few install Istio.
def _istio(version: str) -> Mesh:
    from harness.meshes.istio import IstioMesh

    return IstioMesh(version)


def _istio_by_istioctl(version: str) -> Mesh:
    from harness.meshes.istio import IstioMesh

    return IstioMesh(version, by_istioctl=True)


BUILT_IN: Mapping[str, BuiltIn] = {
    "istio": BuiltIn(_istio, "Istio, its generated manifests applied directly"),
    "istio+istioctl": BuiltIn(_istio_by_istioctl, "Istio, installed by istioctl as a user would"),
    "none": BuiltIn(NoMesh, "no mesh: the baseline in which checks must fail"),
}

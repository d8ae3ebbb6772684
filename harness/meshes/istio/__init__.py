"""Istio as a mesh under test."""

from harness.meshes.istio.mesh import IstioMesh

__all__ = ["IstioMesh"]

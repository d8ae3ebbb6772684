"""Definitions of APIs that no installation of Istio brings along, though it speaks them."""

from collections.abc import Iterable

from harness import files
from harness.artifacts import ensure
from harness.kube import Manifest
from harness.model import Gateway
from harness.phases import Phases


def of_gateways(gateways: Iterable[Gateway]) -> list[Manifest]:
    """Return the Gateway API (its standard channel) if any of ``gateways`` is of it, else nothing.

    It is fetched first if need be.
    """
    return _brought("gateway-api-crds") if any(each.class_name for each in gateways) else []


def of_services() -> list[Manifest]:
    """Return the multi-cluster Services API, fetched first if need be."""
    return _brought("mcs-api-crds")


def _brought(program: str) -> list[Manifest]:
    text = ensure([program], Phases())[program].path.read_text(encoding="utf-8")
    return files.parse_manifests(text, source=program)

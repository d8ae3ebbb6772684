"""Definitions of APIs that no installation of Istio brings along, though it speaks them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from harness import files
from harness.artifacts import ensure
from harness.artifacts.versions import gateway_api_of
from harness.kube import Manifest
from harness.model import Gateway
from harness.phases import Phases

_DEFAULT: Mapping[str, str] = MappingProxyType({})


def of_gateways(gateways: Iterable[Gateway], istio: str) -> list[Manifest]:
    """Return the Gateway API (its standard channel) if any of ``gateways`` is of it, else nothing.

    It is of the version that a version of Istio requires, and fetched first if need be.
    """
    if not any(each.class_name for each in gateways):
        return []
    return _brought("gateway-api-crds", {"gateway-api": gateway_api_of(istio)})


def of_services() -> list[Manifest]:
    """Return the multi-cluster Services API, fetched first if need be."""
    return _brought("mcs-api-crds", _DEFAULT)


def _brought(program: str, versions: Mapping[str, str]) -> list[Manifest]:
    text = ensure([program], Phases(), versions)[program].path.read_text(encoding="utf-8")
    return files.parse_manifests(text, source=program)

"""What the pods of Istio run: its images, put together from its own programs and stock Envoy."""

from collections.abc import Iterable

from harness.artifacts.components import ISTIO_HUB, istio_tag
from harness.model.images import Programs, Reference

_LOCAL = "/usr/local/bin"
_BOOTSTRAP = "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json"
#: Every image of an ambient mesh.
_AMBIENT = ("install-cni", "pilot", "proxyv2", "ztunnel")
#: The account that traffic of the proxy itself is known by.
PROXY_USER = 1337


def images(versions: Iterable[str]) -> dict[str, Programs]:
    """Return the images of control planes of ``versions``, and of their proxies.

    The tag carries the version: what two control planes of one lab run is told apart by it.
    An agent and its bootstrap template are of the same revision.
    """
    found = {}
    for version in versions:
        of = {"istio": version}
        found[_name("pilot", version)] = Programs(
            argv=(f"{_LOCAL}/pilot-discovery",),
            files={f"{_LOCAL}/pilot-discovery": "pilot-discovery"},
            versions=of,
            user=PROXY_USER,
            published=published("pilot", version),
        )
        found[_name("proxyv2", version)] = Programs(
            argv=(f"{_LOCAL}/pilot-agent",),
            files={
                f"{_LOCAL}/envoy": "envoy",
                f"{_LOCAL}/pilot-agent": "pilot-agent",
                _BOOTSTRAP: "envoy-bootstrap",
            },
            versions=of,
            writable=("/etc/istio/proxy", "/var/lib/istio/data"),
            user=PROXY_USER,
            published=published("proxyv2", version),
        )
    return found


def released(versions: Iterable[str]) -> dict[str, Reference]:
    """Return the images of ambient meshes, as registries have them: nobody else makes ztunnel."""
    names = [(name, version) for version in versions for name in _AMBIENT]
    return {_name(*each): Reference(_name(*each)) for each in names}


def proxy(version: str) -> str:
    """Return the image of proxies of a version."""
    return _name("proxyv2", version)


def published(name: str, version: str) -> str:
    """Return what a registry calls an image of Istio; only releases are there."""
    release = version.removeprefix("v")
    parts = release.split(".")
    if len(parts) == 3 and all(part.isdecimal() for part in parts):
        return f"istio/{name}:{release}"
    return ""


def _name(name: str, version: str) -> str:
    return f"{ISTIO_HUB}/{name}:{istio_tag(version)}"

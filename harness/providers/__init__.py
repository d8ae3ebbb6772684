"""Where clusters come from. ``BUILT_IN`` lists the providers that ship with the harness."""

from collections.abc import Mapping

from harness.providers.base import BuiltIn, Provider


# Imported when asked for: the programs inside a lab live in this package too, and must start
# without the machinery that raises labs.
def _embedded() -> Provider:
    from harness.providers.embedded.provider import EmbeddedProvider

    return EmbeddedProvider()


def _kind() -> Provider:
    from harness.providers.kind.provider import KindProvider

    return KindProvider()


def _paper() -> Provider:
    from harness.providers.paper import PaperProvider

    return PaperProvider()


BUILT_IN: Mapping[str, BuiltIn] = {
    "embedded": BuiltIn(
        _embedded, "real Kubernetes as processes of this machine; no Docker, no root"
    ),
    "kind": BuiltIn(_kind, "kind clusters on Docker networks, as users run them first"),
    "paper": BuiltIn(_paper, "no cluster at all: for developing suites and testing the harness"),
}

"""Which way a call took, as the server's proxy tells it."""

from uuid import uuid4

from harness.converge import Budget, eventually
from harness.probes.access_log import entries
from harness.probes.cluster_view import ClusterView


def mark() -> str:
    """Return a word that occurs nowhere else, to find one run's requests again in logs.

    A check takes a new one each time its body runs: what the last run logged is still there.
    """
    return f"mark-{uuid4().hex}"


def peers_of(site: ClusterView, namespace: str, app: str, word: str, *, at_least: int) -> set[str]:
    """Return the peer addresses that servers logged for requests whose path has ``word``.

    Under REDIRECT interception the application itself sees 127.0.0.6; its proxy knows the
    address that the connection really came from. Waits for ``at_least`` entries, because
    proxies write their logs once a second.
    """
    pods = [pod["metadata"]["name"] for pod in site.pods(namespace, app)]

    def logged() -> list[str]:
        found = [e for pod in pods for e in entries(site, pod, namespace) if word in e.path]
        return [entry.peer_address for entry in found]

    peers = eventually(
        logged,
        lambda seen: len(seen) >= at_least,
        what=f"{site.name} logs the {at_least} calls it answered",
        budget=Budget(timeout=15, firm=True),
    )
    return set(peers)

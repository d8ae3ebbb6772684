"""Whether an API server lets an object in, asked without creating it."""

from harness.kube import Manifest
from harness.model import ApiError
from harness.probes.cluster_view import ClusterView


def refusal(site: ClusterView, manifest: Manifest) -> str:
    """Return why a cluster would refuse to create an object; empty if it would not."""
    try:
        site.kube.create(manifest, dry_run=True)
    except ApiError as error:
        return str(error)
    return ""

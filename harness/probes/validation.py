"""Whether an API server lets an object in, asked by dry run only."""

from harness.kube import Manifest
from harness.model import ApiError
from harness.probes.cluster_view import ClusterView

#: What says "not this object"; anything else says that something is wrong with the asking.
_REFUSED = (400, 403, 422)


def refusal(site: ClusterView, manifest: Manifest) -> str:
    """Return why a cluster would refuse an object; empty if it would not."""
    try:
        site.kube.rehearse(manifest)
    except ApiError as error:
        if error.status not in _REFUSED:
            raise
        return str(error)
    return ""

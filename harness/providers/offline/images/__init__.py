"""Images for kind: made here from the artifacts, or taken from a registry."""

from harness.providers.offline.images.choice import Asked, asked
from harness.providers.offline.images.provision import Images, ensure, lacks

__all__ = ["Asked", "Images", "asked", "ensure", "lacks"]

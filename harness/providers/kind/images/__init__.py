"""Images for kind: made here from the artifacts, or taken from a registry."""

from harness.providers.kind.images.choice import Asked, asked
from harness.providers.kind.images.having import Images, ensure, lacks

__all__ = ["Asked", "Images", "asked", "ensure", "lacks"]

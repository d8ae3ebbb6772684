"""Where the programs of a lab come from."""

from harness.artifacts.manifest import Artifact
from harness.artifacts.supply import ensure

__all__ = ["Artifact", "ensure"]

"""What a mesh says of its images, as the tests of this directory hand it on."""

from harness.artifacts.components import known
from harness.meshes.istio.images import images

#: Of a development revision, and of a release, which registries have.
MESH = images([known("istio")[0]])
RELEASE = images(["1.29.2"])

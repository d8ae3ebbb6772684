"""What an image of ours says about itself: labels, because images outlive what made them."""

import hashlib
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.artifacts.home import home
from harness.artifacts.manifest import Artifact
from harness.model import Program
from harness.providers.offline.images.rootfs import PACKAGES

#: Which image it is (or :func:`part_here` of one), by which recipe, and what went in.
IMAGE, RECIPE, CONTENTS = "meshproof.image", "meshproof.recipe", "meshproof.contents"
#: Packages of Debian that decide how a node behaves.
_TELLING = ("containerd", "containernetworking-plugins", "iptables", "python3", "runc")


@dataclass(frozen=True, slots=True)
class Inside:
    """The programs that went in, the digests of the images that a node holds, the packages."""

    programs: tuple[Program, ...]
    images: Mapping[str, str]
    packages: str

    def dump(self) -> str:
        """Return it as one label."""
        programs = [program.model_dump() for program in self.programs]
        whole = {"programs": programs, "images": dict(self.images), "packages": self.packages}
        return json.dumps(whole)

    @classmethod
    def load(cls, label: str) -> "Inside":
        """Read it back; an image without the label holds nothing that we know of."""
        whole = json.loads(label or "{}")
        programs = tuple(Program.model_validate(each) for each in whole.get("programs", ()))
        return cls(programs, whole.get("images", {}), whole.get("packages", ""))


def part_here() -> str:
    """Return what marks parts of images that are made under this account's lock, and no other's.

    Accounts, and containers with directories of their own, may share an engine.
    """
    seen = home().stat()
    owner = f"{socket.gethostname()}:{home()}:{seen.st_dev}:{seen.st_ino}"
    return f"part-{hashlib.sha256(owner.encode()).hexdigest()[:16]}"


def inside(found: Mapping[str, Artifact], images: Mapping[str, str]) -> Inside:
    """Return what is to be said of an image that holds these."""
    programs = tuple(artifact.program for name, artifact in found.items() if name != PACKAGES)
    listed = found[PACKAGES].path.read_text("utf-8").splitlines()
    return Inside(programs, images, telling(listed))


def telling(packages: Sequence[str]) -> str:
    """Return the packages that matter, of lines of names and versions."""
    return ", ".join(line for line in packages if line.split(" ")[0] in _TELLING)

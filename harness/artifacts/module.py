"""Programs built from published Go modules, in a main module of our own.

``go install COMMAND@VERSION`` refuses modules with replacements (Kubernetes, etcd) and those
that need a requirement raised, so each component gets a small main module with the commands
as its tools. Its ``go.mod`` and ``go.sum`` stay beside the programs: they are the bill of
materials.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.artifacts.progress import Bench
from harness.artifacts.recipes import Made
from harness.artifacts.toolchain import toolchain
from harness.model import ToolError
from harness.tools.go import Go


@dataclass(frozen=True, kw_only=True)
class Module:
    """``commands`` and ``files``: program to package path, program to path in the sources.

    ``raised`` requirements (``MODULE@VERSION``) stand beside the module's own, which then is
    required as it is instead of by ``go get``.
    """

    module: str
    version: str
    commands: Mapping[str, str]
    ldflags: str = "-s -w"
    replaced: tuple[str, ...] = ()
    raised: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def make(self, bench: Bench) -> Made:
        """Build all commands in one go, so that what they share is compiled once."""
        for part in ("module", "bin", "files", "tmp"):
            (bench.place / part).mkdir()
        binary, origin = toolchain(bench)
        go = Go(binary, bench.shell(bench.place / "module"), bench.place / "tmp")
        self._require(go)
        self._build(go, bench)
        made = {program: bench.place / "bin" / program for program in self.commands}
        if self.files:
            sources = go.source(self.module)
            for program, path in self.files.items():
                made[program] = bench.place / "files" / program
                shutil.copyfile(sources / path, made[program])
        shutil.rmtree(bench.place / "tmp")
        return Made(made, f"module {self.module}@{self.version}, built with {origin}")

    def _require(self, go: Go) -> None:
        go.init("local/build")
        if self.replaced:
            go.edit(*(f"-replace={replaced}" for replaced in self.replaced))
        if not self.raised:
            for package in self.commands.values():
                go.get_tool(f"{package}@{self.version}")
            return
        required = (f"{self.module}@{self.version}", *self.raised)
        go.edit(*(f"-require={module}" for module in required))
        go.edit(*(f"-tool={package}" for package in self.commands.values()))
        go.tidy()

    def _build(self, go: Go, bench: Bench) -> None:
        packages = list(self.commands.values())
        names = [*self.commands] if len(packages) == 1 else [""]  # several keep their own names
        go.build(packages, output=f"{bench.place}/bin/{names[0]}", ldflags=self.ldflags)


@dataclass(frozen=True, kw_only=True)
class ModuleFiles:
    """Files of a published Go module, without building anything of it.

    ``files``: program to a pattern of paths in the sources; what matches is joined to one file of
    YAML documents, in the order of the names.
    """

    module: str
    version: str
    files: Mapping[str, str]

    def make(self, bench: Bench) -> Made:
        """Fetch the module, and join what is wanted of it."""
        for part in ("module", "files", "tmp"):
            (bench.place / part).mkdir()
        binary, _ = toolchain(bench)
        go = Go(binary, bench.shell(bench.place / "module"), bench.place / "tmp")
        go.init("local/build")
        go.edit(f"-require={self.module}@{self.version}")
        go.download(self.module)
        sources = go.source(self.module)
        made = {}
        for program, pattern in self.files.items():
            made[program] = bench.place / "files" / program
            _join(sorted(sources.glob(pattern)), made[program])
        shutil.rmtree(bench.place / "tmp")
        return Made(made, f"module {self.module}@{self.version}")


def _join(parts: Sequence[Path], whole: Path) -> None:
    if not parts:
        raise ToolError(("join", whole.name), 1, "the module has no file of that name")
    whole.write_text("\n---\n".join(each.read_text(encoding="utf-8") for each in parts))

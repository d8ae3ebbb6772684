"""Programs whose whole source is a page of our own Go."""

from dataclasses import dataclass

from harness.artifacts.progress import Bench
from harness.artifacts.recipes import Made
from harness.artifacts.toolchain import toolchain
from harness.tools.go import Go


@dataclass(frozen=True, slots=True)
class Own:
    """One program; ``source`` is its only file."""

    program: str
    source: str

    def make(self, bench: Bench) -> Made:
        """Build it with nothing but Go's own library."""
        module, scratch = bench.place / "module", bench.place / "tmp"
        for part in (module, scratch):
            part.mkdir()
        (module / "main.go").write_text(self.source)
        binary, origin = toolchain(bench)
        go = Go(binary, bench.shell(module), scratch)
        go.init(f"local/{self.program}")
        made = bench.place / self.program
        go.build(["."], output=str(made), ldflags="-s -w")
        return Made({self.program: made}, f"source of this harness, built with {origin}")

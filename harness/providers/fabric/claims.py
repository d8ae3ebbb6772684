"""Who has something: a process, named in a file by its number and the moment at which it began."""

from dataclasses import dataclass
from pathlib import Path

from harness import files


@dataclass(frozen=True, slots=True)
class Claim:
    """The note of a process at ``path``; whoever sees it sees all of it."""

    path: Path

    def write(self, pid: int) -> None:
        """Note process ``pid``, in the place of whoever was noted before."""
        files.publish(self.path, f"{pid} {start_time(pid)}\n")

    def exists(self) -> bool:
        """Say whether anybody was ever noted."""
        return self.path.exists()

    def holder(self) -> int | None:
        """Return the process that is noted, ``None`` if it is gone (strangers excluded)."""
        pid, started = self._noted()
        return pid if started and start_time(pid) == started else None

    def noted(self) -> int:
        """Return the process that was noted last, whether it is still there or not; 0 if none."""
        return self._noted()[0]

    def _noted(self) -> tuple[int, str]:
        try:
            pid, started = self.path.read_text().split()
        except (OSError, ValueError):
            return 0, ""
        return int(pid), started


def start_time(pid: int) -> str:
    """Return when a process began (clock ticks since boot), empty if there is none (left)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]

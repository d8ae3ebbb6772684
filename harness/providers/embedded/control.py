"""Speaking to the supervisor of an embedded lab."""

from harness.providers.embedded.spec import Daemon
from harness.providers.fabric.control_client import ControlClient as Visitor


class ControlClient(Visitor):
    """A visit to a supervisor. What it changes is undone when the visit ends."""

    def borrow(self, daemon: Daemon) -> None:
        """Start a program that ends with this visit."""
        self.ask("borrow", daemon=daemon.model_dump(mode="json"))

    def incidents(self, since: float) -> list[str]:
        """Return which programs have ended by themselves since a moment (seconds, Unix)."""
        found: list[str] = self.ask("incidents", since=since)
        return found

    def kill(self, name: str) -> None:
        """Kill one program of the lab; it is started again when this visit ends."""
        self.ask("kill", name=name)

    def signal(self, name: str, number: int) -> None:
        """Signal one program of the lab."""
        self.ask("signal", name=name, number=number)

    def start(self, stage: str) -> None:
        """Start every program of a stage that does not run."""
        self.ask("start", stage=stage)

    def states(self) -> dict[str, int | None]:
        """Return the exit code of every program, ``None`` while it runs."""
        states: dict[str, int | None] = self.ask("states")
        return states

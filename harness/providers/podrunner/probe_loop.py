"""The rounds that probes make: which container to look at now, and what the looks came to."""

from collections.abc import Container as Names
from collections.abc import Iterator

from harness.providers.podrunner.lifecycle import State
from harness.providers.podrunner.messages import Looked
from harness.providers.podrunner.probe_state import ProbeKind, Progress, watch


class ProbeLoop:
    """The probes of one pod's running containers. One thread uses them."""

    def __init__(self) -> None:
        self._progress: dict[tuple[str, ProbeKind], Progress] = {}

    def watch(self, state: State, kind: ProbeKind, *, now: float, wall: float) -> None:
        """Begin to look at a container, if it has such a probe."""
        if probe := state.container.probe(kind):
            since = now - (wall - (state.running_since or wall))
            self._progress[state.name, kind] = watch(probe, since, now)

    def forget(self, name: str) -> None:
        """Look no more at a container: it ended."""
        for kind in ProbeKind:
            self._progress.pop((name, kind), None)

    def due(self, now: float, ending: Names[str]) -> Iterator[tuple[str, Progress]]:
        """Yield what is to be looked at now, and note that it is.

        Of a container that is being ended, only the readiness still matters.
        """
        for (name, kind), progress in self._wanted(ending):
            if progress.due <= now:
                self._progress[name, kind] = progress.begun()
                yield name, progress

    def looked(self, message: Looked, now: float) -> Progress | None:
        """Take in a look; ``None`` if nobody waits for it any more."""
        key = (message.name, message.kind)
        if key not in self._progress:
            return None
        progress = self._progress[key].looked(message.look, now)
        self._progress[key] = progress
        if message.kind is ProbeKind.STARTUP and progress.verdict:
            del self._progress[key]
        return progress

    def times(self, ending: Names[str]) -> Iterator[float]:
        """Yield when something is to be looked at."""
        return (progress.due for _, progress in self._wanted(ending))

    def _wanted(self, ending: Names[str]) -> Iterator[tuple[tuple[str, ProbeKind], Progress]]:
        for (name, kind), progress in list(self._progress.items()):
            wanted = kind is ProbeKind.READINESS or name not in ending
            if wanted and not progress.looking:
                yield (name, kind), progress

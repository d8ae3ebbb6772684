"""What a lab can tell when something went wrong: its logs, and whatever its provider can see."""

from collections.abc import Callable, Mapping
from pathlib import Path

from harness.model import Lab
from harness.providers.fabric.state import State
from harness.shell import redact


def gathered(
    lab: Lab,
    look: Callable[[State], Mapping[str, str]],
    *,
    silent: tuple[type[Exception], ...],
    otherwise: str,
) -> dict[str, str]:
    """Return file names and redacted contents: every log, and what ``look`` sees.

    Where that raises one of ``silent``, as of a lab that is gone, the file ``otherwise`` says so.
    """
    place = State(Path(lab.state_dir))
    try:
        seen = look(place)
    except silent as error:
        seen = {otherwise: f"{error}\n"}
    return place.said() | {name: redact(text) for name, text in seen.items()}

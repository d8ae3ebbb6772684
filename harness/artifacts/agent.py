"""The probe agent as directories of Python source, for whoever puts it into pods.

It is not installed there, but laid out: ``agent`` is the program, which pods run as
``python3 -I -B /opt/meshproof/agent``; in ``packages`` beside it lies what it imports, as found
in the environment of the harness, so that pods speak HTTP as the version does that was tested.
Providers bind or copy the directories; nothing is packed or fetched.
"""

import compileall
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from harness.model import MachineError

#: Where the directories lie in a pod, and which of them is run.
PLACE, PROGRAM = "opt/meshproof", "agent"
#: What the agent imports beside the standard library: Python alone, directly in one directory.
_PACKAGES = ("h11", "h2", "hpack", "hyperframe")
_SOURCE = Path(__file__).parents[1] / "agent"


def directories() -> Mapping[str, Path]:
    """Return the directories by where they lie below :data:`PLACE`; their ``*.py`` are enough."""
    return {PROGRAM: _SOURCE, **{f"packages/{name}": _found(name) for name in _PACKAGES}}


def precompiled() -> Mapping[str, Path]:
    """Return the directories for binding: with bytecode, which saves every start a fifth.

    What pip installed has it; a checkout gets it in place, as by an import, if it can be written.
    A pod's Python of another version than this one ignores it.
    """
    compileall.compile_dir(_SOURCE, maxlevels=0, quiet=2)
    return directories()


def _found(name: str) -> Path:
    spec = find_spec(name)
    places = list(spec.submodule_search_locations or ()) if spec else []
    if len(places) != 1 or not Path(places[0]).is_dir():
        raise MachineError(
            f"the Python package {name} is no directory here", "install it again with pip"
        )
    return Path(places[0])

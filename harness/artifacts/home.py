"""Where this user's programs are kept."""

import os
from pathlib import Path

#: The directory of finished programs, locks and logs of builds.
HOME_VARIABLE = "MESHPROOF_HOME"
#: A directory written by ``meshproof artifacts bundle``, used before anything is built.
BUNDLE_VARIABLE = "MESHPROOF_BUNDLE"


def home() -> Path:
    """Return the cache of this user; it need not exist yet."""
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen).absolute() if chosen else Path.home() / ".cache" / "meshproof"


def bundle() -> Path | None:
    """Return the bundle that the user has named, if any."""
    chosen = os.environ.get(BUNDLE_VARIABLE)
    return Path(chosen).absolute() if chosen else None

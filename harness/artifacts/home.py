"""Where this user's programs are kept."""

import os
from pathlib import Path

#: The directory of finished programs, locks and logs of builds.
HOME_VARIABLE = "MESHPROOF_HOME"
#: Directories written by ``meshproof artifacts bundle``, used before anything is built. Several
#: stand as in ``PATH``; each may bring another version of the same programs.
BUNDLE_VARIABLE = "MESHPROOF_BUNDLE"


def home() -> Path:
    """Return the cache of this user; it need not exist yet."""
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen).absolute() if chosen else Path.home() / ".cache" / "meshproof"


def bundles() -> list[Path]:
    """Return the bundles that the user has named, the preferred first."""
    chosen = os.environ.get(BUNDLE_VARIABLE, "").split(os.pathsep)
    return [Path(each).absolute() for each in chosen if each]

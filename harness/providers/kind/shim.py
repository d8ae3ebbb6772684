"""The ``docker`` command as kind finds it: nodes get what kind has no options for.

kind leaves addresses to chance and knows no labels of ours. Both must be there from the first
moment: the address becomes part of certificates, and without a label a killed run would leave
what nobody dares to remove. So kind finds a script of this name first on its path.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from harness.artifacts.home import home

_SCRIPT = """\
#!/bin/sh
# docker, as kind calls it: a node gets the address and the labels that kind has no option for.
if [ "$1" != run ]; then
    exec "$MESHPROOF_DOCKER" "$@"
fi
shift
name=
previous=
for word in "$@"; do
    if [ "$previous" = --name ]; then name=$word; fi
    previous=$word
done
IFS='
'
for node in $MESHPROOF_NODES; do
    if [ "${node%%=*}" = "$name" ]; then set -- --ip "${node#*=}" "$@"; fi
done
for label in $MESHPROOF_LABELS; do
    set -- --label "$label" "$@"
done
exec "$MESHPROOF_DOCKER" run "$@"
"""


def directory() -> Path:
    """Return the directory with the script, made if need be: the first on kind's path."""
    place = home() / "shims"
    script = place / "docker"
    if not script.exists() or script.read_text("utf-8") != _SCRIPT:
        place.mkdir(parents=True, exist_ok=True)
        unfinished = place / f"docker.{os.getpid()}"
        unfinished.write_text(_SCRIPT, "utf-8")
        unfinished.chmod(0o755)
        unfinished.replace(script)
    return place


def settings(
    docker: str, addresses: Mapping[str, str], labels: Mapping[str, str]
) -> dict[str, str]:
    """Return what the script is told: the real command, addresses by container, labels."""
    return {
        "MESHPROOF_DOCKER": docker,
        "MESHPROOF_NODES": _lines(addresses),
        "MESHPROOF_LABELS": _lines(labels),
    }


def _lines(pairs: Mapping[str, str]) -> str:
    return "\n".join(f"{key}={value}" for key, value in pairs.items())

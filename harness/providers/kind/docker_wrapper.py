"""The ``docker`` command as kind finds it: nodes get what kind has no options for.

kind leaves addresses to chance and knows no labels of ours. Both must be there from the first
moment: the address becomes part of certificates, and without a label a killed run would leave
what nobody dares to remove. So kind finds a script of this name first on its path.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from harness.artifacts.home import home

#: What makes programs ask a proxy of the machine's network, which nodes cannot reach.
PROXIES = ("ALL_PROXY", "FTP_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_BOTH_CASES = [spelt for name in PROXIES for spelt in (name, name.lower())]
_SCRIPT = """\
#!/bin/sh
# docker, as kind calls it: a node gets the address and the labels that kind has no option for,
# and no proxy of the user's own configuration of docker, which it could not reach.
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
for proxy in $MESHPROOF_PROXIES; do
    set -- --env "$proxy=" "$@"
done
exec "$MESHPROOF_DOCKER" run "$@"
"""


def directory() -> Path:
    """Return the directory with the script, made if need be: the first on kind's path."""
    place = home() / "shims"
    script = place / "docker"
    if not script.exists() or script.read_text("utf-8") != _SCRIPT:
        place.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=place, prefix="docker.", delete=False) as unfinished:
            unfinished.write(_SCRIPT.encode())
        Path(unfinished.name).chmod(0o755)
        Path(unfinished.name).replace(script)
    return place


def settings(
    docker: str, addresses: Mapping[str, str], labels: Mapping[str, str]
) -> dict[str, str]:
    """Return what the script is told: the real command, addresses by container, labels, proxies."""
    return {
        "MESHPROOF_DOCKER": docker,
        "MESHPROOF_NODES": _lines(addresses),
        "MESHPROOF_LABELS": _lines(labels),
        "MESHPROOF_PROXIES": "\n".join(_BOTH_CASES),
    }


def _lines(pairs: Mapping[str, str]) -> str:
    return "\n".join(f"{key}={value}" for key, value in pairs.items())

"""How dockerd is configured for an engine of our own, and the OCI runtime it calls."""

import json
from collections.abc import Callable
from pathlib import Path

from harness.providers.fabric import host
from harness.providers.offline.engine.engine_dir import EngineDir

#: Number of the capability that some virtual machines keep from everybody.
_RESOURCE = 24
_RUNTIME = "meshproof"
#: Called for every container and every exec, so it must be fast: a shell, and ``sed`` only for
#: a file that names the capability. Engines write JSON on one line, without spaces; quotes
#: within a string are escaped there, so the patterns match the object of capabilities alone.
_SCRIPT = """\
#!/bin/sh
# runc, asked for every capability but one that this machine has for nobody: it would refuse.
strip() {
    grep -q '"CAP_SYS_RESOURCE"' "$1" 2>/dev/null || return 0
    sed -i -E \\
        -e ':name; s/("capabilities":\\{[^}]*)"CAP_SYS_RESOURCE",?/\\1/; t name' \\
        -e ':comma; s/("capabilities":\\{[^}]*),\\]/\\1]/; t comma' "$1"
}
before=
for word in "$@"; do
    case $before in
        -b | --bundle) strip "$word/config.json" ;;
        -p | --process) strip "$word" ;;
    esac
    before=$word
done
exec RUNC "$@"
"""


def configure(
    place: EngineDir,
    *,
    status: Path = Path("/proc/self/status"),
    find: Callable[[str], str | None] = host.find,
) -> None:
    """Write what dockerd reads, and the runtime where this machine needs one."""
    config: dict[str, object] = {
        "hosts": [place.url],
        "group": "root",
        "data-root": str(place.data),
        "exec-root": "/run/docker",
        "pidfile": "/run/docker.pid",
        "cgroup-parent": f"/{place.cgroup}",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "log-level": "warn",
        "log-driver": "json-file",
        "log-opts": {"max-size": "10m"},
        "shutdown-timeout": 5,
    }
    if short_of_resource(status.read_text()):
        place.runtime.write_text(_SCRIPT.replace("RUNC", find("runc") or "runc"))
        place.runtime.chmod(0o755)
        config["runtimes"] = {_RUNTIME: {"path": str(place.runtime)}}
        config["default-runtime"] = _RUNTIME
    place.config.write_text(json.dumps(config, indent=1))


def command(place: EngineDir) -> tuple[str, ...]:
    """Return the command that runs the engine in the foreground."""
    return ("dockerd", f"--config-file={place.config}")


def short_of_resource(status: str) -> bool:
    """Say whether ``CAP_SYS_RESOURCE`` is missing from the bounding set of a process's status."""
    rows = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return not int(rows["CapBnd"], 16) >> _RESOURCE & 1

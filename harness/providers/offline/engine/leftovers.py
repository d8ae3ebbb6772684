"""What labs have left on an engine of our own, which is there for labs alone."""

import json
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from harness.converge import concurrently
from harness.model import MachineError
from harness.providers.offline.engine.connection import Engine


def calm(data: Path) -> None:
    """Keep containers of an engine that was killed from being started again by the next one."""
    for path in data.glob("containers/*/hostconfig.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):  # its own format may change
            config = json.loads(path.read_bytes())
            config["RestartPolicy"].update({"Name": "no", "MaximumRetryCount": 0})
            path.write_text(json.dumps(config))


def sweep(engine: Engine) -> list[str]:
    """Remove every container with its volumes, and every network; return the containers' names."""
    from docker.errors import DockerException

    try:
        with closing(engine.client()) as client:
            found = client.containers.list(all=True, ignore_removed=True)
            concurrently(_remove, found)
            client.networks.prune()
    except (DockerException, OSError, ExceptionGroup) as error:
        raise MachineError(
            f"what labs left on the engine cannot be removed ({error})",
            "meshproof engine down --purge",
        ) from error
    return [str(container.name) for container in found]


def _remove(container: Any) -> None:
    from docker.errors import NotFound

    with suppress(NotFound):
        container.remove(force=True, v=True)

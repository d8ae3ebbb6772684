"""What keeps kind from being used here, each thing with its remedy."""

import os
import re
from collections.abc import Sequence

from harness.providers.fabric import host
from harness.providers.offline.engine.connection import (
    HOST_VARIABLE,
    Answer,
    ask,
    is_elsewhere,
    socket_path,
)
from harness.providers.offline.engine.discover import candidates
from harness.providers.offline.engine.engine_dir import own
from harness.providers.offline.engine.lifecycle import obstacles
from harness.providers.offline.engine.sysctls import Ledger, needed_commands

#: The oldest engine that knows namespaces of control groups, which nodes need.
LEAST = (20, 10)
_NUMBERS = re.compile(r"(\d+)\.(\d+)")


def lacks() -> Sequence[str]:
    """Say what is missing for kind on an engine, each with its remedy; empty if nothing."""
    if away := next(filter(is_elsewhere, candidates()), ""):
        return [
            f"{HOST_VARIABLE} names {away}, an engine on another host, whose nodes this machine "
            "cannot reach; unset it, or use `--provider embedded`"
        ]
    answers = {url: ask(url) for url in candidates()}
    used = next((url for url, answer in answers.items() if answer.ok), None)
    absent = _absent(answers) if used is None else [*_unfit(answers[used]), *_short(used)]
    return [*absent, *_commands()]


def _absent(answers: dict[str, Answer]) -> list[str]:
    """Explain why no engine answers."""
    if chosen := os.environ.get(HOST_VARIABLE):
        said = answers[chosen].trouble
        return [f"{HOST_VARIABLE} names {chosen}, where no engine answers ({said}); unset it"]
    for url, answer in answers.items():
        if answer.forbidden:
            return [
                f"this user may not use the engine at {socket_path(url)}; "
                "as root: usermod -aG docker USER, then log in anew"
            ]
    ways = obstacles()
    own_way = f"(`meshproof engine up` cannot: {'; '.join(ways)})" if ways else ""
    remedy = "start Docker" if ways else "run `meshproof engine up`, or start Docker"
    return [f"no container engine answers; {remedy} {own_way}".rstrip()]


def _unfit(answer: Answer) -> list[str]:
    if answer.kind.startswith("Podman"):
        return ["the engine is Podman, which labs were not made for; set DOCKER_HOST to a Docker"]
    numbers = _NUMBERS.match(answer.version)
    if numbers and tuple(map(int, numbers.groups())) < LEAST:
        least = ".".join(map(str, LEAST))
        return [f"the engine is Docker {answer.version}; install {least} or newer"]
    return []


def _short(url: str) -> list[str]:
    """Say which limits are too low for nodes on an engine of this machine."""
    low = Ledger().low()
    if not low or url == own().url or not socket_path(url) or os.geteuid() == 0:
        return []
    seen = ", ".join(f"{name}={value}" for name, value in low.items())
    return [
        f"limits are too low for several nodes ({seen}); as root: "
        + "; ".join(needed_commands(low))
    ]


def _commands() -> list[str]:
    if host.find("docker"):
        return []
    return ["the command docker is missing, which kind calls; install docker.io (or docker-cli)"]

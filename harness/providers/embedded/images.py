"""What the image names of a lab stand for: programs of this machine, laid out as in the image."""

from collections.abc import Mapping
from pathlib import Path

from harness.artifacts.agent import PLACE, PROGRAM
from harness.providers.podrunner.config import Image

#: Programs that pods run, by the names of ``harness.artifacts``.
PROGRAMS = ("coredns", "envoy", "envoy-bootstrap", "pilot-agent", "pilot-discovery")
#: The interpreter that runs agents; all of ``/usr`` is in every pod.
PYTHON = "/usr/bin/python3"
_LOCAL = "/usr/local/bin"
_PROXY_USER = 1337


def images(programs: Mapping[str, Path], agent: Mapping[str, Path]) -> dict[str, Image]:
    """Return the images by name; ``agent`` is what :func:`harness.artifacts.agent.precompiled`
    returns.
    """

    def local(*names: str) -> dict[str, str]:
        return {f"{_LOCAL}/{name}": str(programs[name]) for name in names}

    bootstrap = "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json"
    return {
        "agent": Image(
            argv=(PYTHON, "-I", "-B", f"/{PLACE}/{PROGRAM}"),
            binds={f"/{PLACE}/{path}": str(source) for path, source in agent.items()},
        ),
        "coredns": Image(argv=("/coredns",), binds={"/coredns": str(programs["coredns"])}),
        "pilot": Image(
            argv=(f"{_LOCAL}/pilot-discovery",),
            binds=local("pilot-discovery"),
            user=_PROXY_USER,
        ),
        "proxyv2": Image(
            argv=(f"{_LOCAL}/pilot-agent",),
            binds={**local("pilot-agent", "envoy"), bootstrap: str(programs["envoy-bootstrap"])},
            writable=("/etc/istio/proxy", "/var/lib/istio/data"),
            user=_PROXY_USER,
        ),
    }

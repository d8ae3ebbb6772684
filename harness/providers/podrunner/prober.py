"""Carry out the handlers of probes and lifecycle hooks: HTTP, TCP, a command, a sleep."""

import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.converge import Budget, NotConverged, eventually, pause
from harness.kube import Manifest
from harness.providers.podrunner.bubblewrap import exec_command
from harness.providers.podrunner.containers import Container
from harness.providers.podrunner.probe_state import ProbeResult
from harness.providers.podrunner.security_context import Identity
from harness.shell import Shell

_AGENT = "kube-probe/embedded"
_SHOWN = 1024
_TIMEOUT = "/usr/bin/timeout"
_SPARE = 5.0
_ROOT_READY = Budget(timeout=5.0, interval=0.005)


@dataclass(frozen=True, slots=True)
class Target:
    """A running container: the pod's address, and what it takes to run a command in it."""

    container: Container
    address: str
    pid: int
    identity: Identity
    env: Mapping[str, str] = field(default_factory=dict)


class Prober(Protocol):
    """Carries out handlers."""

    def run_handler(self, handler: Manifest, target: Target, timeout: float) -> ProbeResult:
        """Carry out ``handler``; a failure is a result that is not ok, never an exception."""
        ...


@dataclass(frozen=True, slots=True)
class NodeProber:
    """Probes from the node's network namespace, as a kubelet does."""

    shell: Shell

    def run_handler(self, handler: Manifest, target: Target, timeout: float) -> ProbeResult:
        """Carry out ``handler``; a failure is a result that is not ok, never an exception."""
        try:
            if "httpGet" in handler:
                return _http(handler["httpGet"], target, timeout)
            if "tcpSocket" in handler:
                return _tcp(handler["tcpSocket"], target, timeout)
            if "exec" in handler:
                return self._exec(handler["exec"], target, timeout)
            if "sleep" in handler:
                pause(float(handler["sleep"]["seconds"]), why="the hook says so")
                return ProbeResult(ok=True)
        except KeyError as error:
            return ProbeResult(ok=False, message=f"no port is called {error}")
        except (NotConverged, ValueError) as error:
            return ProbeResult(ok=False, message=str(error))
        kinds = ", ".join(handler)
        return ProbeResult(ok=False, message=f"no handler is supported among: {kinds}")

    def _exec(self, handler: Manifest, target: Target, timeout: float) -> ProbeResult:
        eventually(
            lambda: _root_is_ready(target.pid),
            bool,
            what="the container's root is ready",
            budget=_ROOT_READY,
        )
        # Terminated from within: what runs in the container does not die with what entered it.
        limited = [_TIMEOUT, "--signal=KILL", f"{timeout:g}", *(handler.get("command") or [])]
        argv = exec_command(target.pid, target.identity, limited)
        done = self.shell.run(argv, env=target.env, timeout=timeout + _SPARE)
        if done.exit_code == 0:
            return ProbeResult(ok=True)
        output = (done.stdout + done.stderr).strip()[:_SHOWN]
        return ProbeResult(ok=False, message=f"command exited {done.exit_code}: {output}")


def _root_is_ready(pid: int) -> bool:
    """Whether bubblewrap has built the root and made way for the program (or it has ended)."""
    try:
        return Path(f"/proc/{pid}/exe").readlink().name != "bwrap"
    except OSError:
        return True


def _http(handler: Manifest, target: Target, timeout: float) -> ProbeResult:
    host = handler.get("host") or target.address
    port = target.container.port(handler["port"])
    path = handler.get("path") or "/"
    headers = {item["name"]: item["value"] for item in handler.get("httpHeaders") or []}
    connection = _connection(str(handler.get("scheme") or "HTTP"), host, port, timeout)
    try:
        sent = {"User-Agent": _AGENT, "Accept": "*/*", "Connection": "close", **headers}
        connection.request("GET", path if path.startswith("/") else f"/{path}", headers=sent)
        answer = connection.getresponse()
        if 200 <= answer.status < 400:
            return ProbeResult(ok=True)
        body = answer.read(_SHOWN).decode(errors="replace").strip()
        return ProbeResult(
            ok=False, message=f"HTTP probe failed with statuscode: {answer.status} {body}"
        )
    except (OSError, http.client.HTTPException) as error:
        return ProbeResult(ok=False, message=f"Get {host}:{port}{path}: {error!r}")
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int, timeout: float) -> http.client.HTTPConnection:
    if scheme.upper() != "HTTPS":
        return http.client.HTTPConnection(host, port, timeout=timeout)
    # Like a kubelet, a probe asks whether somebody serves, not who.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)


def _tcp(handler: Manifest, target: Target, timeout: float) -> ProbeResult:
    host = handler.get("host") or target.address
    port = target.container.port(handler["port"])
    try:
        socket.create_connection((host, port), timeout=timeout).close()
    except OSError as error:
        return ProbeResult(ok=False, message=f"dial {host}:{port}: {error!r}")
    return ProbeResult(ok=True)

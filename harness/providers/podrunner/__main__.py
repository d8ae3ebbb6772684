"""``python -m harness.providers.podrunner CONFIG.json``: run a node until told to end."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

from harness.kube import Kube
from harness.providers.podrunner import logs, node_object, server
from harness.providers.podrunner.clock import Clock
from harness.providers.podrunner.config import NodeConfig
from harness.providers.podrunner.events import ApiEventRecorder
from harness.providers.podrunner.kubelet import Kubelet
from harness.providers.podrunner.network import BridgePlugin
from harness.providers.podrunner.object_cache import ApiObjects
from harness.providers.podrunner.prober import NodeProber
from harness.providers.podrunner.processes import BubblewrapLauncher
from harness.providers.podrunner.runtime import ApiStatusManager, Runtime
from harness.shell import LocalShell

#: Looks and hooks under way at once; each is bounded by its own timeout.
_WORKERS = 48


def main(arguments: list[str]) -> NoReturn:
    """Run the node that the configuration describes; its pods end with it."""
    config = NodeConfig.read(Path(arguments[0]))
    kube, shell, clock = Kube(config.kubeconfig), LocalShell(), Clock()
    networks = BridgePlugin(config.node, config.pods, config.bridge, shell)
    networks.initialize()
    pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="handler")

    def background(work: Callable[[], None]) -> None:
        pool.submit(work).add_done_callback(_die_of_defects)

    runtime = Runtime(
        config=config,
        networks=networks,
        objects=ApiObjects(kube),
        launcher=BubblewrapLauncher(),
        prober=NodeProber(shell),
        status_manager=ApiStatusManager(kube),
        events=ApiEventRecorder(kube, config.node, clock),
        clock=clock,
        background=background,
    )
    kubelet = Kubelet(kube, runtime)
    server.serve(config, kubelet)
    node_object.register(kube, config, clock.wall())
    kubelet.run()
    logs.start_rotation(config.state / "pods", config.log_limit)
    while True:
        signal.pause()


def _die_of_defects(done: Future[None]) -> None:
    """A node that has lost one of its threads would look well and do nothing: it ends instead."""
    if error := done.exception():
        _die("".join(traceback.format_exception(error)))


def _die(what: str) -> NoReturn:
    sys.stderr.write(what)
    sys.stderr.flush()
    os._exit(70)


if __name__ == "__main__":
    # Pods die with the thread that started them; there is nothing to wait for. (A handler, not
    # a blocked signal: what is blocked here would stay blocked in every container.)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    threading.excepthook = lambda seen: _die(
        "".join(traceback.format_exception(seen.exc_type, seen.exc_value, seen.exc_traceback))
    )
    main(sys.argv[1:])

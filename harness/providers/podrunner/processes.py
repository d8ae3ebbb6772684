"""Start containers' processes and tell when they end.

All are started by one thread that lives as long as the node does, because the kernel's
"die with your parent" means the *thread* that forked. Ends are seen through pidfds: no polling.
"""

import json
import os
import select
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from typing import Protocol

from harness.providers.podrunner.bubblewrap import ContainerConfig, command
from harness.shell import Running, start

OnExit = Callable[[int], None]


class Process(Protocol):
    """A container's process."""

    @property
    def pid(self) -> int:
        """The program's own process id as the node sees it (0: it never came to be)."""
        ...

    def signal(self, number: int) -> None:
        """Send it a signal; nothing happens if it has ended."""
        ...


class Launcher(Protocol):
    """Starts containers."""

    def launch(self, name: str, config: ContainerConfig, log: Path, on_exit: OnExit) -> Process:
        """Start a container, its output appended to ``log``; :class:`ToolError` if impossible.

        ``on_exit`` is called once with the exit code (128 + n for a signal), from any thread.
        """
        ...


class BubblewrapProcess:
    """A process in its sandbox, held by a pidfd, so that a reused number is never hit."""

    def __init__(self, pid: int, running: Running) -> None:
        self.pid = pid
        self.running = running
        self._handle = _handle(pid)
        self._lock = Lock()

    def signal(self, number: int) -> None:
        """Send it a signal; nothing happens if it has ended."""
        with self._lock, suppress(ProcessLookupError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, number)

    def close(self) -> None:
        """Let go of it once it has ended."""
        with self._lock:
            if self._handle is not None:
                os.close(self._handle)
            self._handle = None


class BubblewrapLauncher:
    """Starts processes under bubblewrap."""

    def __init__(self) -> None:
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="spawner")
        self._ends = select.epoll()
        self._waiting: dict[int, tuple[BubblewrapProcess, OnExit]] = {}
        self._lock = Lock()
        Thread(target=self._reap, name="reaper", daemon=True).start()

    def launch(self, name: str, config: ContainerConfig, log: Path, on_exit: OnExit) -> Process:
        """Start a container, its output appended to ``log``; :class:`ToolError` if impossible."""
        running, pid = self._spawner.submit(_spawn, name, config, log).result()
        process = BubblewrapProcess(pid, running)
        watched = os.pidfd_open(running.pid)
        with self._lock:
            self._waiting[watched] = (process, on_exit)
        self._ends.register(watched, select.EPOLLIN | select.EPOLLONESHOT)
        return process

    def _reap(self) -> None:
        while True:
            for watched, _ in self._ends.poll():
                with self._lock:
                    process, on_exit = self._waiting.pop(watched)
                code = process.running.wait() or 0
                self._ends.unregister(watched)
                os.close(watched)
                process.close()
                on_exit(code if code >= 0 else 128 - code)


def _spawn(name: str, config: ContainerConfig, log: Path) -> tuple[Running, int]:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as info:
        try:
            argv = command(config, write)
            # A program that gave up its rights may open its own output anew.
            log.touch()
            log.chmod(0o666)
            running = start(name, argv, output=log, env=config.env, pass_fds=(write,))
        finally:
            os.close(write)
        info_json = info.read()
    with suppress(ValueError):
        return running, int(json.loads(info_json)["child-pid"])
    return running, 0


def _handle(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid) if pid else None
    except OSError:
        return None

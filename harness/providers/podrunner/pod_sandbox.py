"""The pod sandbox: what a pod's containers share (network, ``/etc`` files, volumes, logs)."""

import os
import shutil
from pathlib import Path

from harness.kube import Manifest
from harness.providers.podrunner import hostfiles
from harness.providers.podrunner.clock import Clock
from harness.providers.podrunner.config import NodeConfig
from harness.providers.podrunner.containers import Container
from harness.providers.podrunner.downward_api import PodInfo
from harness.providers.podrunner.network import NetworkPlugin, PodNetwork
from harness.providers.podrunner.object_cache import ObjectCache
from harness.providers.podrunner.security_context import users
from harness.providers.podrunner.volume_manager import VolumeManager

#: A kubelet's limit of a termination message (bytes); of one that is a log's tail, half of it.
_MESSAGE_LIMIT = 4096


class PodSandbox:
    """One pod's sandbox. Used by the pod's own thread only."""

    def __init__(
        self,
        pod: Manifest,
        config: NodeConfig,
        networks: NetworkPlugin,
        objects: ObjectCache,
        clock: Clock,
    ) -> None:
        self.pod = pod
        self.network: PodNetwork | None = None
        self.address = ""  # kept after the network is torn down, as in a kubelet's last status
        self._directory = config.state / "pods" / str(pod["metadata"]["uid"])
        self._config = config
        self._networks = networks
        self.volumes = VolumeManager(
            pod["spec"].get("volumes") or [],
            self._directory / "volumes",
            pod_info=lambda: self.pod_info,
            objects=objects,
            clock=clock,
        )

    @property
    def etc(self) -> Path:
        """Where the pod's own files of ``/etc`` are."""
        return self._directory / "etc"

    @property
    def pod_info(self) -> PodInfo:
        """The pod as the downward API shows it."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        cores = os.cpu_count() or 1
        return PodInfo(self.pod, self.address, self._config.address, cores, memory)

    def create(self) -> None:
        """Make what is not made yet; may be repeated after a failure.

        Raises :class:`Unavailable` for volumes, and what setting a network up may raise.
        """
        if self.network is None:
            self.network = self._networks.set_up()
            self.address = self.network.address
            files = hostfiles.HostFiles(
                self.pod, self.address, self._config.dns, self._config.domain
            )
            hostfiles.write(self.etc, files, users(self.pod))
        self.volumes.mount_all()

    def log(self, container: str, run: int) -> Path:
        """Return the log file of a container's run (1 is the first)."""
        return self._directory / "logs" / container / f"{run}.log"

    def termination_message(self, container: str) -> Path:
        """Return the file behind a container's ``terminationMessagePath``."""
        return self._directory / "termination-log" / container

    def last_message(self, container: Container, run: int, exit_code: int) -> str:
        """Return the termination message of a run that has exited."""
        file = self.termination_message(container.name)
        text = file.read_bytes()[:_MESSAGE_LIMIT] if file.exists() else b""
        policy = container.manifest.get("terminationMessagePolicy")
        if not text and exit_code and policy == "FallbackToLogsOnError":
            text = self.log(container.name, run).read_bytes()[-_MESSAGE_LIMIT // 2 :]
        return text.decode(errors="replace")

    def metadata_changed(self, pod: Manifest) -> None:
        """Show the pod's labels and annotations as they are now."""
        self.pod = pod
        self.volumes.metadata_changed()

    def stop(self) -> None:
        """Tear the network down; what the pod wrote stays."""
        network, self.network = self.network, None
        if network is not None:
            self._networks.tear_down(network)

    def remove(self) -> None:
        """Leave nothing behind."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

"""The ``kind`` command, as far as the harness uses it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness import shell
from harness.shell import Running, Shell


@dataclass(frozen=True, slots=True)
class Kind:
    """The program at ``path``; ``env`` is the whole environment in which it is run."""

    path: Path
    shell: Shell
    env: Mapping[str, str] = field(default_factory=dict)

    def create_cluster(self, name: str, *, config: Path, kubeconfig: Path, log: Path) -> Running:
        """Start making a cluster; nodes of one that fails are left, to be looked at."""
        argv = [str(self.path), "create", "cluster", "--name", name, "--config", str(config)]
        argv += ["--kubeconfig", str(kubeconfig), "--retain", "--wait", "0s"]
        return shell.start(f"kind-{name}", argv, output=log, env=self.env)

    def load_docker_image(self, name: str, *images: str) -> None:
        """Put images of the engine into every node of a cluster."""
        argv = [str(self.path), "load", "docker-image", "--name", name, *images]
        self.shell.run(argv, env=self.env, timeout=600).checked()

    def version(self) -> str:
        """Return the version, such as ``0.32.0``."""
        said = self.shell.run([str(self.path), "version", "--quiet"], timeout=30).checked()
        return said.strip().removeprefix("v")

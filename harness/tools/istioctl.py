"""istioctl, as far as the harness uses it; methods in alphabetical order."""

from dataclasses import dataclass
from pathlib import Path

from harness.shell import Shell


@dataclass(frozen=True, slots=True)
class Istioctl:
    """The program at ``path``. Documents are IstioOperator resources as YAML or JSON text."""

    path: Path
    shell: Shell

    def install(self, operator: str, *, kubeconfig: Path, timeout: float = 300.0) -> None:
        """Install what ``operator`` asks for, and wait until it is ready."""
        argv = [str(self.path), "install", "--skip-confirmation", "--kubeconfig", str(kubeconfig)]
        argv += ["--readiness-timeout", f"{timeout:.0f}s", "--filename", "-"]
        self.shell.run(argv, stdin=operator, timeout=timeout + 30).checked()

    def manifest_generate(self, operator: str) -> str:
        """Return the manifests (YAML) that ``operator`` amounts to. Needs no cluster."""
        argv = [str(self.path), "manifest", "generate", "--filename", "-"]
        return self.shell.run(argv, stdin=operator, timeout=60).checked()

    def workload_entry_configure(
        self,
        group: Path,
        output: Path,
        *,
        kubeconfig: Path,
        cluster: str,
        system: str,
        address: str,
        revision: str = "",
        registers: bool = False,
    ) -> None:
        """Write the files by which a machine of a WorkloadGroup (in ``group``) joins.

        ``address`` is that of the gateway by which it reaches istiod of ``system``.
        """
        argv = [str(self.path), "experimental", "workload", "entry", "configure"]
        argv += ["--kubeconfig", str(kubeconfig), "--istioNamespace", system]
        argv += ["--file", str(group), "--output", str(output), "--clusterID", cluster]
        argv += ["--ingressIP", address]
        argv += ["--revision", revision] if revision else []
        argv += ["--autoregister"] if registers else []
        self.shell.run(argv, timeout=60).checked()

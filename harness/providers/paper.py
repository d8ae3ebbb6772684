"""A lab that exists on paper only: for developing suites and for testing the harness."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness import files
from harness.model import Cluster, ClusterPlan, Lab, NetworkPlan, Topology
from harness.model.kubeconfig import kubeconfig_data
from harness.phases import Phases
from harness.providers.base import RaiseOptions

#: Nothing listens on the discard port of this machine: every request is refused at once.
SERVER = "https://127.0.0.1:9"


class PaperProvider:
    """Pretends. Its kubeconfigs can be read, and lead nowhere."""

    name = "paper"

    def up(
        self, topology: Topology, plan: NetworkPlan, phases: Phases, options: RaiseOptions
    ) -> Lab:
        """Return a lab of kubeconfigs that nobody answers."""
        del options  # nothing of it depends on its owner
        state = Path(tempfile.mkdtemp(prefix="meshproof-paper-"))
        try:
            with phases.phase("draw clusters"):
                clusters = tuple(_cluster(each, state) for each in plan.clusters)
        except BaseException:
            shutil.rmtree(state)
            raise
        return Lab(
            id=state.name.removeprefix("meshproof-"),
            provider=self.name,
            topology=topology,
            plan=plan,
            clusters=clusters,
            state_dir=str(state),
        )

    def down(self, lab: Lab) -> None:
        """Remove the kubeconfigs."""
        shutil.rmtree(lab.state_dir, ignore_errors=True)

    def stands(self, lab: Lab) -> bool:
        """Say whether the kubeconfigs are still there."""
        return Path(lab.state_dir).is_dir()

    def lacks(self) -> Sequence[str]:
        """Paper is all it takes."""
        return ()


def _cluster(plan: ClusterPlan, state: Path) -> Cluster:
    content = kubeconfig_data(plan.name, cluster={"server": SERVER}, user={})
    written = files.write(state / f"{plan.name}.kubeconfig", content, private=True)
    return Cluster(
        name=plan.name,
        network=plan.network,
        kubeconfig=str(written),
        server=SERVER,
        version="paper",
    )

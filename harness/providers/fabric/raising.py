"""The frame in which a provider raises a lab: leftovers first, and nothing stays of a failure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.kube import Kube
from harness.model import Cluster, ClusterPlan, Lab, NetworkPlan, Program, Topology
from harness.model.plan import API_PORT
from harness.providers.fabric import state
from harness.providers.fabric.state import State


@dataclass(frozen=True, slots=True)
class Built:
    """What stands: clusters that answer, and the programs that the report lists."""

    clusters: Sequence[Cluster]
    programs: Sequence[Program]


@dataclass(frozen=True, slots=True)
class Frame:
    """How the labs of provider ``name`` begin and end.

    ``reap`` removes what is left of labs that nobody holds; ``raze`` ends one, however little of
    it is there.
    """

    name: str
    reap: Callable[[], object]
    raze: Callable[[State], object]

    @state.writing()
    def raised(
        self,
        topology: Topology,
        plan: NetworkPlan,
        build: Callable[[State], Built],
        *,
        keep: bool,
    ) -> Lab:
        """Have ``build`` build a lab at a place of its own. A failure leaves nothing behind."""
        self.reap()
        place = state.new()
        try:
            built = build(place.make(self.name, keep=keep))
            lab = Lab(
                id=place.id,
                provider=self.name,
                topology=topology,
                plan=plan,
                clusters=tuple(built.clusters),
                programs=tuple(built.programs),
                state_dir=str(place.path),
            )
            place.finish(lab)
            return lab  # noqa: TRY300 - an interruption before it must find the handler, too
        except BaseException:
            self.raze(place)
            raise


def described(cluster: ClusterPlan, kubeconfig: Path) -> Cluster:
    """Return a cluster whose API server answers."""
    return Cluster(
        name=cluster.name,
        network=cluster.network,
        kubeconfig=str(kubeconfig),
        server=f"https://{cluster.api_address}:{API_PORT}",
        version=Kube(kubeconfig).version(),
    )

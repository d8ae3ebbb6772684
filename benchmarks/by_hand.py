"""The documented way by hand: kind, istioctl and kubectl as guides have them, step after step.

Everything carries the labels of a lab and is noted like one, so that `meshproof reap` finds what
a killed run leaves behind.
"""

from benchmarks.documented import Guide
from benchmarks.hand import NETWORK, Hand
from benchmarks.measure import Raised, answered, deploy, timed
from benchmarks.memory import of_containers
from harness.meshes.istio.mesh import IstioMesh
from harness.model import Topology
from harness.providers.kind.api import bench
from harness.providers.kind.provider import KindProvider
from harness.workloads.site import Site


def by_hand_once(wanted: Topology) -> Raised:
    """Raise ``wanted`` by hand with one app per cluster, call, measure, take down."""
    with bench(KindProvider().plan(wanted), IstioMesh().images(wanted)) as at_hand:
        hand = Hand(at_hand, at_hand.kind(NETWORK))
        guide = Guide.to(wanted, hand.balance)
        with timed() as made:
            hand.network()
            sites = [hand.cluster(cluster) for cluster in at_hand.plan.clusters]
        with timed() as installed:
            guide.follow(sites)
        with timed() as served:
            _serve(sites)
        memory = of_containers(at_hand.client, at_hand.spec.lab)
        with timed() as down:
            hand.delete()
    return Raised(made(), installed(), served(), down(), memory)


def _serve(sites: list[Site]) -> None:
    for site in sites:
        deploy(site)
    for site in sites:
        answered(site, [each.name for each in sites])

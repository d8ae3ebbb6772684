"""What every provider must satisfy, as checks that pytest collects from a subclass.

A vendor writes::

    class TestOurProvider(ProviderContract):
        @pytest.fixture
        def provider(self) -> Provider:
            return OurProvider()
"""

from pathlib import Path

from harness.kube import Kube
from harness.model import ClusterSpec, Lab, NetworkSpec, Topology
from harness.phases import Phases
from harness.providers.base import Provider, RaiseOptions, planned

#: Two clusters whose order is not that of their names.
PAIR = Topology(
    name="pair",
    title="Two clusters on two networks",
    networks=(NetworkSpec(name="blue", cidr=None), NetworkSpec(name="green", cidr=None)),
    clusters=(
        ClusterSpec(name="west", network="green"),
        ClusterSpec(name="east", network="blue"),
    ),
)


class ProviderContract:
    """Obligations of a provider. Wants a fixture ``provider``; raises a few small labs."""

    def test_name_fits_on_a_command_line(self, provider: Provider) -> None:
        """The name is what the user types after ``--provider``."""
        assert provider.name
        assert not set(provider.name) & set(" \t,/+")

    def test_nothing_is_lacking_where_this_runs(self, provider: Provider) -> None:
        """Without this, the other obligations cannot be looked at."""
        assert not provider.lacks()

    def test_a_lab_is_what_the_topology_says(self, provider: Provider) -> None:
        """Clusters in declared order, on their networks, with private kubeconfigs."""
        plan = planned(provider, PAIR)
        lab = provider.up(PAIR, plan, quiet(), RaiseOptions())
        try:
            assert [cluster.name for cluster in lab.clusters] == ["west", "east"]
            assert [cluster.network for cluster in lab.clusters] == ["green", "blue"]
            assert (lab.provider, lab.topology) == (provider.name, PAIR)
            assert lab.plan == plan
            for cluster in lab.clusters:
                assert Path(cluster.kubeconfig).stat().st_mode & 0o077 == 0
                Kube(cluster.kubeconfig)  # can be read
        finally:
            provider.down(lab)

    def test_a_lab_survives_a_process_boundary(self, provider: Provider) -> None:
        """Whoever holds the data can take the lab down, from a process of its own too."""
        lab = raised(provider)
        copy = Lab.load(lab.dump())
        provider.down(copy)
        assert copy == lab
        assert not any(Path(cluster.kubeconfig).exists() for cluster in lab.clusters)

    def test_down_twice_is_harmless(self, provider: Provider) -> None:
        """An interrupted take-down is begun again."""
        lab = raised(provider)
        provider.down(lab)
        provider.down(lab)

    def test_labs_do_not_collide(self, provider: Provider) -> None:
        """Two of the same topology stand side by side; one outlives the other."""
        one = raised(provider)
        other = raised(provider)
        try:
            assert one.id != other.id
            provider.down(one)
            assert all(Path(cluster.kubeconfig).exists() for cluster in other.clusters)
        finally:
            provider.down(other)


def raised(provider: Provider) -> Lab:
    """Return a lab of :data:`PAIR`, quietly raised."""
    return provider.up(PAIR, planned(provider, PAIR), quiet(), RaiseOptions())


def quiet() -> Phases:
    """Return phases that say nothing."""
    return Phases(say=lambda _: None)

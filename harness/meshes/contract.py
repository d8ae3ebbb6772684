"""What every mesh must satisfy, as checks that pytest collects from a subclass.

A vendor writes::

    class TestOurMesh(MeshContract):
        @pytest.fixture
        def mesh(self) -> Mesh:
            return OurMesh()

and, on a lab, the same with :class:`InstalledMeshContract` and a second fixture ``lab``.
"""

from harness.converge import eventually
from harness.meshes.base import Mesh
from harness.meshes.traces import traces
from harness.model import ClusterSpec, Lab, NetworkSpec, Topology, plan_networks
from harness.phases import Phases

#: The smallest topology: what every mesh can be prepared for.
SMALLEST = Topology(
    name="smallest",
    title="one cluster",
    networks=(NetworkSpec(name="network1", cidr=None),),
    clusters=(ClusterSpec(name="cluster1", network="network1"),),
)


class MeshContract:
    """Obligations that need no cluster. Wants a fixture ``mesh``."""

    def test_name_fits_on_a_command_line(self, mesh: Mesh) -> None:
        """The name is what the user types after ``--mesh``."""
        assert mesh.name
        assert not set(mesh.name) & set(" \t,/")

    def test_shapes_have_no_empty_name(self, mesh: Mesh) -> None:
        """Only revision and labels of namespaces may be empty: there are meshes without."""
        for cluster, shape in mesh.shapes(SMALLEST).items():
            names = {field: getattr(shape, field) for field in shape.__dataclass_fields__}
            empty = {field for field, name in names.items() if not name}
            assert empty <= {"revision", "selected"}, f"shape of {cluster}"

    def test_images_are_told_without_a_cluster(self, mesh: Mesh) -> None:
        """A provider asks for them before anything is started: they carry a version."""
        for name in mesh.images(SMALLEST):
            assert ":" in name.rsplit("/", 1)[-1], name

    def test_prepare_needs_no_cluster_and_keeps_nothing(self, mesh: Mesh) -> None:
        """It runs while clusters come up, and for several labs of one object."""
        one, other = (mesh.prepare(SMALLEST, plan_networks(SMALLEST)) for _ in range(2))
        assert one is not other
        assert [str(step) for step in one.steps] == [str(step) for step in other.steps]

    def test_what_it_prints_has_no_keys(self, mesh: Mesh) -> None:
        """An installation is shown to readers: Secrets are there by name only."""
        installation = mesh.prepare(SMALLEST, plan_networks(SMALLEST))
        printed = f"{installation} {installation!r} {installation.dump()} {installation.steps!r}"
        assert "PRIVATE KEY" not in printed

    def test_programs_can_be_told_apart(self, mesh: Mesh) -> None:
        """The report names every program with its version and digest."""
        programs = mesh.programs()
        assert all(program.name and program.version and program.sha256 for program in programs)
        assert len({program.name for program in programs}) == len(programs)


class InstalledMeshContract:
    """Obligations towards real clusters. Wants fixtures ``mesh`` and ``lab`` (without a mesh)."""

    def test_uninstall_restores_and_may_be_repeated(self, mesh: Mesh, lab: Lab) -> None:
        """After ``uninstall`` the objects are those from before ``install``, of whatever kind."""
        before = traces(lab)
        installation = mesh.prepare(lab.topology, lab.plan)
        mesh.install(lab, installation, Phases())
        for _ in range(2):
            mesh.uninstall(lab, installation)
            eventually(
                lambda: traces(lab) ^ before,
                lambda differing: not differing,
                what="uninstall restores the clusters",
            )

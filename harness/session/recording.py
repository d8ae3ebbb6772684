"""The record of a run, built when it is over: all that any report may read."""

from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from harness.session.asked import Options
from harness.session.errors import told
from harness.session.run import Run
from harness.session.verdicts import Settled

if TYPE_CHECKING:  # reports are slow to load, and only the end of a run needs them
    from harness.reporting.record import Digests, Product, RunRecord


def record(run: Run, settled: Settled, started: datetime, *, complete: bool) -> "RunRecord":
    """Return the record of ``run``, which ends now; what breaks on the way is in it, too."""
    from harness.reporting import digests, machine
    from harness.reporting.record import LabRecord, RunRecord

    options = run.options
    product = _product(run)  # may add to the troubles below
    return RunRecord(
        run_id=run.id,
        tool_version=version("meshproof"),
        started=started,
        finished=datetime.now(UTC),
        options=options.described(),
        environment=machine.this_machine(),
        level=options.level,
        catalogue=options.catalogue,
        topologies=options.declared,
        left_out=options.left_out,
        product=product,
        labs=tuple(LabRecord.of(lab) for lab in run.keeper.used),
        results=(*settled.results, *settled.unselected),
        lost=settled.lost,
        trouble=tuple(map(str, run.troubles)),
        phases=run.phases.done,
        complete=complete,
        digests=_digests(options),
        evidence=digests.evidence(options.report_dir, settled.results),
    )


def _product(run: Run) -> "Product":
    from harness.reporting.record import Product

    mesh = run.mesh
    if not run.keeper.used:  # a mesh may have to build its programs to know their versions
        return Product(name=mesh.name, version=run.options.mesh_version)
    try:
        return Product(name=mesh.name, version=mesh.version, programs=mesh.programs())
    except Exception as error:  # noqa: BLE001 - a vendor's mesh must not cost the report
        run.troubles.note("mesh", told(error))
        return Product(name=mesh.name, version="unknown")


def _digests(options: Options) -> "Digests":
    from harness.reporting import digests
    from harness.reporting.record import Digests

    return Digests(
        catalogue=digests.of_file(options.catalogue_file),
        topologies={name: digests.of_file(path) for name, path in options.files.items()},
        suites=digests.of_tree(options.suites) if options.suites.is_dir() else "",
    )

"""The end of a run: take the lab down, store the record, write the reports, say what counts."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from harness.lab.keeper import OwningKeeper
from harness.model import CheckResult, Fate, Level, Topology, Verdict, worst
from harness.session.run import Run, told
from harness.session.verdicts import Ledger

if TYPE_CHECKING:  # writers are slow to load, and only the end of a run needs them
    from harness.reporting.record import Digests, Product, RunRecord
    from harness.reporting.writers import ReportWriter, Written

#: Verdicts of checks that leave a requirement open: no failure, but nothing may be claimed.
OPEN = (Verdict.FLAKY, Verdict.SKIPPED, Verdict.NOT_RUN, Verdict.UNKNOWN)
_BINDING = {level: rank for rank, level in enumerate(Level)}


@dataclass(slots=True)
class Closing:
    """Ends a run once, however it ends."""

    run: Run
    keeper: OwningKeeper
    ledger: Ledger
    hook: Any
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    complete: bool = False
    interrupted: bool = False
    trouble: list[str] = field(default_factory=list)
    #: Whether there is something to report: nothing may replace an older report otherwise.
    due: bool = False
    #: What could not be collected, and why.
    uncollected: dict[str, str] = field(default_factory=dict)
    results: tuple[CheckResult, ...] = ()
    unselected: tuple[CheckResult, ...] = ()
    written: "list[Written]" = field(default_factory=list)
    _finished: bool = False

    def finish(self) -> None:
        """Take the lab down and write the reports. Idempotent."""
        if self._finished:
            return
        self._finished = True
        try:
            self.keeper.close()
        except KeyboardInterrupt:
            self.interrupted = True
            self.complete = False
        except Exception as error:  # noqa: BLE001 - whatever broke must not cost the report
            self.trouble.append(f"taking the lab down: {told(error)}")
        self.results = self.ledger.settled(self.run.options.catalogue)
        self.unselected = self.ledger.unselected()
        if self.due:
            self._write()

    def open_requirements(self) -> list[str]:
        """Name the requirements of the run's level whose checks ran and left them open."""
        names: dict[str, Verdict] = {}
        for requirement, verdict in self._verdicts():
            if verdict in OPEN:
                names[requirement] = worst([names.get(requirement, Verdict.PASSED), verdict])
        return [f"{name} {verdict}" for name, verdict in sorted(names.items())]

    @property
    def failed(self) -> bool:
        """Whether anything was seen that must not end in exit code 0."""
        bad = any(result.verdict is Verdict.FAILED for result in self.results)
        unwritten = any(each.trouble for each in self.written)
        trouble = self.keeper.trouble or self.trouble or unwritten
        return bad or bool(self.open_requirements() or self.ledger.lost or trouble)

    def lines(self) -> Iterator[str]:
        """Yield the summary that ends a run's output."""
        for topology in self.run.options.topologies:
            yield from self._table(topology)
        yield from self._failures()
        if left := self.open_requirements():
            yield f"left open, so level {self.run.options.level} is blocked: {', '.join(left)}"
        yield from self._left_out()
        for nodeid in self.ledger.lost:
            yield f"lost with its worker: {nodeid}"
        for line in self._troubles():
            yield f"trouble with {line}"
        if self.run.options.prove:
            yield from self._kills()
        for each in self.written:
            yield f"{each.name}: {each.path or f'not written: {each.trouble}'}"
        if not self.due:
            yield "no report was written: there was nothing to run"

    def _troubles(self) -> list[str]:
        labs = [f"{name}: {reason}" for name, reason in self.keeper.trouble.items()]
        files = [f"collecting {name}: {reason}" for name, reason in self.uncollected.items()]
        return [*labs, *files, *self.trouble]

    def _left_out(self) -> Iterator[str]:
        rows = Counter(
            each.requirement for each in self.unselected if each.verdict is Verdict.NOT_RUN
        )
        if rows:
            named = ", ".join(f"{name} ({count})" for name, count in sorted(rows.items()))
            yield f"not selected, so level {self.run.options.level} is blocked: {named}"

    def _verdicts(self) -> Iterator[tuple[str, Verdict]]:
        options = self.run.options
        for result in self.results:
            requirement = options.catalogue.get(result.requirement)
            if requirement and _BINDING[requirement.level] <= _BINDING[options.level]:
                yield result.requirement, result.verdict

    def _table(self, topology: Topology) -> Iterator[str]:
        catalogue = self.run.options.catalogue
        judged: dict[str, list[Verdict]] = {}
        for result in (*self.results, *self.unselected):
            if result.topology == topology.name:
                judged.setdefault(result.requirement, []).append(result.verdict)
        areas: dict[str, Counter[Verdict]] = {}
        for name, verdicts in judged.items():
            requirement = catalogue.get(name)
            area = requirement.area if requirement else "unknown"
            areas.setdefault(area, Counter())[worst(verdicts)] += 1
        yield f"{topology.name}: requirements by area"
        for area, counts in sorted(areas.items()):
            shown = ", ".join(
                f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict]
            )
            yield f"  {area:<20} {shown}"
        if not areas:
            yield "  none was judged"

    def _failures(self) -> Iterator[str]:
        for result in self.results:
            if result.verdict is Verdict.FAILED or _unproved(result):
                requirement = self.run.options.catalogue.get(result.requirement)
                title = requirement.title if requirement else ""
                yield f"{result.verdict} {result.requirement} {title}: {result.check}"
                yield f"  {result.reason.partition(chr(10))[0]}"
                if result.evidence:
                    yield f"  evidence: {self.run.options.report_dir / result.evidence}"

    def _kills(self) -> Iterator[str]:
        tried = {
            (each.check, proof.sabotage, proof.claim): (each, proof)
            for each in self.results
            for proof in each.proofs
        }
        fates = Counter(proof.fate for _, proof in tried.values())
        killed = fates.pop(Fate.KILLED, 0)
        others = [f"{fates[fate]} {fate}" for fate in Fate if fates[fate]]
        yield ", ".join([f"sabotages: {killed} of {len(tried)} killed", *others])
        for result, proof in tried.values():
            if proof.fate is Fate.MISSING:
                yield f"  missing: {proof.sabotage} of {result.requirement} on {result.topology}"

    def _write(self) -> None:
        from harness.reporting.writers import BUILT_IN, write_all

        writers = [*BUILT_IN, *self._vendors_writers()]
        try:
            record = self._record()
            self.written = write_all(record, self.run.options.report_dir, writers)
        except Exception as error:  # noqa: BLE001 - what the run saw is still to be told
            self.trouble.append(f"the reports, which were not written: {told(error)}")

    def _vendors_writers(self) -> "list[ReportWriter]":
        try:
            return [each for listed in self.hook.pytest_mesh_report_writers() for each in listed]
        except Exception as error:  # noqa: BLE001 - a vendor's hook must not cost the report
            self.keeper.trouble["reports"] = told(error)
            return []

    def _record(self) -> "RunRecord":
        from harness.reporting import digests, machine
        from harness.reporting.record import LabRecord, RunRecord

        options = self.run.options
        product = self._product()  # may add to the trouble below
        return RunRecord(
            run_id=self.run.id,
            tool_version=version("meshproof"),
            started=self.started,
            finished=datetime.now(UTC),
            options=options.described(),
            environment=machine.this_machine(),
            level=options.level,
            catalogue=options.catalogue,
            topologies=options.topologies,
            product=product,
            labs=tuple(LabRecord.of(lab) for lab in self.keeper.used),
            results=(*self.results, *self.unselected),
            lost=tuple(self.ledger.lost),
            trouble=tuple(self._troubles()),
            phases=self.run.phases.done,
            complete=self.complete and not self.ledger.lost,
            digests=self._digests(),
            evidence=digests.evidence(options.report_dir, self.results),
        )

    def _product(self) -> "Product":
        from harness.reporting.record import Product

        mesh = self.run.mesh
        if not self.keeper.used:  # a mesh may have to build its programs to know their versions
            return Product(name=mesh.name, version=self.run.options.mesh_version)
        try:
            return Product(name=mesh.name, version=mesh.version, programs=mesh.programs())
        except Exception as error:  # noqa: BLE001 - a vendor's mesh must not cost the report
            self.keeper.trouble["mesh"] = told(error)
            return Product(name=mesh.name, version="unknown")

    def _digests(self) -> "Digests":
        from harness.reporting import digests
        from harness.reporting.record import Digests

        options = self.run.options
        return Digests(
            catalogue=digests.of_file(options.catalogue_file),
            topologies={name: digests.of_file(path) for name, path in options.files.items()},
            suites=digests.of_tree(options.suites) if options.suites.is_dir() else "",
        )


def _unproved(result: CheckResult) -> bool:
    return any(proof.fate in (Fate.SURVIVED, Fate.SPOILED) for proof in result.proofs)

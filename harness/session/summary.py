"""What a run says on the terminal when it is over: one line for each thing that counts."""

from collections import Counter
from collections.abc import Iterator

from harness.model import CheckResult, Fate, Topology, Verdict, worst
from harness.session.asked import Options
from harness.session.closing import Closing
from harness.session.verdicts import Settled


def lines(closing: Closing) -> Iterator[str]:
    """Yield the summary that ends a run's output."""
    run, settled = closing.run, closing.settled
    options = run.options
    for topology in options.topologies:
        yield from _table(topology, settled, options)
    yield from _causes(settled, options)
    if left := settled.left_open(options.catalogue, options.level):
        yield f"left open, so level {options.level} is blocked: {', '.join(left)}"
    yield from _left_out(settled, options)
    for nodeid in settled.lost:
        yield f"lost with its worker: {nodeid}"
    for trouble in run.troubles:
        yield f"trouble with {trouble}"
    if options.prove:
        yield from _kills(settled)
    for each in closing.written:
        yield f"{each.name}: {each.path or f'not written: {each.trouble}'}"
    if not closing.due:
        yield "no report was written: there was nothing to run"


def _table(topology: Topology, settled: Settled, options: Options) -> Iterator[str]:
    judged: dict[str, list[Verdict]] = {}
    for result in (*settled.results, *settled.unselected):
        if result.topology == topology.name:
            judged.setdefault(result.requirement, []).append(result.verdict)
    areas: dict[str, Counter[Verdict]] = {}
    for name, verdicts in judged.items():
        requirement = options.catalogue.get(name)
        area = requirement.area if requirement else "unknown"
        areas.setdefault(area, Counter())[worst(verdicts)] += 1
    yield f"{topology.name}: requirements by area"
    for area, counts in sorted(areas.items()):
        shown = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
        yield f"  {area:<20} {shown}"
    if not areas:
        yield "  none was judged"


def _causes(settled: Settled, options: Options) -> Iterator[str]:
    """Yield a line for each check that failed or could not tell: promise, pair, cause."""
    told: Counter[str] = Counter()
    for result in settled.results:
        if result.verdict is Verdict.FAILED or _unproved(result):
            yield _cause(result, options)
            if result.evidence:
                yield f"  evidence: {options.report_dir / result.evidence}"
        elif result.verdict is Verdict.UNKNOWN:
            told[result.reason] += 1
            if told[result.reason] == 1:  # a lab that does not stand has one cause, not hundreds
                yield _cause(result, options)
    for reason, count in told.items():
        if count > 1:
            yield f"unknown {count - 1} more times for the same reason: {_first_line(reason)}"


def _cause(result: CheckResult, options: Options) -> str:
    requirement = options.catalogue.get(result.requirement)
    title = f" {requirement.title}" if requirement else ""
    head = f"{result.verdict} {result.requirement}{title}: {result.check}"
    return f"{head}: {_first_line(result.reason)}"


def _first_line(reason: str) -> str:
    return reason.partition("\n")[0]


def _left_out(settled: Settled, options: Options) -> Iterator[str]:
    rows = Counter(
        each.requirement for each in settled.unselected if each.verdict is Verdict.NOT_RUN
    )
    if rows:
        named = ", ".join(f"{name} ({count})" for name, count in sorted(rows.items()))
        yield f"not selected, so level {options.level} is blocked: {named}"


def _kills(settled: Settled) -> Iterator[str]:
    tried = {
        (each.check, proof.sabotage, proof.claim): (each, proof)
        for each in settled.results
        for proof in each.proofs
    }
    fates = Counter(proof.fate for _, proof in tried.values())
    killed = fates.pop(Fate.KILLED, 0)
    others = [f"{fates[fate]} {fate}" for fate in Fate if fates[fate]]
    yield ", ".join([f"sabotages: {killed} of {len(tried)} killed", *others])
    for result, proof in tried.values():
        if proof.fate is Fate.MISSING:
            yield f"  missing: {proof.sabotage} of {result.requirement} on {result.topology}"


def _unproved(result: CheckResult) -> bool:
    return any(proof.fate in (Fate.SURVIVED, Fate.SPOILED) for proof in result.proofs)

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
    if options.several:
        yield from _overview(settled, options)
    else:
        yield from _table(options.topologies[0], settled, options)
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


def _overview(settled: Settled, options: Options) -> Iterator[str]:
    """Yield a line for each topology, and one that says which promises were broken where."""
    left_out = {each.topology: each for each in options.left_out}
    width = max(len(topology.name) for topology in options.declared)
    yield "requirements by topology"
    for topology in options.declared:
        if each := left_out.get(topology.name):
            told = f"{each.verdict}, as it was not raised: {each.reason.partition('; ')[0]}"
        else:
            told = _counted(Counter(_verdicts(topology, settled).values())) or "none was judged"
        yield f"  {topology.name:<{width}}  {told}"
    broken: dict[str, list[str]] = {}
    for topology in options.topologies:
        for name, verdict in _verdicts(topology, settled).items():
            if verdict is Verdict.FAILED:
                broken.setdefault(topology.name, []).append(name)
    listed = "; ".join(f"{name}: {', '.join(ids)}" for name, ids in broken.items())
    yield f"broken: {listed}" if listed else "no promise was broken on any topology"


def _verdicts(topology: Topology, settled: Settled) -> dict[str, Verdict]:
    """Return the verdict of each requirement that was looked at on ``topology``."""
    judged: dict[str, list[Verdict]] = {}
    for result in (*settled.results, *settled.unselected):
        if result.topology == topology.name:
            judged.setdefault(result.requirement, []).append(result.verdict)
    # A check of several requirements may look at pairs that one of them is not about.
    about = {
        name: [each for each in verdicts if each is not Verdict.NOT_APPLICABLE] or verdicts
        for name, verdicts in judged.items()
    }
    return {name: worst(verdicts) for name, verdicts in about.items()}


def _counted(counts: Counter[Verdict]) -> str:
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])


def _table(topology: Topology, settled: Settled, options: Options) -> Iterator[str]:
    areas: dict[str, Counter[Verdict]] = {}
    for name, verdict in _verdicts(topology, settled).items():
        requirement = options.catalogue.get(name)
        area = requirement.area if requirement else "unknown"
        areas.setdefault(area, Counter())[verdict] += 1
    yield f"{topology.name}: requirements by area"
    for area, counts in sorted(areas.items()):
        yield f"  {area:<20} {_counted(counts)}"
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

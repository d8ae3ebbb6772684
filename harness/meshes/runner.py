"""Carry out an installation: each step as soon as all that it waits for is done."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from harness.meshes.installation import Clusters, Installation, Step
from harness.model import Lab
from harness.phases import Phases


def carry_out(lab: Lab, installation: Installation, phases: Phases) -> None:
    """Take every step on ``lab``, those that wait for nothing side by side."""
    clusters = Clusters(lab)

    def take(step: Step) -> None:
        with phases.phase(step.name):
            step.action.carry_out(clusters, step.cluster)

    in_order(installation.steps, take)


def in_order(steps: Sequence[Step], take: Callable[[Step], None]) -> None:
    """Call ``take`` for every step, in a thread of its own, after those that it waits for.

    Once one fails nothing more is begun; what is under way is waited for. One failure is raised
    as it is, several as an ``ExceptionGroup``.
    """
    if not steps:
        return
    left, done, errors = list(steps), set[str](), list[BaseException]()
    running: dict[Future[None], Step] = {}
    with ThreadPoolExecutor(max_workers=len(steps)) as pool:
        while running or (left and not errors):
            ready = [] if errors else [step for step in left if done.issuperset(step.after)]
            running |= {pool.submit(take, step): step for step in ready}
            left = [step for step in left if step not in ready]
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                step = running.pop(future)
                if error := future.exception():
                    errors.append(error)
                done.add(step.name)
    if errors:
        raise errors[0] if len(errors) == 1 else BaseExceptionGroup("several steps failed", errors)

"""A machine that is coming up: nothing is written before it has files of its own."""

import sys
from collections.abc import Sequence
from pathlib import Path

from harness.providers.fabric import first
from harness.providers.fabric.furnishing import first_process, furnish
from harness.shell import LocalShell, Outcome


def test_nothing_is_written_before_the_machine_is_up() -> None:
    ran: list[str] = []

    def run(argv: Sequence[str]) -> Outcome:
        ran.append(" ".join(argv))
        up = len(ran) > 3
        return Outcome(tuple(argv), 0 if up else 1, "", "")

    furnish("vm1", "10.77.1.21", run)
    assert ran[:4] == [f"test -e {first.UP}"] * 4
    assert ran[4].splitlines()[0].endswith(f"test -e {first.UP}")
    assert "10.77.1.21 vm1" in ran[4]
    assert "istio-proxy:x:1337" in ran[4]


def test_the_first_process_says_that_it_is_up_and_collects_what_ends(
    tmp_path: Path,
) -> None:
    program = first_process()[-1].replace(first.UP, f"{tmp_path}/up")
    waits = "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})"
    # Its child ends at once; then it has nothing to collect any more, and says so.
    begun = program.replace(waits, f"{waits}\n    os.fork() or os._exit(0)").replace(
        "        return\n", "        os._exit(7)\n"
    )
    assert LocalShell().run([sys.executable, "-c", begun], timeout=20).exit_code == 7

"""The machine a run is driven from, as far as a reader of its report may know it."""

import os
import platform

from harness.reporting.record import Environment


def this_machine() -> Environment:
    """Describe this machine: kind and size, never its name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Environment(
        system=f"{platform.system()} {platform.release()}",
        architecture=platform.machine(),
        python=platform.python_version(),
        cpus=len(os.sched_getaffinity(0)),
        memory_mb=memory // 2**20,
        root=os.geteuid() == 0,
    )

"""Write the shipped schemas again: ``python -m harness.reporting.schemas``."""

from harness.reporting.schemas import write

write()

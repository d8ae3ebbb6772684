"""Add up JUnit files and print the sum as one line."""

import sys
import xml.etree.ElementTree as ElementTree

counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
for name in sys.argv[1:]:
    for suite in ElementTree.parse(name).getroot().iter("testsuite"):  # noqa: S314 - our own
        for key in counts:
            counts[key] += int(suite.get(key, "0"))
failed = counts["failures"] + counts["errors"]
passed = counts["tests"] - failed - counts["skipped"]
sys.stdout.write(f"{passed} passed, {failed} failed, {counts['skipped']} skipped\n")

"""The exit codes of ``meshproof``."""

#: What was looked at is not as it should be: a report is wrong, two differ, no engine is there.
FOUND = 1
#: The harness could not do it on this machine.
UNABLE = 3
#: Wrong input: pytest's own code for a wrong command line.
WRONG = 4

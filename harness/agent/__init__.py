"""The probe agent: a program of its own, Python 3.9 or newer.

It runs inside a pod as ``python3 -I -B /opt/meshproof/agent``: a workload that says who it is,
and a client that calls others when the harness asks for it on the control port. HTTP is spoken
by h11 and h2, which lie in ``packages`` beside it where they are not installed.
"""

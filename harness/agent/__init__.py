"""The probe agent: a program of its own, standard library only, Python 3.9 or newer.

It runs inside a pod as ``python3 -I /opt/meshproof/agent``: a workload that says who it is, and
a client that calls others when the harness asks for it on the control port.
"""

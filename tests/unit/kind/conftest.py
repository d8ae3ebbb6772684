"""Fixtures of the tests of providers."""

from tests.unit.triangle import plan, topology

__all__ = ["plan", "topology"]

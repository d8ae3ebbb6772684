"""The container engine that kind's nodes run on: found, or started here without an uplink."""

from harness.providers.kind.engine.finding import find
from harness.providers.kind.engine.lacking import lacks
from harness.providers.kind.engine.reach import Engine
from harness.providers.kind.engine.running import Status, down, reap, status, up

__all__ = ["Engine", "Status", "down", "find", "lacks", "reap", "status", "up"]

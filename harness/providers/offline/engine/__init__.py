"""The container engine that kind's nodes run on: found, or started here without an uplink."""

from harness.providers.offline.engine.connection import Engine
from harness.providers.offline.engine.discover import find
from harness.providers.offline.engine.lifecycle import Status, down, reap, status, up
from harness.providers.offline.engine.preflight import lacks

__all__ = ["Engine", "Status", "down", "find", "lacks", "reap", "status", "up"]

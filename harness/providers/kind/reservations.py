"""Blocks of addresses that are planned but no networks yet: no two runs take the same one.

A reservation is a name among the machine's abstract Unix sockets, which only one process can
have: it is no file, and gone with the process, however that ends.
"""

import errno
import socket
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Network

from harness.model import MachineError, NetworkPlan
from harness.providers.kind.networks import BLOCKS, is_free

_NAME = "\0meshproof-block-{}"
_HELD: dict[int, socket.socket] = {}


def reserve(used: Callable[[], Iterable[IPv4Network]]) -> int:
    """Hold the first block (a second octet) under which nothing lies; ``used`` looks what does.

    It is held until :func:`release` or the end of this process. :class:`MachineError` if all
    are taken.
    """
    seen: Sequence[IPv4Network] = list(used())
    for block in BLOCKS:
        if not is_free(block, seen) or not _hold(block):
            continue
        if is_free(block, seen := list(used())):  # its last holder may just have made networks
            return block
        _drop(block)
    raise MachineError(
        "every range for another lab is in use on this engine",
        "take labs down that still stand: meshproof labs, meshproof reap",
    )


def release(plan: NetworkPlan) -> None:
    """Let go of the block of ``plan``, whose networks exist now, or never will."""
    for block in {int(network.cidr.split(".")[1]) for network in plan.networks}:
        _drop(block)


def _hold(block: int) -> bool:
    plug = socket.socket(socket.AF_UNIX)
    try:
        plug.bind(_NAME.format(block))
    except OSError as error:
        plug.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return False
    _HELD[block] = plug
    return True


def _drop(block: int) -> None:
    if plug := _HELD.pop(block, None):
        plug.close()

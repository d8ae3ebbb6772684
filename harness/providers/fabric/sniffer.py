"""Writes every packet that takes the named interfaces one way to a pcap file.

A program of its own (standard library only), run as ``sniffer.py FILE in|out INTERFACE …`` in a
network namespace. The file gets its name when listening has begun. Packets are taken as they
leave a node (``out``), or where its wire enters a router (``in``), so each is seen once.
"""

import os
import selectors
import socket
import struct
import sys
from pathlib import Path

#: Classic pcap: magic, version 2.4, no zone, no sigfigs, snap length, Ethernet.
HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 1)
_RECORD = struct.Struct("<IIII")
_ETH_P_ALL = 3
_PACKET_OUTGOING = 4
_SO_RCVBUFFORCE = 33
_BUFFER = 32 << 20


def listen(interface: str) -> socket.socket:
    """Open a socket that sees all packets of ``interface``."""
    found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    try:
        found.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    except PermissionError:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    found.bind((interface, _ETH_P_ALL))
    return found


def record(listener: socket.socket, sink: int, *, leaving: bool) -> None:
    """Append the next packet of ``listener`` to ``sink``, if it goes the right way."""
    packet, (_, _, direction, *_) = listener.recvfrom(1 << 18)
    if (direction == _PACKET_OUTGOING) == leaving:
        os.write(sink, _RECORD.pack(0, 0, len(packet), len(packet)) + packet)


def main() -> None:
    """Listen on every interface, for ever."""
    path, way, *interfaces = sys.argv[1:]
    unfinished = Path(f"{path}.new")
    sink = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(sink, HEADER)
    selector = selectors.DefaultSelector()
    for interface in interfaces:
        selector.register(listen(interface), selectors.EVENT_READ)
    unfinished.rename(path)
    while True:
        for key, _ in selector.select():
            record(key.fileobj, sink, leaving=way == "out")  # type: ignore[arg-type] # only sockets are registered


if __name__ == "__main__":
    main()

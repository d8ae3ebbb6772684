"""Carries connections from a listening socket of the machine to an address inside the lab.

A program of its own (standard library only, starts in milliseconds): the socket was opened
before the lab's namespaces were entered and is inherited, and so may be the end of a pipe with
whose other end the program ends.
"""

import asyncio
import socket
import sys
from collections.abc import Sequence

_CHUNK = 1 << 16


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction until its end, and pass the end on."""
    try:
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


async def serve(
    listener: socket.socket, host: str, port: int, *, leases: Sequence[int] = ()
) -> None:
    """Carry every connection to ``host``:``port`` until a lease ends, or for ever."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        writer.close()
        far_writer.close()

    server = await asyncio.start_server(carry, sock=listener)
    for lease in leases:
        asyncio.get_running_loop().add_reader(lease, sys.exit)
    await server.serve_forever()


def main() -> None:
    """Run ``forwarder.py HOST PORT DESCRIPTOR [LEASE]``."""
    host, port, descriptor, *leases = sys.argv[1:]
    listener = socket.socket(fileno=int(descriptor))
    asyncio.run(serve(listener, host, int(port), leases=[int(lease) for lease in leases]))


if __name__ == "__main__":
    main()

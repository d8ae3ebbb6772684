"""Carries connections from a listening socket of the machine to an address inside the lab.

A program of its own (standard library only, starts in milliseconds): the socket was opened
before the lab's namespaces were entered and is inherited; its number is the last argument.
"""

import asyncio
import socket
import sys

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


async def serve(listener: socket.socket, host: str, port: int) -> None:
    """Carry every connection to ``host``:``port``, for ever."""

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
    await server.serve_forever()


def main() -> None:
    """Run ``forwarder.py HOST PORT DESCRIPTOR``."""
    host, port, descriptor = sys.argv[1:]
    asyncio.run(serve(socket.socket(fileno=int(descriptor)), host, int(port)))


if __name__ == "__main__":
    main()

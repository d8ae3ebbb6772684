"""One HTTP request to a port of the machine that this runs on: request in, answer out, as JSON.

A program of its own (standard library only, starts in milliseconds), which is run on machines.
"""

import base64
import json
import socket
import sys
from typing import Any

#: Exit codes: nobody was asked; who was asked gave no whole answer.
UNREACHED, INTERRUPTED = 3, 4


def main() -> int:
    """Ask what standard input says."""
    asked = json.load(sys.stdin)
    try:
        connection = socket.create_connection(("127.0.0.1", asked["port"]), asked["timeout"])
    except OSError as error:
        sys.stderr.write(str(error))
        return UNREACHED
    try:
        connection.sendall(_request(asked))
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        status, body = _parts(answer)
    except (OSError, ValueError, IndexError) as error:
        sys.stderr.write(repr(error))
        return INTERRUPTED
    said = {"status": status, "body": base64.b64encode(body).decode()}
    sys.stdout.write(json.dumps(said))
    return 0


def _parts(answer: bytes) -> "tuple[int, bytes]":
    """Return the status and the body of a whole answer, which says how long it is."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    lengths = [
        field.split(":")[1] for field in fields if field.lower().startswith("content-length:")
    ]
    if len(body) != int(lengths[0]):
        raise ValueError(f"{len(body)} of {lengths[0].strip()} bytes")
    return int(first.split(" ", 2)[1]), body


def _request(asked: "dict[str, Any]") -> bytes:
    body = (asked["body"] or "").encode()
    lines = [f"{asked['method']} {asked['path']} HTTP/1.1", "host: 127.0.0.1", "connection: close"]
    lines += [f"{name}: {value}" for name, value in asked["headers"].items()]
    lines += [f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


if __name__ == "__main__":
    sys.exit(main())

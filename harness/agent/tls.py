"""TLS from the client's side: any SNI, ALPN and certificate; the server is not judged."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Any

from .connection import CallError, Connection, explain

if TYPE_CHECKING:
    from .specs import CallSpec


def tls_handshake(connection: Connection, spec: CallSpec) -> dict[str, Any]:
    """Turn ``connection`` into a TLS connection; return what the server showed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # An end that TLS does not announce may be a cut.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    if spec.alpn:
        context.set_alpn_protocols(list(spec.alpn))
    if spec.certificate:
        _present(context, spec.certificate + spec.key)
    try:
        secured = context.wrap_socket(
            connection.socket, server_hostname=spec.sni or None, suppress_ragged_eofs=False
        )
    except OSError as error:
        raise explain(error, "shaking hands") from error
    connection.socket = secured
    shown = secured.getpeercert(binary_form=True)
    return {
        "status": 200,
        "alpn": secured.selected_alpn_protocol() or "",
        "tls": secured.version() or "",
        "peer_certificate": ssl.DER_cert_to_PEM_cert(shown) if shown else "",
    }


def _present(context: ssl.SSLContext, pem: str) -> None:
    """Load a certificate and its key from a file in memory: OpenSSL takes them from files only."""
    handle = os.memfd_create("identity")
    try:
        os.write(handle, pem.encode())
        context.load_cert_chain(f"/proc/self/fd/{handle}")
    except ssl.SSLError as error:
        raise CallError(f"unusable certificate: {error.reason}") from error
    finally:
        os.close(handle)

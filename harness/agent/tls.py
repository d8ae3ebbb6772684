"""TLS from the client's side: any SNI, ALPN and certificate; the server is not judged."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Any

from .wire import Trouble, Wire, explain

if TYPE_CHECKING:
    from .calls import Order


def shake_hands(wire: Wire, order: Order) -> dict[str, Any]:
    """Turn ``wire`` into a TLS connection; return what the server showed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if order.alpn:
        context.set_alpn_protocols(list(order.alpn))
    if order.certificate:
        _present(context, order.certificate + order.key)
    try:
        plug = context.wrap_socket(wire.plug, server_hostname=order.sni or None)
    except OSError as error:
        raise explain(error, "shaking hands") from error
    wire.plug = plug
    shown = plug.getpeercert(binary_form=True)
    return {
        "status": 200,
        "alpn": plug.selected_alpn_protocol() or "",
        "tls": plug.version() or "",
        "peer_certificate": ssl.DER_cert_to_PEM_cert(shown) if shown else "",
    }


def _present(context: ssl.SSLContext, pem: str) -> None:
    """Load a certificate and its key from a file in memory: OpenSSL takes them from files only."""
    handle = os.memfd_create("identity")
    try:
        os.write(handle, pem.encode())
        context.load_cert_chain(f"/proc/self/fd/{handle}")
    except ssl.SSLError as error:
        raise Trouble(f"unusable certificate: {error.reason}") from error
    finally:
        os.close(handle)

"""Who may give orders to agents: the holder of a token, which lies in a Secret beside them.

Each namespace with agents has a random token of its own, made once by :func:`grant`. Pods get it
from the Secret into their environment; callers read it from there too, once per API server and
namespace. So every process that may read Secrets can ask the agents of a lab, and nobody else in
the cluster can. Tokens begin with ``mpt-``, by which :func:`harness.shell.redact` knows them.
"""

import secrets
from base64 import b64decode
from threading import Lock
from weakref import WeakKeyDictionary

from harness.kube import Kube, Manifest
from harness.model import ApiError

#: The Secret, the key in it, and the header in which an agent wants to see it.
SECRET = "meshproof-agent"  # noqa: S105 - a name
KEY = "token"
HEADER = "x-meshproof-token"
_PREFIX = "mpt-"

_known: WeakKeyDictionary[Kube, dict[str, str]] = WeakKeyDictionary()
_lock = Lock()


def grant(kube: Kube, namespace: str) -> None:
    """Have a token in ``namespace``; one that is there already stays."""
    if kube.find("Secret", SECRET, namespace) is not None:
        return
    try:
        kube.create(_secret(namespace))
    except ApiError as error:
        if error.status != 409:  # another process was faster; its token is as good
            raise


def token(kube: Kube, namespace: str, *, anew: bool = False) -> str:
    """Return the token of ``namespace``; read ``anew``, if what is known was refused.

    :class:`ApiError` if there is none.
    """
    with _lock:
        known = _known.setdefault(kube, {})
    if anew or namespace not in known:
        held = kube.get("Secret", SECRET, namespace)
        known[namespace] = b64decode(held["data"][KEY]).decode()
    return known[namespace]


def fresh() -> str:
    """Return a token that nobody has."""
    return _PREFIX + secrets.token_urlsafe(32)


def _secret(namespace: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": namespace},
        "stringData": {KEY: fresh()},
    }

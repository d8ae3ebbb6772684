"""Put objects back as they were: what a check changed, replaced, deleted or added."""

from copy import deepcopy
from typing import Any

from harness.converge import Budget, eventually
from harness.kube import Kube, Manifest
from harness.model import ApiError

#: Metadata that the server writes; it says nothing about what the object is.
_SERVER_MANAGED = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
_RETRIES = Budget(timeout=20, interval=0.1, firm=True)
_CONFLICT, _INVALID = 409, 422


def without_server_fields(manifest: Manifest) -> Manifest:
    """Return ``manifest`` without status and what else the server manages."""
    kept = deepcopy({key: value for key, value in manifest.items() if key != "status"})
    for key in _SERVER_MANAGED:
        kept["metadata"].pop(key, None)
    return kept


def bring_back(kube: Kube, kind: str, name: str, namespace: str | None, before: Any) -> None:
    """Make the object what it was (``before``: its manifest, ``None`` if there was none)."""
    if before is None:
        kube.gone(kind, name, namespace)
        return
    wanted = {"kind": kind, **without_server_fields(before)}
    eventually(
        lambda: _restored(kube, wanted, namespace),
        lambda done: done,
        what=f"{kind} {name} is what it was",
        budget=_RETRIES,
    )


def unpatch(
    kube: Kube,
    kind: str,
    name: str,
    namespace: str | None,
    patch: Manifest,
    *,
    before: Manifest,
    after: Manifest | None,
) -> None:
    """Undo ``patch`` on an object that was ``before``, leaving alone what others changed since.

    ``after`` is what the patch made of it (``None`` if nobody knows): fields that went with a
    patched one are put back as well, as of a Service that is no LoadBalancer for a while and
    forgets its node ports. All of it is brought back only where the object has gone, or the
    server takes no patch to that end.
    """
    undoing = inverse(patch, before) if after is None else difference(after, before)
    now = kube.find(kind, name, namespace)
    if now is None or (undoing and not _undone(kube, kind, name, namespace, undoing)):
        bring_back(kube, kind, name, namespace, before)


def _undone(kube: Kube, kind: str, name: str, namespace: str | None, undoing: Manifest) -> bool:
    """Try to undo by a patch; ``False`` if the server cannot make of the object what it was."""
    try:
        return covers(kube.patch(kind, name, undoing, namespace), undoing)
    except ApiError as error:
        if error.status == _INVALID:
            return False
        raise


def inverse(patch: Manifest, before: Manifest) -> Manifest:
    """Return the merge patch that undoes ``patch`` on an object that was ``before``."""
    undoing: Manifest = {}
    for key, value in patch.items():
        was = before.get(key)
        if isinstance(value, dict) and isinstance(was, dict):
            undoing[key] = inverse(value, was)
        else:
            undoing[key] = deepcopy(was)
    return undoing


def difference(now: Manifest, then: Manifest) -> Manifest:
    """Return the merge patch that makes of ``now`` what it was ``then``, but for status."""
    return _difference(without_server_fields(now), without_server_fields(then))


def _difference(now: Manifest, then: Manifest) -> Manifest:
    undoing: Manifest = {}
    for key in {**then, **now}:
        one, other = now.get(key), then.get(key)
        if one == other:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            undoing[key] = _difference(one, other)
        else:
            undoing[key] = deepcopy(other)
    return undoing


def covers(now: Manifest, patch: Manifest) -> bool:
    """Say whether ``now`` has all that a merge patch asks for."""
    for key, wanted in patch.items():
        seen = now.get(key)
        if isinstance(wanted, dict):
            if not covers(seen if isinstance(seen, dict) else {}, wanted):
                return False
        elif (seen or None) != (wanted or None):  # the server drops what is empty
            return False
    return True


def _restored(kube: Kube, wanted: Manifest, namespace: str | None) -> bool:
    """Try once; ``False`` if somebody else wrote in between or the deletion still lasts."""
    now = kube.find(wanted["kind"], wanted["metadata"]["name"], namespace)
    try:
        if now is None:
            kube.create(wanted)
        elif now["metadata"].get("deletionTimestamp"):
            return False
        elif without_server_fields({"kind": wanted["kind"], **now}) != wanted:
            version = {"resourceVersion": now["metadata"]["resourceVersion"]}
            kube.replace({**wanted, "metadata": {**wanted["metadata"], **version}})
    except ApiError as error:
        if error.status == _INVALID and _forget_node_ports(wanted):
            return False
        if error.status == _CONFLICT:
            return False
        raise
    return True


def _forget_node_ports(wanted: Manifest) -> bool:
    """Let the server choose node ports anew: meanwhile somebody else may have got the old ones."""
    ports = wanted["spec"].get("ports", []) if wanted["kind"] == "Service" else []
    forgotten = [port.pop("nodePort", None) for port in ports]
    return any(forgotten)

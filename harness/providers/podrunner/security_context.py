"""A container's user, groups and capabilities from the two security contexts. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from harness.kube import Manifest
from harness.providers.podrunner.atomic_writer import Owner
from harness.providers.podrunner.pod_api import Refused

#: What a container runtime leaves to a root process that asks for nothing.
_DEFAULT_CAPABILITIES = frozenset(
    {
        "CAP_AUDIT_WRITE",
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_KILL",
        "CAP_MKNOD",
        "CAP_NET_BIND_SERVICE",
        "CAP_NET_RAW",
        "CAP_SETFCAP",
        "CAP_SETGID",
        "CAP_SETPCAP",
        "CAP_SETUID",
        "CAP_SYS_CHROOT",
    }
)
#: What it takes to become another user; gone once one has.
_TO_CHANGE_USER = frozenset({"CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP"})


@dataclass(frozen=True, slots=True)
class Identity:
    """A user with its groups, and the capabilities of the sandbox it is started in."""

    user: int
    group: int
    groups: tuple[int, ...] = ()
    capabilities: frozenset[str] = frozenset()

    @property
    def root(self) -> bool:
        """Whether it is the superuser with no group beside its own."""
        return self.user == 0 and self.group == 0 and not self.groups


def identity(pod: Manifest, container: Manifest, default: int) -> Identity:
    """Return as whom a container runs; ``default`` is the image's own user.

    :class:`Refused` if it says that it must not be root and would be.
    """
    whole = pod["spec"].get("securityContext") or {}
    own = container.get("securityContext") or {}
    context = {**whole, **own}
    user = int(context.get("runAsUser", default))
    if context.get("runAsNonRoot") and user == 0:
        raise Refused("container has runAsNonRoot and image will run as root")
    group = int(context.get("runAsGroup", user))
    groups = [*(whole.get("supplementalGroups") or [])]
    if "fsGroup" in whole:
        groups.append(whole["fsGroup"])
    capabilities = _capabilities(own) if user == 0 else _TO_CHANGE_USER
    return Identity(user, group, tuple(int(item) for item in groups), capabilities)


def _capabilities(context: Manifest) -> frozenset[str]:
    if context.get("privileged"):
        return frozenset({"ALL"})
    asked = context.get("capabilities") or {}
    add, drop = _named(asked.get("add") or []), _named(asked.get("drop") or [])
    kept = frozenset() if "ALL" in drop else _DEFAULT_CAPABILITIES - drop
    return frozenset({"ALL"}) if "ALL" in add else kept | add | _TO_CHANGE_USER


def _named(names: Iterable[str]) -> frozenset[str]:
    """Kubernetes leaves the prefix of a capability's name away."""
    return frozenset(
        name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}" for name in names
    )


def users(pod: Manifest) -> set[int]:
    """Return every user id that the pod mentions."""
    spec = pod["spec"]
    parts = [spec, *spec["containers"], *(spec.get("initContainers") or [])]
    contexts = [part.get("securityContext") or {} for part in parts]
    return {int(item["runAsUser"]) for item in contexts if "runAsUser" in item}


def volume_owner(pod: Manifest) -> Owner:
    """Return whose a pod's volumes are: ``fsGroup``'s, or the one user's of all containers."""
    spec = pod["spec"]
    context = spec.get("securityContext") or {}
    if "fsGroup" in context:
        return Owner(group=int(context["fsGroup"]))
    every = [*spec["containers"], *(spec.get("initContainers") or [])]
    run_as = {
        (item.get("securityContext") or {}).get("runAsUser", context.get("runAsUser"))
        for item in every
    }
    only = run_as.pop() if len(run_as) == 1 else None
    return Owner(user=None if only is None else int(only))

"""Raise one lab at a time, and take it down once."""

import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from harness.lab.kept import KeptLabs
from harness.lab.trouble import Troubles
from harness.lab.usage import abandoned, users
from harness.meshes.base import Mesh
from harness.meshes.installation import Installation
from harness.model import ApiError, HarnessError, Lab, NetworkPlan, Topology
from harness.phases import Phases
from harness.providers import BUILT_IN
from harness.providers.base import KnowsItsLabs, Provider, RaiseOptions, planned
from harness.shell import redact
from harness.telling import told

T = TypeVar("T")


class NoLab(HarnessError):  # noqa: N818 - what it says, and all it says
    """The lab could not be raised. Remembered: nobody tries again for every check."""


class Keeper(Protocol):
    """Hands out the lab of a topology, and is closed at the end of the run."""

    def lab(self, topology: Topology) -> Lab:
        """Return the lab, raising it first if need be; :class:`NoLab` if that failed."""
        ...

    @property
    def standing(self) -> Lab | None:
        """The lab that stands at this moment, if any."""
        ...

    @property
    def used(self) -> Sequence[Lab]:
        """Every lab that was handed out, in order, for the record."""
        ...

    def close(self) -> None:
        """Release whatever this keeper owns. Idempotent."""
        ...


def product(mesh: Mesh) -> str:
    """Return the name and version of a mesh in one word group, such as ``istio 1.29.2``."""
    return f"{mesh.name} {mesh.version}".strip()


@dataclass(slots=True)
class OwningKeeper:
    """Builds labs on first use. Lives in the controller, or in a run without workers.

    One lab stands at a time: asking for another topology takes the previous one down. Taking
    a lab down takes the mesh with it, so the mesh is not uninstalled object by object.
    """

    provider: Provider
    mesh: Mesh
    phases: Phases
    kept: KeptLabs
    #: What went wrong with a lab, for the record; that of a topology is not tried again.
    troubles: Troubles = field(default_factory=Troubles)
    keep: bool = False
    reuse: bool = False
    #: The version of clusters whose topology names none; empty: the provider's default.
    kubernetes: str = ""
    #: Every lab that was used, in order, for the record.
    used: list[Lab] = field(default_factory=list)
    _lab: Lab | None = None
    _borrowed: bool = False
    _ready: bool = False

    @property
    def standing(self) -> Lab | None:
        """The lab that stands and has its mesh."""
        return self._lab if self._ready else None

    def lab(self, topology: Topology) -> Lab:
        """Return the lab of ``topology``, raising it on the first call."""
        if self.standing is not None and self.standing.topology.name == topology.name:
            return self.standing
        if known := self.troubles.about(topology.name):
            raise NoLab(known.words)
        self.close()
        try:
            lab = self._found(topology) or self._raised(topology)
        except Exception as error:
            # A vendor's provider or mesh may raise anything; it says nothing about the mesh.
            trouble = self.troubles.note(topology.name, self._explain(error))
            self.close()
            raise NoLab(trouble.words) from error
        except BaseException:
            self.close()
            raise
        self._ready = True
        self.used.append(lab)
        return lab

    def close(self) -> None:
        """Take the lab down, unless it is borrowed or the user asked to keep it."""
        lab, self._lab = self._lab, None
        ready, self._ready = self._ready, False
        if lab is None or self._borrowed:
            return
        if self.keep and ready:
            self._leave(lab)
        else:
            self._take_down(lab)

    def _found(self, topology: Topology) -> Lab | None:
        self._borrowed = False
        if not self.reuse:
            return None
        lab = self.kept.find(topology, self.provider.name, self._kind)
        if lab is None:
            self.phases.say(f"no kept lab of {topology.name} to reuse; raising one")
            return None
        if not _stands(self.provider, lab):
            self.kept.forget(lab)
            self.phases.say(f"kept lab {lab.id} no longer answers; raising a new one")
            return None
        if abandoned(users(lab)):
            self.phases.say(
                f"kept lab {lab.id} is as a check left it whose process was killed; "
                f"raising a new one (remove it: meshproof down {lab.id})"
            )
            return None
        self.phases.say(f"reusing lab {lab.id}")
        self._lab, self._borrowed = lab, True
        return lab

    def _raised(self, topology: Topology) -> Lab:
        plan = planned(self.provider, topology)
        options = RaiseOptions(self.keep, self.kubernetes, self.mesh.images(topology))
        prepared = _begun(lambda: self._prepare(topology, plan))
        try:
            with self.phases.phase(f"raise {topology.name} on {self.provider.name}"):
                self._lab = self.provider.up(topology, plan, self.phases, options)
        except Exception as error:
            wait([prepared])  # or it would go on beside the next topology
            if (other := prepared.exception()) is None:
                raise
            raise BaseExceptionGroup("neither worked", [error, other]) from None
        installation = prepared.result()
        with self.phases.phase(f"install {self.mesh.name}"):
            self.mesh.install(self._lab, installation, self.phases)
        return self._lab

    def _prepare(self, topology: Topology, plan: NetworkPlan) -> Installation:
        with self.phases.phase(f"prepare {self.mesh.name}"):
            return self.mesh.prepare(topology, plan)

    @property
    def _kind(self) -> str:
        """What a kept lab must have been raised with to be used again."""
        kubernetes = f" on Kubernetes {self.kubernetes}" if self.kubernetes else ""
        return product(self.mesh) + kubernetes

    def _leave(self, lab: Lab) -> None:
        try:
            self.kept.note(lab, self._kind)
        except Exception as error:  # noqa: BLE001 - the lab stands, and its user must know where
            self.troubles.note(f"{lab.topology.name} (note of the kept lab)", self._explain(error))
        self.phases.say(f"lab {lab.id} is kept; its kubeconfigs:")
        for cluster in lab.clusters:
            self.phases.say(f"  {cluster.name}: {cluster.kubeconfig}")
        self.phases.say(f"use it again: pytest --topology {lab.topology.name} --reuse")
        if lab.provider in BUILT_IN:
            self.phases.say(f"remove it: meshproof down {lab.id}")

    def _take_down(self, lab: Lab) -> None:
        try:
            with self.phases.phase(f"take down {lab.topology.name}"):
                self.provider.down(lab)
        except KeyboardInterrupt:
            # Half a take-down is what nobody wants from a second Ctrl-C.
            self.phases.say("interrupted while taking the lab down: finishing that first")
            self.provider.down(lab)
            raise
        except Exception as error:  # noqa: BLE001 - a vendor's provider may raise anything
            self.troubles.note(f"{lab.topology.name} (take-down)", self._explain(error))

    def _explain(self, error: Exception) -> str:
        if not isinstance(error, HarnessError):
            self.phases.say(redact("".join(traceback.format_exception(error))))
        return told(error)


def _begun(work: Callable[[], T]) -> Future[T]:
    """Start ``work`` beside the caller; nobody waits for it who does not ask for its result.

    The thread is a daemon: an interrupted run must not wait for keys that nobody needs.
    """
    future: Future[T] = Future()

    def carry_out() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            future.set_exception(error)

    threading.Thread(target=carry_out, daemon=True).start()
    return future


def _stands(provider: Provider, lab: Lab) -> bool:
    if isinstance(provider, KnowsItsLabs):
        return provider.stands(lab)
    from harness.kube import Kube  # a quarter of a second that mistakes in options need not wait

    try:
        return all(Kube(cluster.kubeconfig).version() for cluster in lab.clusters)
    except (ApiError, OSError, ValueError):
        return False

"""A machine as a guest of a mesh: what whoever administers it does so that it joins, and leaves.

The steps are those of Istio's guide for virtual machines, on a host without systemd. What the
administrator writes passes through here, so that a sabotage can have it written wrongly.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from harness.converge import Budget, eventually
from harness.kube import Manifest
from harness.meshes.base import XDS_PORT
from harness.probes.access_log import LogEntry, parse
from harness.probes.caller import Caller
from harness.probes.replies import Replies
from harness.shell import tail
from harness.workloads.group import Group
from harness.workloads.site import Site
from harness.workloads.virtual_machine import Program, VirtualMachine

#: Where the files go by which a machine joins; ``hosts`` is added to the machine's own.
PLACES: Mapping[str, str] = {
    "cluster.env": "/var/lib/istio/envoy/cluster.env",
    "istio-token": "/var/run/secrets/tokens/istio-token",
    "mesh.yaml": "/etc/istio/config/mesh",
    "root-cert.pem": "/etc/certs/root-cert.pem",
}
#: Directories that belong to the proxy's account.
_OWN = ("/etc/certs", "/etc/istio", "/etc/istio/proxy", "/var/lib/istio/data", "/var/run/secrets")
PROXY_USER = 1337
SIDECAR = "sidecar"
#: The page by which a proxy says that it is ready, as its port shows it on the machine.
READY = "http://127.0.0.1:15021/healthz/ready"

_SETTINGS = f"set -a; . {PLACES['cluster.env']}; set +a; "
_REDIRECT = _SETTINGS + "pilot-agent istio-iptables --cleanup-only && pilot-agent istio-iptables"
_RELEASE = _SETTINGS + "pilot-agent istio-iptables --cleanup-only"
#: The settings decide for whom the agent speaks; without them it would be ``rawvm.default``.
_AGENT = _SETTINGS + (
    'export POD_NAMESPACE="$ISTIO_NAMESPACE" CA_ADDR="${CA_ADDR:-$0}"'
    ' PROXY_CONFIG="${PROXY_CONFIG:-serviceCluster: $ISTIO_SERVICE}";'
    " exec pilot-agent proxy"
)
_OWNED = 'for each in "$@"; do mkdir -p "$each"; chown -R "$0:$0" "$each"; done'
_HOSTS, _HOSTS_BEFORE = "/etc/hosts", "/etc/hosts.before"
_ESTABLISHED = "01"
_JOINS = Budget(timeout=60, interval=0.2)
_FORGOTTEN = Budget(timeout=60, interval=0.2, firm=True)
_WRITTEN = Budget(timeout=15, interval=0.2, firm=True)
#: What a token is bound to that is withdrawn, and for whom it is.
_BOUND, _AUDIENCE = "withdrawn-token", "istio-ca"


@dataclass(slots=True)
class Guest:
    """A machine, the cluster that it belongs to, and how the mesh enrols machines of a group.

    ``caller`` is the agent on it, which answers with the machine's name as that of its cluster.
    """

    vm: VirtualMachine
    site: Site
    group: Group
    caller: Caller
    enrol: Callable[[Manifest, bool], Mapping[str, str]] = field(repr=False)
    _written: dict[str, list[Manifest]] = field(default_factory=dict, repr=False)
    _delivered: dict[str, Callable[[str], str]] = field(default_factory=dict, repr=False)
    _forgotten: list[str] = field(default_factory=list, repr=False)
    _registers: bool = True

    @property
    def name(self) -> str:
        """The machine's name."""
        return self.vm.name

    @property
    def proxy(self) -> str:
        """The name under which control planes know its proxy."""
        return f"{self.name}.{self.group.namespace}"

    @property
    def identity(self) -> str:
        """The SPIFFE identity that it has by its WorkloadGroup."""
        return self.site.identity(self.group.namespace, self.group.account)

    def __str__(self) -> str:
        """Return the machine's name."""
        return self.name

    # What the administrator writes

    def write(self, manifest: Manifest) -> Manifest:
        """Return a manifest as it is really written."""
        for patch in self._written.get(manifest["kind"], ()):
            manifest = _merged(manifest, patch)
        return manifest

    @contextmanager
    def writing(self, kind: str, patch: Manifest) -> Iterator[None]:
        """Have objects of ``kind`` written with other content (a merge patch)."""
        patches = self._written.setdefault(kind, [])
        patches.append(patch)
        try:
            yield
        finally:
            patches.remove(patch)

    @contextmanager
    def delivering(self, name: str, change: Callable[[str], str]) -> Iterator[None]:
        """Have the file ``name`` put on the machine with another content."""
        before = dict(self._delivered)
        self._delivered[name] = change
        try:
            yield
        finally:
            self._delivered = before

    @contextmanager
    def forgetting(self, *paths: str) -> Iterator[None]:
        """Have files of the machine deleted before its agent is started again."""
        self._forgotten += paths
        try:
            yield
        finally:
            self._forgotten.clear()

    @contextmanager
    def never_registering(self) -> Iterator[None]:
        """Have the files made for a machine that does not ask for a WorkloadEntry."""
        self._registers = False
        try:
            yield
        finally:
            self._registers = True

    @contextmanager
    def applied(self, *manifests: Manifest) -> Iterator[None]:
        """Apply what is really written to the cluster from which the machine is configured."""
        with self.site.config.applied(*map(self.write, manifests)):
            yield

    # Joining and leaving

    @contextmanager
    def joined(
        self, *, registers: bool = False, group: Group | None = None, ready: bool = True
    ) -> Iterator[None]:
        """Be a guest: files, redirection, sidecar; afterwards the machine is as it was.

        ``registers``: by a WorkloadGroup that is applied the machine asks for a WorkloadEntry.
        Waits until the proxy is ``ready``.
        """
        manifest = self.write((group or self.group).manifest())
        with ExitStack() as undo:
            if registers:
                undo.callback(self.await_forgotten)
                undo.enter_context(self.site.config.applied(manifest))
            undo.callback(self.leave)
            self.deliver(self.enrol(manifest, registers and self._registers))
            self.start()
            with self._explaining():
                if ready:
                    self.await_ready()
                yield

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Add to what fails what the agent said last: the machine is gone when it is told."""
        try:
            yield
        except AssertionError as error:
            error.add_note(f"the agent of {self} said last:\n{tail(self.vm.log(SIDECAR), 12)}")
            raise

    def deliver(self, files: Mapping[str, str]) -> None:
        """Put the files where they belong, and give them to the proxy's account."""
        changed = {name: self._delivered.get(name, str)(text) for name, text in files.items()}
        self.vm.run(["cp", "-n", _HOSTS, _HOSTS_BEFORE]).checked()
        for name, path in PLACES.items():
            self.vm.put(path, changed[name])
        before = self.vm.read(_HOSTS_BEFORE)
        self.vm.run(["sh", "-c", f"cat >{_HOSTS}"], stdin=before + changed["hosts"]).checked()
        self.vm.run(["sh", "-ec", _OWNED, str(PROXY_USER), *_OWN]).checked()

    def start(self) -> None:
        """Redirect the machine's traffic, and start the agent, which starts the proxy."""
        self.vm.run(["sh", "-c", _REDIRECT]).checked()
        env = {
            "INSTANCE_IP": self.vm.address,
            "POD_NAME": self.name,
            "PROV_CERT": "/etc/certs",
            "OUTPUT_CERTS": "/etc/certs",
        }
        istiod = f"{self.site.shape.istiod}.{self.site.shape.system}.svc:{XDS_PORT}"
        self.vm.start(Program(SIDECAR, ("sh", "-c", _AGENT, istiod), env, PROXY_USER))

    def restart(self, token: str) -> None:
        """End the agent, give it another token, and start it again."""
        self.stop()
        for path in self._forgotten:
            self.vm.run(["rm", "-f", path]).checked()
        self.vm.put(PLACES["istio-token"], token, mode="0600", owner=PROXY_USER)
        self.start()

    def withdrawn_token(self) -> str:
        """Return a token that nobody accepts any more: what it was bound to is gone.

        An API server makes none that expires in less than ten minutes.
        """
        kube, space = self.site.kube, self.group.namespace
        kube.apply(_secret(_BOUND, space))
        token = kube.token(
            self.group.account, space, audience=_AUDIENCE, bound_to=("Secret", _BOUND)
        )
        kube.gone("Secret", _BOUND, space)
        return token

    def stop(self) -> None:
        """End the agent, and the proxy with it."""
        self.vm.stop(SIDECAR)

    def leave(self) -> None:
        """End the agent, and take away what joining has left on the machine."""
        self.stop()
        self.vm.run(["sh", "-c", _RELEASE])
        self.vm.run(["rm", "-rf", *PLACES.values(), "/etc/certs"])
        self.vm.run(["sh", "-c", f"[ ! -e {_HOSTS_BEFORE} ] || cat {_HOSTS_BEFORE} >{_HOSTS}"])

    def await_forgotten(self) -> None:
        """Wait until no WorkloadEntry of its own is left: those go with their group."""
        eventually(
            self.registered,
            lambda entries: not entries,
            what=f"no entry of {self} is left",
            budget=_FORGOTTEN,
        )

    def readiness(self) -> Replies:
        """Ask for the page by which the proxy says that it is ready."""
        return self.caller.call(READY)

    def await_ready(self) -> None:
        """Wait until the proxy is ready."""
        eventually(
            self.readiness,
            lambda seen: seen.ok,
            what=f"the proxy of {self} is ready",
            budget=_JOINS,
        )

    # Looking

    def access_log(self, word: str) -> list[LogEntry]:
        """Return what its proxy logged of requests whose path has ``word``, oldest first."""
        lines = self.vm.log(SIDECAR).splitlines()
        return [entry for entry in parse(lines) if word in entry.path]

    def logged(self, word: str, *, at_least: int) -> list[LogEntry]:
        """Wait for so many of these entries: proxies write their logs once a second."""
        return eventually(
            lambda: self.access_log(word),
            lambda seen: len(seen) >= at_least,
            what=f"{self} logs the {at_least} calls it answered",
            budget=_WRITTEN,
        )

    def connected_to(self, port: int) -> set[str]:
        """Return the addresses to which the machine has connections at ``port``."""
        return set(_peers(self.vm.read("/proc/net/tcp"), port))

    def answers_dns(self) -> bool:
        """Say whether its proxy was told to answer DNS."""
        return "ISTIO_META_DNS_CAPTURE='true'" in self.vm.read(PLACES["cluster.env"])

    def registered(self) -> list[Manifest]:
        """Return the WorkloadEntries that were made for it because it asked."""
        entries = self.site.config.kube.list("WorkloadEntry", self.group.namespace)
        return [each for each in entries if each["spec"].get("address") == self.vm.address]

    def of(self, group: Group) -> "Guest":
        """Return the same machine as one of another group."""
        return replace(self, group=group)


def _peers(table: str, port: int) -> Iterator[str]:
    """Yield the far ends of established connections in the kernel's table."""
    for line in table.splitlines()[1:]:
        _, _, far, state, *_ = line.split()
        address, _, number = far.partition(":")
        if state == _ESTABLISHED and int(number, 16) == port:
            yield str(IPv4Address(int.from_bytes(bytes.fromhex(address), "little")))


def _merged(base: Manifest, patch: Manifest) -> Manifest:
    """Return ``base`` with a merge patch on it."""
    found = dict(base)
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = _merged(found[key], value)
        else:
            found[key] = value
    return found


def _secret(name: str, namespace: str) -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}

"""A pod's containers at work: started, probed, restarted, ended. One thread uses a containers."""

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from uuid import uuid4

from harness.kube import Manifest
from harness.model import HarnessError
from harness.providers.podrunner.container_config import NoSuchImage, Preparation
from harness.providers.podrunner.containers import containers
from harness.providers.podrunner.lifecycle import State, Trouble, to_start
from harness.providers.podrunner.messages import Exited, Hooked, Looked, Message
from harness.providers.podrunner.object_cache import Unavailable
from harness.providers.podrunner.pod_sandbox import PodSandbox
from harness.providers.podrunner.probe_loop import ProbeLoop
from harness.providers.podrunner.probe_state import Look, ProbeKind, Progress
from harness.providers.podrunner.prober import Target
from harness.providers.podrunner.processes import Process
from harness.providers.podrunner.runtime import Runtime
from harness.providers.podrunner.sandbox import Launch
from harness.providers.podrunner.shutdown import Ending, Means, whose_turn
from harness.providers.podrunner.volumes import Refused

#: Seconds until something that a container lacks is looked for again, if no watch tells sooner.
_RETRY = 2.0
_LAST_WORDS = 4096
_NEVER = float("inf")


class PodContainers:
    """The containers of one pod; ``post`` is how background work reports to the pod's thread."""

    def __init__(
        self, pod: Manifest, sandbox: PodSandbox, runtime: Runtime, post: Callable[[Message], None]
    ) -> None:
        self._pod = pod
        self._sandbox = sandbox
        self._runtime = runtime
        self._post = post
        self._preparation = Preparation(runtime.config, runtime.objects)
        self._states = {item.name: State(container=item) for item in containers(pod)}
        self._targets: dict[str, tuple[Process, Target]] = {}
        self._probes = ProbeLoop()
        self._endings: dict[str, Ending] = {}
        self._turns: set[str] | None = None
        self._hooking: set[tuple[str, str]] = set()

    @property
    def states(self) -> tuple[State, ...]:
        """Every container's state, in the order of starting."""
        return tuple(self._states.values())

    @property
    def idle(self) -> bool:
        """Whether nothing runs."""
        return not any(state.running for state in self.states)

    # Starting

    def start_due(self) -> None:
        """Start what should run now."""
        while self._start_next():
            pass

    def retry(self) -> None:
        """Try again at once what could not be started."""
        for state in self.states:
            if state.trouble is not None and state.not_before != _NEVER:
                self._states[state.name] = replace(state, not_before=0.0)

    def _start_next(self) -> bool:
        for state in to_start(self.states):
            if self._opening():
                return False
            if state.not_before <= self._runtime.clock.now():
                return self._start(state)
        return False

    def _opening(self) -> bool:
        """Whether a container's postStart hook runs, for which those after it wait."""
        return any(hook == "postStart" for _, hook in self._hooking)

    def _start(self, state: State) -> bool:
        container_id = uuid4().hex
        try:
            launch = self._preparation.launch(state.container, self._sandbox)
            log = self._sandbox.log(state.name, state.runs + 1)
            log.parent.mkdir(parents=True, exist_ok=True)
            self._sandbox.log(state.name, state.runs - 1).unlink(missing_ok=True)
            gone = partial(self._exited, state.name, container_id)
            process = self._runtime.launcher.launch(state.name, launch, log, gone)
        except NoSuchImage as error:
            self._hold(state, "ErrImagePull", error, _NEVER)
        except Unavailable as error:
            self._hold(state, "CreateContainerConfigError", error, _RETRY)
        except (Refused, HarnessError, OSError, KeyError, ValueError) as error:
            self._hold(state, "CreateContainerError", error, _RETRY)
        else:
            self._targets[state.name] = (process, self._target(state, process, launch))
            self._begun(state.begun(container_id, self._runtime.clock.wall()))
            return True
        return False

    def _hold(self, state: State, reason: str, error: Exception, wait: float) -> None:
        trouble = Trouble(reason, str(error))
        self._states[state.name] = state.held(trouble, self._runtime.clock.now() + wait)
        self._runtime.events.warn(self._pod, "Failed", f"{reason}: {error}", state.name)

    def _exited(self, name: str, container_id: str, code: int) -> None:
        self._post(Exited(name, container_id, code, self._runtime.clock.wall()))

    def _begun(self, state: State) -> None:
        self._states[state.name] = state
        hook = (state.container.manifest.get("lifecycle") or {}).get("postStart")
        if hook:
            self._hook(state, "postStart", hook, _NEVER)
        else:
            self._open(state)

    def _open(self, state: State) -> None:
        """The process runs and its hook is done: probe it, or take it for granted."""
        if state.container.probe(ProbeKind.STARTUP):
            self._watch(state, ProbeKind.STARTUP)
        else:
            self._started(state)

    def _started(self, state: State) -> None:
        readiness = state.container.probe(ProbeKind.READINESS)
        self._states[state.name] = replace(state, started=True, ready=readiness is None)
        self._watch(state, ProbeKind.READINESS)
        self._watch(state, ProbeKind.LIVENESS)

    def _watch(self, state: State, kind: ProbeKind) -> None:
        clock = self._runtime.clock
        self._probes.watch(state, kind, now=clock.now(), wall=clock.wall())

    # Ending

    def end_all(self, since: float, grace: float) -> None:
        """End every container, in the order in which that is done; called until all are."""
        for name, ending in self._endings.items():
            self._endings[name] = ending.hurried(grace)
        self._turns = {state.name for state in whose_turn(self.states)}
        for state in self.states:
            if state.running and state.name not in self._endings:
                self._end(state, since, grace, f"Stopping container {state.name}")

    def _end(self, state: State, since: float, grace: float, why: str) -> None:
        hooked = state.container.pre_stop is not None
        self._endings[state.name] = Ending(since=since, grace=grace, hooked=hooked)
        self._runtime.events.note(self._pod, "Killing", why, state.name)

    def _further(self, name: str) -> None:
        """Do what is due to end one container."""
        while name in self._endings:
            hook_done = (name, "preStop") not in self._hooking
            turn = self._turns is None or name in self._turns
            ending, means = self._endings[name].next(
                self._runtime.clock.now(), hook_done=hook_done, turn=turn
            )
            self._endings[name] = ending
            if means is None:
                return
            self._apply(means, name, ending)

    def _apply(self, means: Means, name: str, ending: Ending) -> None:
        state = self._states[name]
        if means is Means.HOOK:
            self._hook(state, "preStop", state.container.pre_stop or {}, ending.grace)
        else:
            number = signal.SIGTERM if means is Means.TERM else signal.SIGKILL
            self._targets[name][0].signal(number)

    # Looking

    def advance(self) -> None:
        """Do what is due now for whatever runs: further steps of an ending, looks of probes."""
        for name in list(self._endings):
            self._further(name)
        for name, progress in self._probes.due(self._runtime.clock.now(), self._endings):
            self._look(self._states[name], progress)

    def _look(self, state: State, progress: Progress) -> None:
        probe, (_, target) = progress.probe, self._targets[state.name]

        def work() -> None:
            look = self._runtime.prober.look(probe.handler, target, probe.timeout)
            self._post(Looked(state.name, state.container_id, probe.kind, look))

        self._runtime.background(work)

    def _hook(self, state: State, hook: str, handler: Manifest, timeout: float) -> None:
        self._hooking.add((state.name, hook))
        _, target = self._targets[state.name]
        limit = min(timeout, 3600.0)

        def work() -> None:
            look = self._runtime.prober.look(handler, target, limit)
            self._post(Hooked(state.name, state.container_id, hook, look))

        self._runtime.background(work)

    def _target(self, state: State, process: Process, launch: Launch) -> Target:
        address = self._sandbox.address
        return Target(state.container, address, process.pid, launch.identity, launch.env)

    # Hearing

    def heard(self, message: Exited | Looked | Hooked) -> None:
        """Take in what background work reports, unless it is about an earlier run."""
        state = self._states[message.name]
        if message.container_id != state.container_id or not state.running:
            return
        if isinstance(message, Exited):
            self._gone(state, message)
        elif isinstance(message, Hooked):
            self._hooked(state, message)
        else:
            self._looked(state, message)

    def _gone(self, state: State, message: Exited) -> None:
        said = self._termination_message(state, message.exit_code)
        now = self._runtime.clock.now()
        ended = state.finished(message.exit_code, message.wall, now, said)
        self._states[state.name] = ended
        if message.exit_code and state.name not in self._endings and ended.not_before > now:
            words = f"Back-off restarting failed container {state.name}"
            self._runtime.events.warn(self._pod, "BackOff", words, state.name)
        self._endings.pop(state.name, None)
        self._targets.pop(state.name, None)
        self._hooking = {item for item in self._hooking if item[0] != state.name}
        self._probes.forget(state.name)

    def _termination_message(self, state: State, exit_code: int) -> str:
        said = self._sandbox.termination_message(state.name)
        policy = state.container.manifest.get("terminationMessagePolicy")
        text = said.read_bytes()[:_LAST_WORDS] if said.exists() else b""
        if not text and exit_code and policy == "FallbackToLogsOnError":
            text = self._sandbox.log(state.name, state.runs).read_bytes()[-_LAST_WORDS // 2 :]
        return text.decode(errors="replace")

    def _hooked(self, state: State, message: Hooked) -> None:
        self._hooking.discard((state.name, message.hook))
        if not message.look.ok:
            reason = f"Failed{message.hook[0].upper()}{message.hook[1:]}Hook"
            self._runtime.events.warn(self._pod, reason, message.look.message, state.name)
        if message.hook == "postStart":
            if message.look.ok:
                self._open(state)
            else:
                self._fail(state, None, "failed its postStart hook")

    def _looked(self, state: State, message: Looked) -> None:
        progress = self._probes.looked(message, self._runtime.clock.now())
        if progress is None:
            return
        # What has only just been started does not answer yet, what is being ended no more.
        expected = progress.failed <= 1 and progress.verdict is None
        if not (message.look.ok or expected or state.name in self._endings):
            self._unhealthy(state, message.kind, message.look)
        if message.kind is ProbeKind.READINESS:
            self._states[state.name] = replace(state, ready=progress.verdict is True)
        elif progress.verdict is False:
            self._fail(state, progress.probe.grace, f"failed its {message.kind.value}")
        elif message.kind is ProbeKind.STARTUP and progress.verdict:
            self._started(state)

    def _unhealthy(self, state: State, kind: ProbeKind, look: Look) -> None:
        words = f"{kind.value.removesuffix('Probe').capitalize()} probe failed: {look.message}"
        self._runtime.events.warn(self._pod, "Unhealthy", words, state.name)

    def _fail(self, state: State, grace: int | None, why: str) -> None:
        if state.name in self._endings:
            return
        whole = float(self._pod["spec"].get("terminationGracePeriodSeconds", 30))
        limit = whole if grace is None else float(grace)
        self._end(state, self._runtime.clock.now(), limit, f"Container {state.name} {why}")

    # Waking

    def wake(self) -> float:
        """Return the (monotonic) time at which something is due."""
        return min(self._times(self.states), default=_NEVER)

    def _times(self, states: Sequence[State]) -> Iterator[float]:
        if not self._opening():
            yield from (state.not_before for state in to_start(states))
        yield from (ending.due() for ending in self._endings.values())
        yield from self._probes.times(self._endings)

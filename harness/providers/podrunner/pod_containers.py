"""The containers of one live pod: started, probed, restarted with back-off, terminated."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from uuid import uuid4

from harness.kube import Manifest
from harness.model import HarnessError
from harness.providers.podrunner.container_config import ContainerConfigs, ImageNotFound
from harness.providers.podrunner.container_state import ContainerState
from harness.providers.podrunner.containers import Hook, containers
from harness.providers.podrunner.lifecycle import ContainerStatus, Waiting, startable
from harness.providers.podrunner.messages import (
    ContainerExited,
    HookFinished,
    Message,
    ProbeFinished,
)
from harness.providers.podrunner.object_cache import Unavailable
from harness.providers.podrunner.pod_api import Refused
from harness.providers.podrunner.pod_sandbox import PodSandbox
from harness.providers.podrunner.probe_state import ProbeKind, ProbeResult, ProbeState
from harness.providers.podrunner.prober import Target
from harness.providers.podrunner.processes import Process
from harness.providers.podrunner.runtime import Runtime
from harness.providers.podrunner.shutdown import ContainerTermination, Step, next_to_terminate

#: Seconds until something that a container lacks is looked for again, if no watch tells sooner.
_RETRY = 2.0
_NEVER = float("inf")


class PodContainers:
    """The containers of one pod; ``enqueue`` is how other threads report to the pod's own."""

    def __init__(
        self,
        pod: Manifest,
        sandbox: PodSandbox,
        runtime: Runtime,
        enqueue: Callable[[Message], None],
    ) -> None:
        self._pod = pod
        self._sandbox = sandbox
        self._runtime = runtime
        self._enqueue = enqueue
        self._configs = ContainerConfigs(runtime.config, runtime.objects)
        self._states = {
            item.name: ContainerState(status=ContainerStatus(container=item))
            for item in containers(pod)
        }

    @property
    def statuses(self) -> tuple[ContainerStatus, ...]:
        """Every container's status, in the order of starting."""
        return tuple(state.status for state in self._states.values())

    @property
    def idle(self) -> bool:
        """Whether nothing runs."""
        return not any(status.running for status in self.statuses)

    # Starting

    def start_due(self) -> None:
        """Start what should run now."""
        while self._start_next():
            pass

    def retry(self) -> None:
        """Try again at once what could not be started."""
        for state in self._states.values():
            if state.status.waiting is not None and state.status.not_before != _NEVER:
                state.status = replace(state.status, not_before=0.0)

    def _start_next(self) -> bool:
        for status in startable(self.statuses):
            if self._in_post_start():
                return False
            if status.not_before <= self._runtime.clock.now():
                return self._start(self._states[status.name])
        return False

    def _in_post_start(self) -> bool:
        """Whether a container's postStart hook runs, for which those after it wait."""
        return any(Hook.POST_START in state.hooks for state in self._states.values())

    def _start(self, state: ContainerState) -> bool:
        name, run = state.status.name, state.status.runs + 1
        container_id = uuid4().hex
        try:
            config = self._configs.generate(state.container, self._sandbox)
            log = self._sandbox.log(name, run)
            log.parent.mkdir(parents=True, exist_ok=True)
            self._sandbox.log(name, run - 2).unlink(missing_ok=True)
            on_exit = partial(self._exited, name, container_id)
            process = self._runtime.launcher.launch(name, config, log, on_exit)
        except ImageNotFound as error:
            self._start_failed(state, "ErrImagePull", error, _NEVER)
        except Unavailable as error:
            self._start_failed(state, "CreateContainerConfigError", error, _RETRY)
        except (Refused, HarnessError, OSError, KeyError, ValueError) as error:
            self._start_failed(state, "CreateContainerError", error, _RETRY)
        else:
            address = self._sandbox.address
            target = Target(state.container, address, process.pid, config.identity, config.env)
            self._process_started(state, container_id, process, target)
            return True
        return False

    def _start_failed(
        self, state: ContainerState, reason: str, error: Exception, wait: float
    ) -> None:
        waiting = Waiting(reason, str(error))
        state.status = state.status.after_failure(waiting, self._runtime.clock.now() + wait)
        self._runtime.events.warning(self._pod, "Failed", f"{reason}: {error}", state.status.name)

    def _exited(self, name: str, container_id: str, code: int) -> None:
        self._enqueue(ContainerExited(name, container_id, code, self._runtime.clock.wall()))

    def _process_started(
        self, state: ContainerState, container_id: str, process: Process, target: Target
    ) -> None:
        state.process, state.target = process, target
        state.status = state.status.after_start(container_id, self._runtime.clock.wall())
        if state.container.hook(Hook.POST_START):
            self._run_hook(state, Hook.POST_START, _NEVER)
        else:
            self._post_start_done(state)

    def _post_start_done(self, state: ContainerState) -> None:
        """The process runs and its hook is done: it has started, unless a probe is to tell."""
        if state.container.probe(ProbeKind.STARTUP):
            self._start_probing(state, ProbeKind.STARTUP)
        else:
            self._started(state)

    def _started(self, state: ContainerState) -> None:
        readiness = state.container.probe(ProbeKind.READINESS)
        state.status = replace(state.status, started=True, ready=readiness is None)
        self._start_probing(state, ProbeKind.READINESS)
        self._start_probing(state, ProbeKind.LIVENESS)

    def _start_probing(self, state: ContainerState, kind: ProbeKind) -> None:
        now, wall = self._runtime.clock.now(), self._runtime.clock.wall()
        if probe := state.container.probe(kind):
            age = wall - (state.status.running_since or wall)
            state.probes.start(probe, started=now - age, now=now)

    # Terminating

    def terminate_all(self, since: float, grace: float) -> None:
        """Terminate every container in the due order; called again until nothing runs."""
        turns = {status.name for status in next_to_terminate(self.statuses)}
        for name, state in self._states.items():
            state.may_term = name in turns
            if state.termination is not None:
                state.termination = state.termination.shortened(grace)
            elif state.status.running:
                self._terminate(state, since, grace, f"Stopping container {name}")

    def _terminate(self, state: ContainerState, since: float, grace: float, why: str) -> None:
        has_pre_stop = state.container.hook(Hook.PRE_STOP) is not None
        state.termination = ContainerTermination(
            since=since, grace=grace, has_pre_stop=has_pre_stop
        )
        self._runtime.events.normal(self._pod, "Killing", why, state.status.name)

    def _take(self, state: ContainerState, step: Step) -> None:
        assert state.process is not None  # only what runs is terminated
        if step is Step.PRE_STOP:
            assert state.termination is not None
            self._run_hook(state, Hook.PRE_STOP, state.termination.grace)
        elif step is Step.TERM:
            state.process.signal(state.container.stop_signal)
        else:
            state.process.signal(signal.SIGKILL)

    # Probes and hooks

    def advance(self) -> None:
        """Do what is due now for what runs: steps of a termination, probes."""
        now = self._runtime.clock.now()
        for state in self._states.values():
            while step := state.next_step(now):
                self._take(state, step)
            for probe_state in state.probes.due(now, terminating=state.terminating):
                self._run_probe(state, probe_state)

    def _run_probe(self, state: ContainerState, probe_state: ProbeState) -> None:
        probe, status = probe_state.probe, state.status
        self._run_handler(
            state,
            probe.handler,
            probe.timeout,
            lambda result: ProbeFinished(status.name, status.container_id, probe.kind, result),
        )

    def _run_hook(self, state: ContainerState, hook: Hook, timeout: float) -> None:
        state.hooks.add(hook)
        status = state.status
        self._run_handler(
            state,
            state.container.hook(hook) or {},
            min(timeout, 3600.0),
            lambda result: HookFinished(status.name, status.container_id, hook, result),
        )

    def _run_handler(
        self,
        state: ContainerState,
        handler: Manifest,
        timeout: float,
        message: Callable[[ProbeResult], Message],
    ) -> None:
        target = state.target
        assert target is not None  # handlers are for what runs

        def work() -> None:
            self._enqueue(message(self._runtime.prober.run_handler(handler, target, timeout)))

        self._runtime.background(work)

    # Messages

    def handle(self, message: ContainerExited | ProbeFinished | HookFinished) -> None:
        """Take in what other threads report, unless it is about an earlier run."""
        state = self._states[message.name]
        if message.container_id != state.status.container_id or not state.status.running:
            return
        if isinstance(message, ContainerExited):
            self._container_exited(state, message)
        elif isinstance(message, HookFinished):
            self._hook_finished(state, message)
        else:
            self._probe_finished(state, message)

    def _container_exited(self, state: ContainerState, message: ContainerExited) -> None:
        text = self._sandbox.last_message(state.container, state.status.runs, message.exit_code)
        now = self._runtime.clock.now()
        status = state.status.after_exit(message.exit_code, message.wall, now, text)
        if message.exit_code and not state.terminating and status.not_before > now:
            why = f"Back-off restarting failed container {status.name}"
            self._runtime.events.warning(self._pod, "BackOff", why, status.name)
        state.reset(status)

    def _hook_finished(self, state: ContainerState, message: HookFinished) -> None:
        state.hooks.discard(message.hook)
        if not message.result.ok:
            reason = f"Failed{message.hook[0].upper()}{message.hook[1:]}Hook"
            name = state.status.name
            self._runtime.events.warning(self._pod, reason, message.result.message, name)
        if message.hook is Hook.POST_START:
            if message.result.ok:
                self._post_start_done(state)
            else:
                self._restart(state, None, "failed its postStart hook")

    def _probe_finished(self, state: ContainerState, message: ProbeFinished) -> None:
        kind, result = message.kind, message.result
        probe_state = state.probes.observe(kind, result, self._runtime.clock.now())
        if probe_state is None:
            return
        # What has only just been started does not answer yet, what is terminating no more.
        expected = probe_state.failed <= 1 and probe_state.passing is None
        if not (result.ok or expected or state.terminating):
            title = kind.removesuffix("Probe").capitalize()
            why = f"{title} probe failed: {result.message}"
            self._runtime.events.warning(self._pod, "Unhealthy", why, state.status.name)
        if kind is ProbeKind.READINESS:
            state.status = replace(state.status, ready=probe_state.passing is True)
        elif probe_state.passing is False:
            self._restart(state, probe_state.probe.grace, f"failed its {kind}")
        elif kind is ProbeKind.STARTUP and probe_state.passing:
            self._started(state)

    def _restart(self, state: ContainerState, grace: int | None, why: str) -> None:
        """Terminate one container of a pod that goes on; its restart policy does the rest."""
        if state.terminating:
            return
        whole = float(self._pod["spec"].get("terminationGracePeriodSeconds", 30))
        limit = whole if grace is None else float(grace)
        name = state.status.name
        self._terminate(state, self._runtime.clock.now(), limit, f"Container {name} {why}")

    def next_due(self) -> float:
        """Return the (monotonic) time at which something is due."""
        return min(self._due_times(), default=_NEVER)

    def _due_times(self) -> Iterator[float]:
        if not self._in_post_start():
            yield from (status.not_before for status in startable(self.statuses))
        for state in self._states.values():
            yield from state.due_times()

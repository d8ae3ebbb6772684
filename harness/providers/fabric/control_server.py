"""Where the process that holds a lab hears requests: a line of JSON each.

One thread, the loop, hears and answers everybody and is never kept waiting: what takes time is
done by a thread of the request's own, and what has to be done in the loop's thread after all
(a sandboxed process dies with the thread that started it) is posted to it. Whatever arrives and
whatever a handler raises, the loop goes on.
"""

import json
import selectors
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from harness.model import MachineError
from harness.phases import to_stderr
from harness.providers.fabric.session import Garbage, Request, Session, told
from harness.providers.fabric.state import State
from harness.shell import redact

Handler = Callable[[Session, Request], object]

#: Connections at once; a stranger who opens more is turned away, or files would run out.
_MOST = 100


class ControlServer:
    """Answers requests, and undoes what a connection has changed when it closes.

    ``quick`` handlers are called by the loop and must not wait for anything. ``slow`` ones are
    called by another thread, one at a time for each connection.
    """

    def __init__(self, quick: Mapping[str, Handler], slow: Mapping[str, Handler]) -> None:
        self._quick = quick
        self._slow = {"release": _release, **slow}
        self._sessions: set[Session] = set()
        self._posts: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._own = ExitStack()
        self._selector = self._own.enter_context(selectors.DefaultSelector())
        woken, self._waker = map(self._own.enter_context, socket.socketpair())
        for end in (woken, self._waker):
            end.setblocking(False)  # noqa: FBT003 - the parameter has no other form
        self.watch(woken, lambda: self._deliver(woken))

    def open(self, path: Path) -> None:
        """Listen at ``path``; from now on the lab can be spoken to."""
        control = self._own.enter_context(socket.socket(socket.AF_UNIX))
        control.setblocking(False)  # noqa: FBT003 - the parameter has no other form
        unfinished = path.with_name(f"{path.name}.new")
        control.bind(str(unfinished))
        control.listen(64)
        unfinished.replace(path)  # whoever sees it can connect
        self.watch(control, lambda: self._accept(control))

    def close(self) -> None:
        """Hear nobody any more, and hang up."""
        for session in self._sessions:
            session.give_up()
        self._own.close()

    def watch(self, source: Any, call: Callable[[], object]) -> None:
        """Call ``call`` whenever ``source`` can be read (or a process it stands for has ended)."""
        self._selector.register(source, selectors.EVENT_READ, lambda _: call())

    def mind(self, owner: int, place: State, abandoned: Callable[[], object]) -> None:
        """Call ``abandoned`` when the owner ends, unless the lab is finished and to be kept."""

        def ended() -> None:
            if place.outlives_owner:
                self._selector.unregister(owner)
            else:
                abandoned()

        self.watch(owner, ended)

    def post(self, call: Callable[[], object]) -> None:
        """Have ``call`` done by the loop, from any thread."""
        self._posts.put(call)
        with suppress(OSError):  # full of reasons to wake up, or closed
            self._waker.send(b"!")

    @property
    def busy(self) -> bool:
        """Whether anything is being done for anybody at the moment."""
        return any(session.busy for session in self._sessions)

    def turn(self, timeout: float | None = None) -> None:
        """Wait for something to happen, no longer than ``timeout``, and deal with it."""
        for key, events in self._selector.select(timeout):
            _survived(partial(key.data, events))

    def join(self, connection: socket.socket) -> None:
        """Listen to whoever is at the other end of ``connection``."""
        session = Session(connection)
        self._sessions.add(session)
        self._selector.register(
            connection, selectors.EVENT_READ, lambda events: self._stir(session, events)
        )

    def _accept(self, control: socket.socket) -> None:
        connection, _ = control.accept()
        if len(self._sessions) < _MOST:
            self.join(connection)
        else:
            connection.close()
            raise MachineError(f"{_MOST} connections are open; another one is turned away")

    def _deliver(self, woken: socket.socket) -> None:
        woken.recv(1 << 16)
        while not self._posts.empty():
            _survived(self._posts.get())

    def _stir(self, session: Session, events: int) -> None:
        """Something can be read from or written to a connection."""
        if session.gone:  # sent away a moment ago
            return
        if events & selectors.EVENT_WRITE:
            session.send()
        try:
            there = session.hear() if events & selectors.EVENT_READ else True
        except Garbage as error:
            self._dismiss(session, error)
            return
        if there:
            self._proceed(session)
        else:
            self._end(session)

    def _proceed(self, session: Session) -> None:
        """Deal with requests in their order, each when the answer to the last one is taken."""
        try:
            while not session.busy and not session.unsent and (request := session.request()):
                self._deal(session, request)
        except Garbage as error:
            self._dismiss(session, error)
            return
        wanted = selectors.EVENT_WRITE if session.unsent else 0
        call = self._selector.get_key(session.connection).data
        self._selector.modify(session.connection, selectors.EVENT_READ | wanted, call)

    def _deal(self, session: Session, request: Request) -> None:
        name = request["do"]
        if name not in self._slow:
            session.answer(_answer(self._quick.get(name, _unknown), session, request))
            return

        def work() -> None:
            line = _answer(self._slow[name], session, request)
            self.post(lambda: self._finish(session, line))

        session.busy = True
        _aside(work)

    def _finish(self, session: Session, line: str) -> None:
        session.busy = False
        if session.gone:
            self._undo(session)
        else:
            session.answer(line)
            self._proceed(session)

    def _dismiss(self, session: Session, error: Garbage) -> None:
        _log(f"a visitor is not understood ({error}), and sent away")
        session.answer(_line({"error": f"not understood: {redact(str(error))}"}))
        self._end(session)

    def _end(self, session: Session) -> None:
        """The other side is gone: give up what it has asked for, undo what it has changed."""
        self._selector.unregister(session.connection)
        session.give_up()
        if not session.busy:
            self._undo(session)

    def _undo(self, session: Session) -> None:
        if not session.changed:
            self._sessions.discard(session)
            return

        def work() -> None:
            for trouble in session.undo():
                _log(f"what a visit changed is not undone: {trouble}")
            self.post(lambda: self._sessions.discard(session))

        session.busy = True
        _aside(work)


def _aside(work: Callable[[], object]) -> None:
    """Do ``work`` in a thread of its own; here, if there can be no more: better late than never."""
    try:
        threading.Thread(target=work, daemon=True).start()
    except RuntimeError as error:
        _log(told(error))
        work()


def _answer(handler: Handler, session: Session, request: Request) -> str:
    """Return the answer as a line; whatever a handler raises is one."""
    try:
        return _line({"value": handler(session, request)})
    except BaseException as error:  # noqa: BLE001 - a request that fails must not end the lab
        return _line({"error": told(error)})


def _line(answer: Mapping[str, object]) -> str:
    return json.dumps(answer)


def _survived(call: Callable[[], object]) -> None:
    """Do something for somebody; the loop serves others, too, and goes on."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever it is, the lab must not end by it
        _log(f"something went wrong, and is left at that: {told(error)}")


def _log(text: str) -> None:
    with suppress(OSError):  # a full disk is no reason to end a lab
        to_stderr(redact(text))


def _unknown(session: Session, request: Request) -> None:
    """Refuse what nobody here can do."""
    del session
    raise MachineError(f"nobody here can {request['do']}")


def _release(session: Session, request: Request) -> None:
    """Undo what this connection has changed, now; :class:`MachineError` if something stays."""
    del request
    if troubles := session.undo():
        raise MachineError(f"not undone: {'; '.join(troubles)}", "raise the lab anew")

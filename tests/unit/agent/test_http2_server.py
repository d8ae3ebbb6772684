"""The agent's own ports by HTTP/2, asked frame by frame; and what is left when clients go."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from harness.agent.messages import Request, Response
from harness.agent.serving import Listener, http
from harness.agent.state import State
from harness.converge import Budget, eventually

from .peers import HERE, PREFACE, FrameReader, data, headers, rendered, reset, settings

SOON = Budget(timeout=5, interval=0.01)
GET = [(":method", "GET"), (":scheme", "http"), (":path", "/x"), (":authority", "echo")]
POST = [(":method", "POST"), *GET[1:]]
END = ("END_STREAM",)
LONG = b"z" * 200_000


@dataclass
class Served:
    """A server in this process, whose threads and work can be counted."""

    state: State
    port: int
    threads: set[threading.Thread] = field(default_factory=set)
    asked: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        self.asked.append(request)
        if "hang" in request.query:
            self.state.will_answer(self.state.failing._replace(hang=True), request.gone)
        return Response(200, LONG if request.path == "/long" else request.body or b"hello")

    def at_rest(self) -> bool:
        """Say whether nobody works any more: no thread, no work that a drain would wait for."""
        left = [thread for thread in threading.enumerate() if thread not in self.threads]
        return not left and self.state.quiet_for() > 0


@pytest.fixture
def served() -> Iterator[Served]:
    state = State({})
    found = Served(state, 0)
    listener = Listener(HERE, 0, http(state, found.answer))
    found.port = listener.port
    found.threads = set(threading.enumerate())
    yield found
    eventually(found.at_rest, bool, what="nobody works for a client that has gone", budget=SOON)
    listener.close()


@dataclass
class Client:
    """One connection, by hand."""

    socket: socket.socket
    reader: FrameReader
    encoder: Encoder = field(default_factory=Encoder)
    decoder: Decoder = field(default_factory=Decoder)

    def send(self, *frames: Frame) -> None:
        self.socket.sendall(rendered(*frames))

    def answer(self, *, stream: int = 1, generous: bool = True) -> tuple[dict[str, str], bytes]:
        """Return headers and body of one stream; ``generous`` gives windows back at once."""
        fields: dict[str, str] = {}
        body = b""
        while True:
            frame = self.reader.next(HeadersFrame, DataFrame, RstStreamFrame, GoAwayFrame)
            assert not isinstance(frame, (RstStreamFrame, GoAwayFrame)), frame
            assert frame.stream_id == stream
            if isinstance(frame, HeadersFrame):
                fields.update(
                    (str(key), str(said)) for key, said in self.decoder.decode(frame.data)
                )
            elif isinstance(frame, DataFrame):
                body += frame.data
                if generous and frame.data:
                    size = len(frame.data)
                    self.send(WindowUpdateFrame(0, size), WindowUpdateFrame(stream, size))
            if "END_STREAM" in frame.flags:
                return fields, body


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with socket.create_connection((HERE, served.port), timeout=5) as connection:
        connection.sendall(PREFACE)
        yield Client(connection, FrameReader(connection))


def path(name: str) -> list[tuple[str, str]]:
    return [(key, name if key == ":path" else value) for key, value in GET]


def test_a_request_is_answered(client: Client) -> None:
    client.send(settings(), headers(GET, flags=END))
    fields, body = client.answer()
    assert (fields[":status"], fields["content-length"], body) == ("200", "5", b"hello")


def test_a_request_may_come_byte_by_byte(client: Client) -> None:
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in rendered(settings(), headers(POST), data(b"ab"), data(b"c", flags=END)):
        client.socket.sendall(bytes([byte]))
    assert client.answer()[1] == b"abc"


def test_a_request_may_be_padded_and_continued(served: Served, client: Client) -> None:
    block = client.encoder.encode([*POST, ("x-long", "v" * 100)])
    first = HeadersFrame(1, block[:7], pad_length=9, flags=["PADDED"])
    last = ContinuationFrame(1, block[7:], flags=["END_HEADERS"])
    body = DataFrame(1, b"abc", pad_length=200, flags=["PADDED", "END_STREAM"])
    client.send(settings(), first, last, body)
    assert client.answer()[1] == b"abc"
    assert served.asked[0].headers["x-long"] == "v" * 100
    assert served.asked[0].headers["host"] == "echo"


def test_a_request_may_end_with_trailers(client: Client) -> None:
    client.send(settings(), headers(POST), data(b"abc"), headers([("x-end", "1")], flags=END))
    assert client.answer()[1] == b"abc"


def test_pings_and_settings_are_acknowledged(client: Client) -> None:
    client.send(settings(HEADER_TABLE_SIZE=0), PingFrame(0, b"12345678"))
    while "ACK" not in (frame := client.reader.next(PingFrame, SettingsFrame)).flags:
        pass
    assert isinstance(frame, SettingsFrame)
    pong = client.reader.next(PingFrame)
    assert isinstance(pong, PingFrame)
    assert (set(pong.flags), pong.opaque_data) == ({"ACK"}, b"12345678")


def test_a_long_request_gets_its_window_back(client: Client) -> None:
    room, sent = 65_535, 0
    client.send(settings(), headers(POST))
    while sent < len(LONG):
        part = LONG[sent : sent + 16_000]
        while room < len(part):
            grant = client.reader.next(WindowUpdateFrame)
            assert isinstance(grant, WindowUpdateFrame)
            room += grant.window_increment if grant.stream_id else 0
        client.send(data(part))
        room, sent = room - len(part), sent + len(part)
    client.send(data(b"", flags=END))
    assert client.answer()[1] == LONG


def test_a_long_answer_waits_for_windows_that_open(client: Client) -> None:
    client.send(settings(INITIAL_WINDOW_SIZE=7000), headers(path("/long"), flags=END))
    assert client.answer()[1] == LONG


def test_a_long_answer_waits_for_settings_that_widen_it(client: Client) -> None:
    client.send(settings(INITIAL_WINDOW_SIZE=0), headers(path("/long"), flags=END))
    client.reader.next(HeadersFrame)
    client.send(WindowUpdateFrame(0, len(LONG)), settings(INITIAL_WINDOW_SIZE=len(LONG)))
    assert client.answer(generous=False)[1] == LONG


def waiting(client: Client) -> None:
    """Bring an answer to where it waits for a window."""
    client.send(settings(INITIAL_WINDOW_SIZE=10), headers(path("/long"), flags=END))
    head = client.reader.next(HeadersFrame)
    assert isinstance(head, HeadersFrame)
    client.decoder.decode(head.data)
    part = client.reader.next(DataFrame)
    assert isinstance(part, DataFrame)
    assert part.data == LONG[:10]


def test_an_answer_that_waits_ends_with_its_connection(served: Served, client: Client) -> None:
    waiting(client)
    assert not served.at_rest()
    client.socket.close()
    eventually(served.at_rest, bool, what="the writer is released", budget=SOON)


def test_an_answer_that_waits_ends_with_a_reset_connection(served: Served, client: Client) -> None:
    waiting(client)
    reset(client.socket)
    eventually(served.at_rest, bool, what="the writer is released", budget=SOON)


def test_an_answer_that_waits_ends_with_its_stream(served: Served, client: Client) -> None:
    waiting(client)
    client.send(RstStreamFrame(1, 8))
    eventually(served.state.quiet_for, bool, what="the writer is released", budget=SOON)
    client.send(HeadersFrame(3, client.encoder.encode(GET), flags=["END_HEADERS", "END_STREAM"]))
    assert client.answer(stream=3)[0][":status"] == "200"


@pytest.mark.parametrize("leave", ["close", "reset-stream"])
def test_a_request_that_hangs_ends_with_its_client(
    served: Served, client: Client, leave: str
) -> None:
    client.send(settings(), headers(path("/x?hang"), flags=END))
    eventually(lambda: len(served.asked), bool, what="asked", budget=SOON)
    assert served.state.quiet_for() == 0
    if leave == "close":
        client.socket.close()
    else:
        client.send(RstStreamFrame(1, 8))
    eventually(served.state.quiet_for, bool, what="nobody hangs", budget=SOON)


def test_a_request_that_is_never_completed_is_no_work(served: Served, client: Client) -> None:
    client.send(settings(), headers(POST), data(b"ab"), RstStreamFrame(1, 8))
    client.send(HeadersFrame(3, client.encoder.encode(GET), flags=["END_HEADERS", "END_STREAM"]))
    assert client.answer(stream=3)[1] == b"hello"
    assert len(served.asked) == 1


def test_a_client_that_says_goodbye_is_still_answered(client: Client) -> None:
    client.send(settings(INITIAL_WINDOW_SIZE=10), headers(path("/long"), flags=END))
    client.send(GoAwayFrame(0, last_stream_id=0), settings(INITIAL_WINDOW_SIZE=len(LONG)))
    assert client.answer()[1] == LONG


def test_many_streams_are_answered_each(client: Client) -> None:
    streams = range(1, 400, 2)
    frames = [
        HeadersFrame(number, client.encoder.encode(GET), flags=["END_HEADERS", "END_STREAM"])
        for number in streams
    ]
    client.send(settings(), *frames)
    ended: set[int] = set()
    while len(ended) < len(streams):
        frame = client.reader.next(DataFrame)
        ended.add(frame.stream_id)
    assert ended == set(streams)


BROKEN: dict[str, bytes] = {
    "data-on-no-stream": bytes([0, 0, 1, 0, 0, 0, 0, 0, 0]) + b"x",
    "data-first": rendered(data(b"x")),
    "even-stream": rendered(headers(GET, stream=2, flags=END)),
    "no-method": rendered(headers(GET[1:], flags=END)),
    "upper-case": rendered(headers([*GET, ("X-Bad", "1")], flags=END)),
    "interrupted-block": rendered(HeadersFrame(1, b"\x82"), PingFrame(0, b"12345678")),
    "window-too-wide": rendered(WindowUpdateFrame(0, (1 << 31) - 1)),
    "broken-block": rendered(HeadersFrame(1, b"\xff\xff\xff", flags=["END_HEADERS"])),
    "goaway-too-short": bytes([0, 0, 4, 7, 0, 0, 0, 0, 0]) + bytes(4),
    "too-long": bytes([255, 0, 0, 0, 0, 0, 0, 0, 1]),
}


def sent_away(client: Client) -> int:
    """Return the error code that a stream or the whole connection ends with."""
    goodbye = client.reader.next(GoAwayFrame, RstStreamFrame)
    assert isinstance(goodbye, (GoAwayFrame, RstStreamFrame))
    return goodbye.error_code


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_client_that_breaks_the_rules_is_sent_away(
    served: Served, client: Client, broken: bytes
) -> None:
    client.socket.sendall(rendered(settings()) + broken)
    assert sent_away(client) != 0
    assert served.asked == []


def test_a_request_may_be_judged_by_its_content_length(served: Served, client: Client) -> None:
    client.send(settings(), headers([*POST, ("content-length", "9")]), data(b"abc", flags=END))
    assert sent_away(client) != 0
    assert served.asked == []

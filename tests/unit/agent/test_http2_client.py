"""Answers by HTTP/2 from servers made of frames: what is not whole has not been served."""

import json
import socket
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from harness.agent.calls import call
from harness.agent.specs import CallSpec

from .peers import (
    HERE,
    FrameReader,
    Script,
    close_gently,
    data,
    headers,
    rendered,
    serving,
    settings,
)

BODY = json.dumps({"pod": "p", "cluster": "c2"}).encode()
OK = [(":status", "200"), ("content-type", "application/json")]
END = ("END_STREAM",)
PLAIN = [settings(), headers(OK), data(BODY, flags=END)]
LATER = (1 << 31) - 1


def playing(answer: bytes) -> Script:
    """Answer the first request by these bytes, and leave."""

    def script(connection: socket.socket) -> None:
        reader = FrameReader(connection)
        reader.preface()
        reader.next(HeadersFrame)
        connection.sendall(answer)
        close_gently(connection)

    return script


def called(port: int, *, timeout: float = 5.0, **more: Any) -> dict[str, Any]:
    spec = CallSpec("http2", (HERE, port), f"http://{HERE}:{port}/", timeout, **more)
    return call(spec)


def answered(frames: Sequence[Frame], **more: Any) -> dict[str, Any]:
    with serving(playing(rendered(*frames))) as port:
        return called(port, **more)


def continued(fields: Sequence[tuple[str, str]]) -> list[Frame]:
    """Return a header block in three frames."""
    block = Encoder().encode(fields)
    return [
        HeadersFrame(1, block[:3]),
        ContinuationFrame(1, block[3:5]),
        ContinuationFrame(1, block[5:], flags=["END_HEADERS"]),
    ]


def padded(frame: Any) -> Frame:
    frame.pad_length = 40
    frame.flags.add("PADDED")
    assert isinstance(frame, Frame)
    return frame


def prioritized() -> Frame:
    frame = headers(OK)
    frame.flags.add("PRIORITY")
    frame.depends_on, frame.stream_weight = 0, 16
    return frame


def goaway(last: int, code: int = 0) -> GoAwayFrame:
    return GoAwayFrame(0, last_stream_id=last, error_code=code)


WHOLE: dict[str, list[Frame]] = {
    "plain": PLAIN,
    "in-parts": [settings(), headers(OK), data(BODY[:4]), data(b""), data(BODY[4:], flags=END)],
    "end-apart": [settings(), headers(OK), data(BODY), data(b"", flags=END)],
    "trailers": [settings(), headers(OK), data(BODY), headers([("x-trailer", "kept")], flags=END)],
    "interim": [
        settings(),
        headers([(":status", "103"), ("link", "</x>")]),
        headers(OK),
        data(BODY, flags=END),
    ],
    "continuation": [settings(), *continued(OK), data(BODY, flags=END)],
    "padding": [settings(), padded(headers(OK)), padded(data(BODY, flags=END))],
    "priority": [settings(), prioritized(), data(BODY, flags=END)],
    "pings": [settings(), PingFrame(0, b"12345678"), headers(OK), data(BODY, flags=END)],
    "settings-in-the-middle": [
        settings(),
        headers(OK),
        settings(INITIAL_WINDOW_SIZE=1, MAX_FRAME_SIZE=20_000, HEADER_TABLE_SIZE=0),
        data(BODY, flags=END),
    ],
    "windows": [settings(), WindowUpdateFrame(0, 100), headers(OK), data(BODY, flags=END)],
    "goodbye-before": [settings(), goaway(1), headers(OK), data(BODY, flags=END)],
    "goodbye-in-the-middle": [
        settings(),
        headers(OK),
        data(BODY[:4]),
        goaway(LATER),
        data(BODY[4:8]),
        goaway(1),
        PingFrame(0, b"12345678"),
        data(BODY[8:], flags=END),
    ],
    "goodbye-behind": [*PLAIN, goaway(0)],
    "reset-behind": [*PLAIN, RstStreamFrame(1, 0)],
}


@pytest.mark.parametrize("frames", WHOLE.values(), ids=WHOLE)
def test_a_whole_answer_is_served(frames: list[Frame]) -> None:
    result = answered(frames)
    assert (result.get("trouble"), result["status"]) == (None, 200)
    assert result["cluster"] == "c2"


@pytest.mark.parametrize("name", ["plain", "trailers", "goodbye-in-the-middle", "continuation"])
def test_an_answer_that_is_cut_off_anywhere_is_none(name: str) -> None:
    answer = rendered(*WHOLE[name])
    cut = [0]

    def script(connection: socket.socket) -> None:
        playing(answer[: cut[-1]])(connection)

    with serving(script) as port:
        for size in range(len(answer)):
            cut.append(size)
            result = called(port)
            assert result["status"] is None, f"cut after {size} of {len(answer)} bytes"
            wanted = "closed without an answer" if not size else "closed before the end"
            assert result["trouble"].startswith(wanted), f"cut after {size} of {len(answer)} bytes"


REFUSED: dict[str, tuple[list[Frame], str]] = {
    "goaway-below-ours": ([settings(), goaway(0)], "refused by GOAWAY (0)"),
    "goaway-with-a-reason": ([settings(), headers(OK), goaway(0, 11)], "refused by GOAWAY (11)"),
    "second-goaway-below": ([settings(), goaway(LATER), goaway(0)], "refused by GOAWAY (0)"),
    "reset": ([settings(), RstStreamFrame(1, 7)], "stream reset (REFUSED_STREAM)"),
    "reset-in-the-middle": (
        [settings(), headers(OK), data(BODY), RstStreamFrame(1, 0)],
        "stream reset (NO_ERROR)",
    ),
    "too-short": (
        [settings(), headers([*OK, ("content-length", "99")]), data(BODY, flags=END)],
        "malformed answer",
    ),
    "no-status": ([settings(), headers(OK[1:]), data(BODY, flags=END)], "malformed answer"),
    "bad-status": (
        [settings(), headers([(":status", "abc")]), data(BODY, flags=END)],
        "malformed answer",
    ),
    "data-first": ([settings(), data(BODY, flags=END)], "malformed answer"),
    "broken-block": (
        [settings(), HeadersFrame(1, b"\xff\xff", flags=["END_HEADERS"])],
        "malformed",
    ),
    "pushed": (
        [settings(), PushPromiseFrame(1, 2, b"\x82", flags=["END_HEADERS"])],
        "malformed answer",
    ),
}


@pytest.mark.parametrize(("frames", "trouble"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_answer_is_told_apart(frames: list[Frame], trouble: str) -> None:
    result = answered(frames)
    assert result["status"] is None
    assert result["trouble"].startswith(trouble)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
        b"\xff" * 100,
        b"\x00\x00\x04\x07" + bytes(9),
        b"\x15\x03\x01\x00\x02\x02\x46" + bytes(8),
    ],
    ids=["http1", "frame-too-long", "goaway-too-short", "tls"],
)
def test_nonsense_is_no_answer(answer: bytes) -> None:
    with serving(playing(answer)) as port:
        result = called(port)
    assert result["status"] is None
    assert result["trouble"].startswith(("malformed answer", "closed before the end"))


def silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def test_a_silent_server_is_a_timeout() -> None:
    def script(connection: socket.socket) -> None:
        connection.sendall(rendered(settings(), headers(OK)))
        close_gently(connection)

    with serving(silent) as port:
        assert called(port, timeout=0.1)["trouble"] == "timeout waiting for the answer"
    with serving(script) as port:
        assert called(port)["trouble"] == "closed before the end of the answer"


def conversation(
    script: Callable[[socket.socket, FrameReader], None], **more: Any
) -> dict[str, Any]:
    def served(connection: socket.socket) -> None:
        reader = FrameReader(connection)
        reader.preface()
        script(connection, reader)
        close_gently(connection)

    with serving(served) as port:
        return called(port, **more)


def test_pings_and_settings_are_acknowledged() -> None:
    seen: list[Frame] = []

    def script(connection: socket.socket, reader: FrameReader) -> None:
        connection.sendall(rendered(settings(), PingFrame(0, b"12345678")))
        seen.append(reader.next(PingFrame))
        connection.sendall(rendered(*PLAIN))

    assert conversation(script)["status"] == 200
    (ping,) = seen
    assert isinstance(ping, PingFrame)
    assert set(ping.flags) == {"ACK"}
    assert ping.opaque_data == b"12345678"


def test_a_request_waits_for_windows_that_open_bit_by_bit() -> None:
    body = b"x" * 50_000
    received = bytearray()

    def script(connection: socket.socket, reader: FrameReader) -> None:
        connection.sendall(rendered(settings(INITIAL_WINDOW_SIZE=1000)))
        reader.next(HeadersFrame)
        while len(received) < len(body):
            frame = reader.next(DataFrame)
            assert isinstance(frame, DataFrame)
            received.extend(frame.data)
            size = len(frame.data)
            grants = [WindowUpdateFrame(stream, size) for stream in (0, 1) if size]
            connection.sendall(rendered(*grants))
        connection.sendall(rendered(*PLAIN[1:]))

    assert conversation(script, method="POST", body=body)["status"] == 200
    assert received == body


def test_a_window_may_shrink_below_nothing_and_grow_again() -> None:
    body = b"x" * 80_000
    received = bytearray()

    def script(connection: socket.socket, reader: FrameReader) -> None:
        connection.sendall(rendered(settings(), WindowUpdateFrame(0, len(body))))
        while len(received) < 65_535:
            frame = reader.next(DataFrame)
            assert isinstance(frame, DataFrame)
            received.extend(frame.data)
        connection.sendall(rendered(settings(INITIAL_WINDOW_SIZE=0)))
        acknowledged(reader)
        connection.sendall(rendered(settings(INITIAL_WINDOW_SIZE=len(body))))
        while len(received) < len(body):
            frame = reader.next(DataFrame)
            assert isinstance(frame, DataFrame)
            received.extend(frame.data)
        connection.sendall(rendered(*PLAIN[1:]))

    assert conversation(script, method="POST", body=body)["status"] == 200
    assert len(received) == len(body)


def acknowledged(reader: FrameReader) -> None:
    while "ACK" not in reader.next(SettingsFrame).flags:
        pass


def test_an_answer_may_come_before_the_request_has_ended() -> None:
    def script(connection: socket.socket, reader: FrameReader) -> None:
        connection.sendall(rendered(settings(INITIAL_WINDOW_SIZE=10)))
        reader.next(HeadersFrame)
        connection.sendall(rendered(headers([(":status", "413")]), data(b"", flags=END)))

    assert conversation(script, method="POST", body=b"x" * 200_000)["status"] == 413


def test_a_long_answer_gets_its_window_back() -> None:
    parts = [b"y" * 16_000] * 20

    def script(connection: socket.socket, reader: FrameReader) -> None:
        reader.next(HeadersFrame)
        connection.sendall(rendered(settings(), headers(OK)))
        room = {0: 65_535, 1: 65_535}
        for part in parts:
            while min(room.values()) < len(part):
                grant = reader.next(WindowUpdateFrame)
                assert isinstance(grant, WindowUpdateFrame)
                room[grant.stream_id] += grant.window_increment
            connection.sendall(rendered(data(part)))
            room = {stream: left - len(part) for stream, left in room.items()}
        connection.sendall(rendered(data(b"", flags=END)))

    result = conversation(script)
    assert (result["status"], result["body"]) == (200, "y" * 500)


def test_trailers_are_told_with_the_headers() -> None:
    assert answered(WHOLE["trailers"], detail=True)["headers"]["x-trailer"] == "kept"


def test_an_answer_to_head_has_no_body() -> None:
    frames = [settings(), headers([*OK, ("content-length", "99")], flags=END)]
    assert answered(frames, method="HEAD")["status"] == 200

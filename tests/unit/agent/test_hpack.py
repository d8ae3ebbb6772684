"""The examples of RFC 7541, appendix C: Huffman codes, indexing, eviction."""

import pytest

from harness.agent.hpack import Decoder, encode, huffman

FIRST = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")]


def block(text: str) -> bytes:
    return bytes.fromhex(text)


def test_a_connection_remembers_headers() -> None:
    decoder = Decoder()
    assert decoder.decode(block("828684418cf1e3c2e5f23a6ba0ab90f4ff")) == FIRST
    second = decoder.decode(block("828684be5886a8eb10649cbf"))
    assert second == [*FIRST, ("cache-control", "no-cache")]
    third = decoder.decode(block("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"))
    assert third == [
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/index.html"),
        (":authority", "www.example.com"),
        ("custom-key", "custom-value"),
    ]


def test_a_full_table_forgets_the_oldest() -> None:
    decoder = Decoder(256)
    first = decoder.decode(
        block(
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff"
            "6e919d29ad171863c78f0b97c8e9ae82ae43d3"
        )
    )
    rest = [
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ]
    assert first == [(":status", "302"), *rest]
    assert decoder.decode(block("4883640effc1c0bf")) == [(":status", "307"), *rest]
    with pytest.raises(ValueError, match="index 66"):
        decoder.decode(block("c2"))


def test_a_table_may_shrink_but_not_grow_beyond_what_was_allowed() -> None:
    decoder = Decoder()
    decoder.decode(block("828684418cf1e3c2e5f23a6ba0ab90f4ff"))
    assert decoder.decode(block("2082")) == [(":method", "GET")]
    with pytest.raises(ValueError, match="index 62"):
        decoder.decode(block("be"))
    with pytest.raises(ValueError, match="not allowed"):
        decoder.decode(block("3fe2ff03"))


def test_what_is_encoded_can_be_decoded() -> None:
    headers = [("x-long", "v" * 5000), ("x-empty", ""), ("x-latin", "ü")]
    assert Decoder().decode(encode(headers)) == headers


def test_bad_huffman_codes_are_refused() -> None:
    with pytest.raises(ValueError, match="padding"):
        huffman(b"\x00")
    with pytest.raises(ValueError, match="end of string"):
        huffman(b"\xff\xff\xff\xfc")

"""HPACK (RFC 7541): a full decoder, and an encoder that uses neither tables nor Huffman."""

from __future__ import annotations

from collections.abc import Iterable

Header = tuple[str, str]

#: RFC 7541, appendix A: names, each with the values that it is listed with.
_STATIC_TEXT = """\
:authority=;:method=GET,POST;:path=/,/index.html;:scheme=http,https;\
:status=200,204,206,304,400,404,500;accept-charset=;accept-encoding=gzip| deflate;\
accept-language=;accept-ranges=;accept=;access-control-allow-origin=;age=;allow=;\
authorization=;cache-control=;content-disposition=;content-encoding=;content-language=;\
content-length=;content-location=;content-range=;content-type=;cookie=;date=;etag=;expect=;\
expires=;from=;host=;if-match=;if-modified-since=;if-none-match=;if-range=;\
if-unmodified-since=;last-modified=;link=;location=;max-forwards=;proxy-authenticate=;\
proxy-authorization=;range=;referer=;refresh=;retry-after=;server=;set-cookie=;\
strict-transport-security=;transfer-encoding=;user-agent=;vary=;via=;www-authenticate="""
_STATIC: list[Header] = [
    (name, value.replace("|", ","))
    for name, _, values in (line.partition("=") for line in _STATIC_TEXT.split(";"))
    for value in values.split(",")
]

#: RFC 7541, appendix B: the length of every symbol's code, 0 to 256 (end of string). The code
#: is canonical, so lengths are all there is to know.
_CODE_LENGTHS = bytes.fromhex(
    "0d171c1c1c1c1c1c1c181e1c1c1e1c1c1c1c1c1c1c1c1e1c1c1c1c1c1c1c1c1c060a0a0c0d06080b"
    "0a0a080b080606060505050606060606060607080f060c0a0d060707070707070707070707070707"
    "07070707070707070807080d130d0e060f0506050605060606050707060606050607060505060707"
    "0707070f0b0e0d1c1416141416161617161717171717181718181617181717171715161716171718"
    "16151416161717151716161815161717151516151716171714161616171616171a1a141316171619"
    "1a1a1a1b1b1a181913151a1b1b1a1b1815151a1a1c1b1b1b14181415161515171616191918181a17"
    "1a1b1a1a1b1b1b1b1b1c1b1b1b1b1b1a1e"
)
_END_OF_STRING = 256
#: What an entry costs beyond its text (RFC 7541, 4.1).
_OVERHEAD = 32


def _codes() -> dict[tuple[int, int], int]:
    """Return symbols by length and value of their code."""
    found: dict[tuple[int, int], int] = {}
    code = length = 0
    for symbol in sorted(range(257), key=lambda symbol: (_CODE_LENGTHS[symbol], symbol)):
        code <<= _CODE_LENGTHS[symbol] - length
        length = _CODE_LENGTHS[symbol]
        found[length, code] = symbol
        code += 1
    return found


_SYMBOLS = _codes()


def huffman(data: bytes) -> bytes:
    """Decode a Huffman-coded string."""
    decoded = bytearray()
    code = length = 0
    for byte in data:
        for shift in range(7, -1, -1):
            code = code << 1 | byte >> shift & 1
            length += 1
            symbol = _SYMBOLS.get((length, code))
            if symbol is None:
                continue
            if symbol == _END_OF_STRING:
                raise ValueError("end of string inside a string")
            decoded.append(symbol)
            code = length = 0
    if length > 7 or code != (1 << length) - 1:
        raise ValueError("bad padding of a Huffman-coded string")
    return bytes(decoded)


class Decoder:
    """The receiving end of one connection's header compression."""

    def __init__(self, limit: int = 4096) -> None:
        self._limit = self._allowed = limit
        self._entries: list[Header] = []
        self._size = 0

    def decode(self, block: bytes) -> list[Header]:
        """Return the headers of a complete header block."""
        headers: list[Header] = []
        position = 0
        while position < len(block):
            first = block[position]
            if first & 0x80:
                index, position = _integer(block, position, 7)
                headers.append(self._entry(index))
            elif first & 0xE0 == 0x20:
                size, position = _integer(block, position, 5)
                self._resize(size)
            else:
                indexed = bool(first & 0x40)
                header, position = self._literal(block, position, 6 if indexed else 4)
                if indexed:
                    self._add(header)
                headers.append(header)
        return headers

    def _literal(self, block: bytes, position: int, prefix: int) -> tuple[Header, int]:
        index, position = _integer(block, position, prefix)
        if index:
            name = self._entry(index)[0]
        else:
            name, position = _string(block, position)
        value, position = _string(block, position)
        return (name, value), position

    def _entry(self, index: int) -> Header:
        if 0 < index <= len(_STATIC):
            return _STATIC[index - 1]
        position = index - len(_STATIC) - 1
        if not 0 <= position < len(self._entries):
            raise ValueError(f"no header has index {index}")
        return self._entries[position]

    def _add(self, header: Header) -> None:
        self._entries.insert(0, header)
        self._size += _cost(header)
        self._evict()

    def _resize(self, size: int) -> None:
        if size > self._allowed:
            raise ValueError(f"table size {size} was not allowed")
        self._limit = size
        self._evict()

    def _evict(self) -> None:
        while self._size > self._limit:
            self._size -= _cost(self._entries.pop())


def encode(headers: Iterable[Header]) -> bytes:
    """Return a header block of plain literals that no table remembers."""
    block = bytearray()
    for name, value in headers:
        block.append(0)
        for text in (name.encode("latin-1"), value.encode("latin-1")):
            block += _counted(len(text)) + text
    return bytes(block)


def _cost(header: Header) -> int:
    return len(header[0]) + len(header[1]) + _OVERHEAD


def _counted(number: int) -> bytes:
    """Encode the length of a string that is not Huffman-coded."""
    if number < 0x7F:
        return bytes((number,))
    encoded, number = bytearray((0x7F,)), number - 0x7F
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*encoded, number))


def _integer(block: bytes, position: int, prefix: int) -> tuple[int, int]:
    full = (1 << prefix) - 1
    number = block[position] & full
    position += 1
    if number < full:
        return number, position
    shift = 0
    while True:
        byte = block[position]
        position += 1
        number += (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return number, position


def _string(block: bytes, position: int) -> tuple[str, int]:
    coded = bool(block[position] & 0x80)
    length, position = _integer(block, position, 7)
    raw = block[position : position + length]
    if len(raw) < length:
        raise ValueError("a string ends too early")
    return (huffman(raw) if coded else raw).decode("latin-1"), position + length

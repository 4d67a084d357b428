"""HTTP/1.1 messages as bytes: what a test builds, and a strict reader that hides nothing."""

import dataclasses
import json as jsonlib
import socket
from typing import Iterable

Headers = list[tuple[str, str]]


class Truncated(Exception):
    """The peer ended the connection inside a message; `raw` is what had come of the body."""

    def __init__(self, where: str, raw: bytes = b""):
        super().__init__(f"connection ended in {where} after {len(raw)} body bytes")
        self.raw = raw


class Malformed(Exception):
    """The peer sent something that is not HTTP/1.1."""


class Reader:
    """Buffered reads from a socket. Every wait ends with the socket's own timeout."""

    def __init__(self, sock: socket.socket):
        self._sock = sock
        self._buffer = bytearray()

    def _fill(self) -> bool:
        data = self._sock.recv(65536)
        self._buffer += data
        return bool(data)

    def at_end(self) -> bool:
        """Waits for the next byte or the end; True at the end (or a reset)."""
        try:
            return not self._buffer and not self._fill()
        except ConnectionError:
            return True

    def exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            if not self._fill():
                raise Truncated("a sized piece", bytes(self._buffer))
        return self._take(count)

    def through(self, mark: bytes) -> bytes:
        """All bytes up to and with `mark`."""
        start = 0
        while (found := self._buffer.find(mark, start)) < 0:
            start = max(0, len(self._buffer) - len(mark) + 1)
            if not self._fill():
                raise Truncated(f"a piece that ends with {mark!r}", bytes(self._buffer))
        return self._take(found + len(mark))

    def some(self) -> bytes:
        """What is there, at least one byte; empty at the end."""
        if not self._buffer:
            self._fill()
        return self._take(len(self._buffer))

    def rest(self) -> bytes:
        """Everything until the end; a reset counts as the end."""
        try:
            while self._fill():
                pass
        except ConnectionError:
            pass
        return self._take(len(self._buffer))

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


def values(headers: Headers, name: str) -> list[str]:
    return [value for key, value in headers if key.lower() == name.lower()]


def value(headers: Headers, name: str) -> str | None:
    """The one value of a header; None without it. Two are a failure of their own."""
    found = values(headers, name)
    if len(found) > 1:
        raise AssertionError(f"{name} occurs {len(found)} times: {found}")
    return found[0] if found else None


def parse_fields(lines: Iterable[bytes]) -> Headers:
    fields = []
    for line in lines:
        name, colon, content = line.partition(b":")
        if not colon or name != name.strip() or not name:
            raise Malformed(f"header line {line!r}")
        fields.append((name.decode("latin-1"), content.strip(b" \t").decode("latin-1")))
    return fields


def read_chunked(reader: Reader, raw: bytearray) -> tuple[bytes, Headers]:
    """A chunked body: its content and trailers. `raw` collects the bytes as they came."""
    content = bytearray()
    try:
        while True:
            line = reader.through(b"\r\n")
            raw += line
            size = int(line.split(b";")[0].strip(), 16)
            if size == 0:
                break
            piece = reader.exactly(size + 2)
            raw += piece
            if piece[-2:] != b"\r\n":
                raise Malformed(f"chunk ends with {piece[-2:]!r}")
            content += piece[:-2]
        trailers = []
        while (line := reader.through(b"\r\n")) != b"\r\n":
            raw += line
            trailers.append(line[:-2])
        raw += line
        return bytes(content), parse_fields(trailers)
    except Truncated as end:
        raise Truncated("a chunked body", bytes(raw) + end.raw) from None
    except ConnectionError:
        raise Truncated("a chunked body, by a reset", bytes(raw)) from None


@dataclasses.dataclass
class Head:
    """A status line and headers; `raw` is exactly what was received."""

    raw: bytes
    version: str
    status: int
    headers: Headers

    def header(self, name: str) -> str | None:
        return value(self.headers, name)

    def header_values(self, name: str) -> list[str]:
        return values(self.headers, name)


@dataclasses.dataclass
class Response(Head):
    """A whole response: `raw_body` as it came on the wire, `body` without the framing."""

    raw_body: bytes = b""
    body: bytes = b""
    trailers: Headers = dataclasses.field(default_factory=list)

    def json(self):
        return jsonlib.loads(self.body)


def read_head(reader: Reader) -> Head:
    raw = reader.through(b"\r\n\r\n")
    first, *lines = raw[:-4].split(b"\r\n")
    parts = first.split(b" ", 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit():
        raise Malformed(f"status line {first!r}")
    return Head(raw, parts[0].decode(), int(parts[1]), parse_fields(lines))


def has_body(method: str, status: int) -> bool:
    return method != "HEAD" and status not in (204, 304) and status >= 200


def read_body(reader: Reader, head: Head, method: str = "GET") -> Response:
    """The body that belongs to `head`, by the rules of RFC 9112, section 6.3."""
    response = Response(**vars(head))
    if not has_body(method, head.status):
        return response
    coding = ", ".join(head.header_values("transfer-encoding")).lower()
    length = head.header("content-length")
    if coding:
        if coding != "chunked" or length is not None:
            raise Malformed(f"framing: transfer-encoding {coding!r}, content-length {length!r}")
        raw = bytearray()
        response.body, response.trailers = read_chunked(reader, raw)
        response.raw_body = bytes(raw)
    elif length is not None:
        response.raw_body = response.body = reader.exactly(int(length))
    else:
        response.raw_body = response.body = reader.rest()
    return response


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


LAST_CHUNK = b"0\r\n\r\n"


def request_bytes(
    method: str,
    target: str,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes | None = None,
    host: str | None = "localhost",
    version: str = "HTTP/1.1",
) -> bytes:
    """A request, with Host and Content-Length unless the caller gives or omits them."""
    fields = list(headers)
    names = {name.lower() for name, _ in fields}
    if host is not None and "host" not in names:
        fields.insert(0, ("Host", host))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} {version}"] + [f"{name}: {content}" for name, content in fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def json_request(target: str, document: object, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """A POST of a JSON document."""
    return request_bytes(
        "POST",
        target,
        [("Content-Type", "application/json"), *headers],
        jsonlib.dumps(document).encode(),
    )


def response_bytes(
    status: int, headers: Iterable[tuple[str, str]] = (), body: bytes | None = b""
) -> bytes:
    """A response; with a body of known length unless `body` is None."""
    fields = list(headers)
    if body is not None:
        fields.append(("content-length", str(len(body))))
    lines = [f"HTTP/1.1 {status} Status"] + [f"{name}: {content}" for name, content in fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")

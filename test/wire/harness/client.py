"""A client that sends exactly the bytes it is told to, and reads exactly what comes."""

import socket
import struct
import time

from .environment import scaled
from .message import (
    Head,
    Reader,
    Response,
    json_request,
    read_body,
    read_head,
    request_bytes,
)


def reset(sock: socket.socket) -> None:
    """Closes with RST instead of FIN."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    except OSError:
        pass


class Client:
    """One connection to the gateway. Reads wait at most `timeout` seconds (scaled)."""

    def __init__(self, port: int, timeout: float = 10, receive_buffer: int | None = None):
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            # Before connect: afterwards the window has been announced.
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.settimeout(scaled(timeout))
        self._sock.connect(("127.0.0.1", port))
        self.reader = Reader(self._sock)

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def request(self, method: str, target: str, headers=(), body: bytes | None = None) -> Response:
        self.send(request_bytes(method, target, headers, body))
        return self.read_response(method)

    def post(self, target: str, document: object, headers=()) -> Response:
        self.send(json_request(target, document, headers))
        return self.read_response("POST")

    def read_head(self) -> Head:
        return read_head(self.reader)

    def read_response(self, method: str = "GET") -> Response:
        """The final response; interim ones before it are a failure here."""
        head = self.read_head()
        assert head.status >= 200, f"unexpected interim response {head.status}"
        return read_body(self.reader, head, method)

    def read_body(self, head: Head, method: str = "GET") -> Response:
        return read_body(self.reader, head, method)

    def read_rest(self) -> bytes:
        return self.reader.rest()

    def assert_closed(self) -> None:
        """The peer closes, and sends nothing before that."""
        rest = self.reader.rest()
        assert rest == b"", f"bytes where the end was expected: {rest[:200]!r}"

    def assert_open(self) -> None:
        """Nothing has come, neither bytes nor the end, at this moment."""
        self._sock.setblocking(False)
        try:
            data = self._sock.recv(1, socket.MSG_PEEK)
            raise AssertionError(f"expected silence, got {data!r} (empty: closed)")
        except BlockingIOError:
            pass
        finally:
            self._sock.settimeout(scaled(10))

    def finish_writing(self) -> None:
        self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> float:
        """Closes with FIN; the time just before."""
        at = time.monotonic()
        self._sock.close()
        return at

    def reset(self) -> float:
        """Closes with RST; the time just before."""
        at = time.monotonic()
        reset(self._sock)
        return at

"""A backend whose every byte a test decides."""

import dataclasses
import json
import select
import socket
import threading
import time
from typing import Callable

from .client import reset
from .environment import listen_below_ephemeral, scaled
from .message import (
    LAST_CHUNK,
    Headers,
    Reader,
    Truncated,
    chunk,
    parse_fields,
    read_chunked,
    response_bytes,
    value,
    values,
)

READY_PATH = "/v1/audio/ready-for-the-test"
HEALTH_PATH = "/health"
MODELS_PATH = "/models-for-the-gateway"


@dataclasses.dataclass
class Request:
    """A request as the backend received it."""

    raw_head: bytes
    raw_body: bytes
    body: bytes
    method: str
    target: str
    headers: Headers
    trailers: Headers
    connection: int  # 0 for the first connection that the backend accepted, and so on

    def header(self, name: str) -> str | None:
        return value(self.headers, name)

    def header_values(self, name: str) -> list[str]:
        return values(self.headers, name)


class Exchange:
    """One request and the means to answer it, byte by byte."""

    def __init__(self, request: Request, sock: socket.socket, number: int):
        self.request = request
        self.number = number  # 0 for the backend's first recorded request
        self._sock = sock
        self.keep = True

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def reply(self, status: int = 200, body: bytes = b"ok", headers=()) -> None:
        self.send(response_bytes(status, headers, b"" if self.request.method == "HEAD" else body))

    def json(self, text: bytes, headers=()) -> None:
        self.reply(200, text, [("content-type", "application/json"), *headers])

    def begin_stream(self, content_type: str = "text/event-stream", headers=()) -> None:
        fields = [("content-type", content_type), ("transfer-encoding", "chunked"), *headers]
        self.send(response_bytes(200, fields, None))

    def event(self, text: str) -> None:
        self.send(chunk(f"data: {text}\n\n".encode()))

    def end_stream(self) -> None:
        self.send(LAST_CHUNK)

    def close(self) -> None:
        """FIN; the handler should then return."""
        self.keep = False
        self._sock.close()

    def reset(self) -> None:
        """RST; the handler should then return."""
        self.keep = False
        reset(self._sock)

    def wait_for_close(self, timeout: float = 10) -> float:
        """The time at which the gateway ended this connection."""
        self.keep = False
        self._sock.settimeout(scaled(timeout))
        try:
            while self._sock.recv(65536):
                pass
        except ConnectionError:
            pass
        return time.monotonic()

    def write_until_blocked(self, piece: bytes, limit: int, quiet: float) -> int:
        """Writes `piece` again and again until the peer takes nothing for `quiet` seconds.

        Returns the bytes written, `limit` at most (rounded up to a piece)."""
        self._sock.setblocking(False)
        written = 0
        pending = memoryview(piece)
        while written < limit:
            _, writable, _ = select.select([], [self._sock], [], scaled(quiet))
            if not writable:
                break
            count = self._sock.send(pending)
            written += count
            pending = pending[count:] if count < len(pending) else memoryview(piece)
        self._sock.settimeout(scaled(30))
        self.unsent = bytes(pending) if len(pending) < len(piece) else b""
        return written


def echo(exchange: Exchange) -> None:
    """Answers with the request's own body."""
    exchange.reply(200, exchange.request.body or b"ok")


class Backend:
    """A threaded TCP server on loopback; one thread per connection, `handler` per request.

    Health checks (GET /health) are answered with `health` and kept in `health_requests`; they, the
    gateway's own questions for models, version and metrics, and the path with which the harness
    waits for the gateway to see this backend are not recorded in `requests`. These answers close
    their connections, so that a test starts without pooled ones.
    """

    def __init__(
        self,
        handler: Callable[[Exchange], None] = echo,
        name: str = "backend",
        port: int | None = None,
    ):
        self.handler = handler
        self.name = name
        self.health = 200
        self.health_headers: list[tuple[str, str]] = []  # Of the answer to a check.
        self.models: list[str] | None = None  # None: it does not tell, and so may have any.
        self.version = "0.32.0"
        self.documents: dict[str, bytes] = {}  # More that it tells the gateway, by path.
        self.asked: list[tuple[str, float]] = []  # What the gateway asked for itself, and when.
        self.requests: list[Request] = []
        self.health_requests: list[Request] = []
        self.health_times: list[float] = []
        self.ready_count = 0
        self.incomplete: list[bytes] = []
        self.errors: list[BaseException] = []
        self.connections = 0
        self._changed = threading.Condition()
        self._sockets: set[socket.socket] = set()
        self._closed = False
        self._listener = listen_below_ephemeral(port)
        self.port = self._listener.getsockname()[1]
        self._start_accepting()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def endpoint(self, **more) -> dict:
        """This backend as an entry of the config's `endpoints`."""
        return {
            "url": self.url,
            "name": self.name,
            "type": "vllm",
            "health_check_url": HEALTH_PATH,
            "model_url": MODELS_PATH,
            "check_interval": "30s",
            "check_timeout": "2s",
            **more,
        }

    def times_asked(self, path: str) -> list[float]:
        """When the gateway asked for this path on its own account."""
        with self._changed:
            return [at for target, at in self.asked if target == path]

    def wait_for_requests(self, count: int, timeout: float = 10) -> list[Request]:
        self.wait_until(lambda: len(self.requests) >= count, f"{count} requests", timeout)
        return self.requests

    def wait_until(self, condition: Callable[[], bool], what: str, timeout: float = 10) -> None:
        deadline = time.monotonic() + scaled(timeout)
        with self._changed:
            while not condition():
                if time.monotonic() > deadline:
                    raise AssertionError(f"{self.name} waited in vain for {what}")
                self._changed.wait(0.01)  # What a handler appends to is not announced.

    def refuse(self) -> None:
        """Stops listening: new connections are refused. Open ones live on."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def listen_again(self) -> None:
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(128)
        self._start_accepting()

    def swallow_connects(self) -> list[socket.socket]:
        """Makes the listener a black hole: its queue is full and nobody accepts.

        The returned sockets fill the queue and must be kept until the test ends."""
        self.refuse()
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            fillers.append(filler)
        return fillers

    def close(self) -> None:
        self._closed = True
        try:
            self.refuse()
        except OSError:
            pass
        with self._changed:
            for sock in self._sockets:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def check(self) -> None:
        """Raises what a handler raised, so that no failure stays in a thread."""
        if self.errors:
            raise AssertionError(f"{self.name}: a handler failed") from self.errors[0]

    def _start_accepting(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                number = self.connections
                self.connections += 1
                self._sockets.add(sock)
                self._changed.notify_all()
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            reader = Reader(sock)
            while (request := self._read(reader, number)) and self._answer(request, sock):
                pass
        except (OSError, Truncated):
            pass  # The gateway left, or the test is over.
        except BaseException as error:  # A failed check of a handler: check() raises it.
            self.errors.append(error)
        finally:
            with self._changed:
                self._sockets.discard(sock)
                self._changed.notify_all()
            sock.close()

    def _read(self, reader: Reader, connection: int) -> Request | None:
        if reader.at_end():
            return None
        try:
            raw_head = reader.through(b"\r\n\r\n")
            first, *lines = raw_head[:-4].split(b"\r\n")
            headers = parse_fields(lines)
            method, target, _ = first.decode("latin-1").split(" ")
            raw, trailers = bytearray(), []
            if values(headers, "transfer-encoding"):
                body, trailers = read_chunked(reader, raw)
            else:
                body = reader.exactly(int(value(headers, "content-length") or 0))
                raw += body
        except Truncated as end:
            with self._changed:
                self.incomplete.append(end.raw)
                self._changed.notify_all()
            return None
        return Request(raw_head, bytes(raw), body, method, target, headers, trailers, connection)

    def _answer(self, request: Request, sock: socket.socket) -> bool:
        # What the gateway asks for itself is none of the test's requests.
        own = (request.header("user-agent") or "").startswith("olla-")
        if own or request.target == READY_PATH:
            self._answer_harness(request, sock)
            return False
        with self._changed:
            number = len(self.requests)
            self.requests.append(request)
            self._changed.notify_all()
        exchange = Exchange(request, sock, number)
        self.handler(exchange)
        return exchange.keep and not self._closed

    def _answer_harness(self, request: Request, sock: socket.socket) -> None:
        with self._changed:
            self.asked.append((request.target, time.monotonic()))
        status, body, more = 200, b"", []
        if request.target in self.documents:
            body = self.documents[request.target]
        elif request.target == HEALTH_PATH:
            status, more = self.health, self.health_headers
        elif request.target == "/version":
            body = json.dumps({"version": self.version}).encode()
        elif request.target == MODELS_PATH and self.models is not None:
            entries = [{"id": model, "object": "model"} for model in self.models]
            body = json.dumps({"object": "list", "data": entries}).encode()
        elif request.target != READY_PATH:
            status = 404
        sock.sendall(response_bytes(status, [("connection", "close"), *more], body))
        with self._changed:
            if request.target == HEALTH_PATH:
                self.health_requests.append(request)
                self.health_times.append(time.monotonic())
            elif request.target == READY_PATH:
                self.ready_count += 1
            self._changed.notify_all()

"""Servers that are killed, frozen and cut off under load, and clients that check every byte."""

import asyncio
import dataclasses
import json
import multiprocessing
import os
import random
import re
import signal
import time

from .environment import listen_below_ephemeral, scaled
from .message import LAST_CHUNK, chunk, json_request, response_bytes

CHAT = "/olla/vllm/v1/chat/completions"
DELAY_SECONDS_MAX = 0.3
EVENTS = 5
EVENT_GAP_SECONDS = 0.05
LEAVING = 0.03  # Of the clients' requests.


class _Server(asyncio.Protocol):
    """Answers a request with its own id, whole after a delay or as a stream; dies of poison."""

    connections: set = set()
    pick = random.Random(0)

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._buffer = b""
        self._task = None
        self.connections.add(self)

    def connection_lost(self, _error) -> None:
        self.connections.discard(self)
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if not mark or len(body) < int(length.group(1) if length else 0):
            return
        self._buffer = b""
        if not head.startswith(b"POST /v1/chat/completions "):
            return self._tell(head)
        request = json.loads(body)
        if request.get("poison"):
            os._exit(1)
        if request["stream"]:
            answer = self._stream(request["user"])
        else:
            delay = request.get("delay", self.pick.uniform(0, DELAY_SECONDS_MAX))
            answer = self._whole(request["user"], delay)
        self._task = asyncio.ensure_future(answer)

    def _tell(self, head: bytes) -> None:
        documents = {
            b"/version": {"version": "0.32.0"},
            b"/v1/models": {"object": "list", "data": [{"id": "chaos", "object": "model"}]},
        }
        document = documents.get(head.split(b" ")[1])
        body = json.dumps(document).encode() if document else b""
        self._transport.write(response_bytes(200, [("content-type", "application/json")], body))

    async def _whole(self, user: str, delay: float) -> None:
        await asyncio.sleep(delay)
        self._transport.write(response_bytes(200, [], user.encode()))

    async def _stream(self, user: str) -> None:
        fields = [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")]
        self._transport.write(response_bytes(200, fields, None))
        for number in range(EVENTS):
            await asyncio.sleep(EVENT_GAP_SECONDS)
            self._transport.write(event(user, number))
        self._transport.write(LAST_CHUNK)


def event(user: str, number: int) -> bytes:
    return chunk(f"data: {user} {number}\n\n".encode())


def _serve(port: int, seed: int, ready) -> None:
    async def serve() -> None:
        _Server.pick = random.Random(seed)
        loop = asyncio.get_running_loop()

        def cut() -> None:
            for connection in list(_Server.connections):
                connection._transport.abort()

        loop.add_signal_handler(signal.SIGUSR1, cut)
        server = await loop.create_server(_Server, "127.0.0.1", port, backlog=1024)
        ready.send(True)
        await server.serve_forever()

    asyncio.run(serve())


class Server:
    """One server in a process of its own, always on the same port."""

    def __init__(self, name: str):
        self.name = name
        listener = listen_below_ephemeral()
        self.port = listener.getsockname()[1]
        listener.close()
        self.start()

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        receive, send = context.Pipe(duplex=False)
        arguments = (self.port, self.port, send)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        if not receive.poll(scaled(20)):
            raise RuntimeError("a server did not start")

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def freeze(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def cut(self) -> None:
        """Resets all of its connections and goes on."""
        os.kill(self._process.pid, signal.SIGUSR1)


@dataclasses.dataclass
class Tally:
    """What the clients saw."""

    whole: int = 0
    cut: int = 0  # Streams that broke off so that it could be seen.
    killers: int = 0  # Answers that call the request one that kills endpoints.
    left: int = 0  # Requests whose clients did not wait for the end.
    faults: list[str] = dataclasses.field(default_factory=list)


class Clients:
    """Clients that ask one request after the other until told to stop."""

    def __init__(self, port: int, count: int, seed: int):
        self._port = port
        self._count = count
        self._pick = random.Random(seed)
        self._stop = asyncio.Event()
        self._number = 0
        self.tally = Tally()

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        await asyncio.gather(*(self._client() for _ in range(self._count)))

    async def _client(self) -> None:
        while not self._stop.is_set():
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                more = True
                while more and not self._stop.is_set():
                    more = await self._ask(reader, writer)
                    await asyncio.sleep(self._pick.uniform(0, 1))
            finally:
                writer.close()

    async def _ask(self, reader, writer) -> bool:
        """One request; whether the connection may carry another."""
        self._number += 1
        user = f"user-{self._number}"
        stream = self._pick.random() < 0.4
        request = {"model": "chaos", "messages": [], "stream": stream, "user": user}
        began = time.monotonic()
        writer.write(json_request(CHAT, request))
        if self._pick.random() < LEAVING:
            await asyncio.sleep(self._pick.uniform(0, DELAY_SECONDS_MAX))
            self.tally.left += 1
            return False
        head = b""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"HTTP/1.1 200 "):
                right = await (self._stream(reader, user) if stream else self._whole(reader, head))
                return self._note(right, user, stream)
            length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
            body = await reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            if head.startswith(b"HTTP/1.1 200 "):
                self.tally.cut += 1
                return False
            body = repr(error).encode()
        if b'"request_kills_endpoint"' in body:
            self.tally.killers += 1
            return True
        took = time.monotonic() - began
        self.tally.faults.append(f"{user} after {took:.1f} s: {head!r} {body!r}")
        return False

    def _note(self, right: bytes | None, user: str, stream: bool) -> bool:
        if right is None:
            self.tally.cut += 1
            return False
        wanted = b"".join(event(user, number) for number in range(EVENTS)) if stream else b""
        if right != (wanted + LAST_CHUNK if stream else user.encode()):
            self.tally.faults.append(f"{user} got {right!r}")
            return False
        self.tally.whole += 1
        return True

    async def _whole(self, reader, head: bytes) -> bytes:
        length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
        return await reader.readexactly(length)

    async def _stream(self, reader, user: str) -> bytes | None:
        """The body; None when it ends with an error event, which must not look like a good end."""
        body = b""
        while not body.endswith(LAST_CHUNK):
            body += await reader.readuntil(b"\r\n")
            if b'data: {"error"' in body:
                return None
        return body


async def ask_slow(port: int, number: int, delay: float) -> bytes:
    """A request whose answer takes so long; its status line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = {"model": "chaos", "messages": [], "stream": False, "user": f"slow-{number}"}
    writer.write(json_request(CHAT, {**request, "delay": delay}))
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return head.split(b"\r\n")[0]


async def ask_poison(port: int) -> str:
    """A request of which every server dies; the code of the error that it gets."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = {"model": "chaos", "messages": [], "stream": False, "user": "x", "poison": True}
    writer.write(json_request(CHAT, request, [("Connection", "close")]))
    answer = await reader.read()
    writer.close()
    return json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"]

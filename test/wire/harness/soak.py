"""Many streams at once: a backend process and asyncio clients, cheap enough for two cores.

Every stream has a content of its own, known to both ends, so that a byte that is lost, doubled
or put into another stream cannot go unseen."""

import asyncio
import dataclasses
import hashlib
import multiprocessing
import re

from .message import LAST_CHUNK, chunk, json_request, response_bytes

EVENT_BYTES = 250
# As uvicorn, and so vLLM, does with a connection that nobody uses.
IDLE_SECONDS = 5


@dataclasses.dataclass(frozen=True)
class Plan:
    """How many streams, of how many events, how far apart."""

    streams: int
    events: int
    interval_seconds: float


def event(stream: int, number: int) -> bytes:
    """One chunk with one event of EVENT_BYTES bytes."""
    head = f'data: {{"stream":{stream},"event":{number},"text":"'.encode()
    tail = b'"}\n\n'
    need = EVENT_BYTES - len(head) - len(tail)
    text = hashlib.sha256(b"%d/%d" % (stream, number)).hexdigest().encode()
    return chunk(head + (text * (need // len(text) + 1))[:need] + tail)


class _Backend(asyncio.Protocol):
    """Answers health checks at once; a stream begins when all have been asked for."""

    started = 0
    all_started: asyncio.Event
    plan: Plan

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._buffer = b""
        self._task = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if not mark or len(body) < int(length.group(1) if length else 0):
            return
        self._buffer = b""
        stream = re.search(rb"stream=(\d+)", head.split(b"\r\n")[0])
        if stream:
            self._task = asyncio.ensure_future(self._stream(int(stream.group(1))))
        else:
            self._transport.write(response_bytes(200, [("connection", "close")]))
            self._transport.close()

    def connection_lost(self, _error) -> None:
        if self._task:
            self._task.cancel()

    async def _stream(self, stream: int) -> None:
        fields = [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")]
        self._transport.write(response_bytes(200, fields, None))
        _Backend.started += 1
        if _Backend.started == self.plan.streams:
            self.all_started.set()
        await self.all_started.wait()
        # Spread over the interval, as the streams of independent clients are.
        await asyncio.sleep(self.plan.interval_seconds * stream / self.plan.streams)
        for number in range(self.plan.events):
            self._transport.write(event(stream, number))
            await asyncio.sleep(self.plan.interval_seconds)
        self._transport.write(LAST_CHUNK)
        await asyncio.sleep(IDLE_SECONDS)
        self._transport.close()


def _run_backend(plan: Plan, port) -> None:
    async def serve() -> None:
        _Backend.plan = plan
        _Backend.all_started = asyncio.Event()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(_Backend, "127.0.0.1", 0, backlog=plan.streams)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


class BackendProcess:
    """The backend in a process of its own; `port` is known when the constructor ends."""

    def __init__(self, plan: Plan):
        context = multiprocessing.get_context("spawn")
        receive, send = context.Pipe(duplex=False)
        self._process = context.Process(target=_run_backend, args=(plan, send), daemon=True)
        self._process.start()
        if not receive.poll(20):
            raise RuntimeError("the backend process did not start")
        self.port = receive.recv()

    def close(self) -> None:
        self._process.terminate()
        self._process.join()


async def _read_stream(port: int, stream: int, plan: Plan, gate: asyncio.Semaphore) -> str | None:
    """What is wrong with this stream; None when every byte was right."""
    async with gate:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        request = {"model": "soak", "stream": True}
        target = f"/olla/vllm/v1/chat/completions?stream={stream}"
        writer.write(json_request(target, request))
        head = await reader.readuntil(b"\r\n\r\n")
    fault = None if head.startswith(b"HTTP/1.1 200 ") else f"head {head!r}"
    for number in range(plan.events if not fault else 0):
        wanted = event(stream, number)
        got = await reader.readexactly(len(wanted))
        if got != wanted:
            fault = f"event {number} is {got!r}"
            break
    if not fault and (end := await reader.readexactly(len(LAST_CHUNK))) != LAST_CHUNK:
        fault = f"the end is {end!r}"
    writer.close()
    return f"stream {stream}: {fault}" if fault else None


async def read_all(port: int, plan: Plan, watch) -> list[str]:
    """Runs all streams of the plan; the faults found. `watch` is called once a second."""

    async def keep_watch() -> None:
        while True:
            watch()
            await asyncio.sleep(1)

    watching = asyncio.ensure_future(keep_watch())
    gate = asyncio.Semaphore(100)  # Connecting all at once would only test the listen queue.
    try:
        reads = (_read_stream(port, stream, plan, gate) for stream in range(plan.streams))
        results = await asyncio.gather(*reads, return_exceptions=True)
    finally:
        watching.cancel()
    return [str(result) or repr(result) for result in results if result is not None]

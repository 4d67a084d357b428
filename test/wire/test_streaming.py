"""Streams: unchanged, at once, and no faster than the client reads."""

import re
import statistics
import threading
import time

import pytest

from harness import environment
from harness.environment import scaled
from harness.message import LAST_CHUNK, chunk, json_request, request_bytes, response_bytes

STREAM = "/olla/vllm/v1/chat/completions"
REQUEST = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "stream": True}

EVENTS = [
    'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"na\u00efve \U0001f40d"}}]}\n\n',
    ": a comment\n\n",
    'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\r\n\r\n',
    "data: [DONE]\n\n",
]
TEXT = "".join(EVENTS).encode()


def rechunked(size: int) -> bytes:
    """The stream's text in chunks of `size`, whose edges fall inside events and characters."""
    pieces = [TEXT[at : at + size] for at in range(0, len(TEXT), size)]
    return b"".join(chunk(piece) for piece in pieces) + LAST_CHUNK


BODIES = {
    "one event per chunk": b"".join(chunk(e.encode()) for e in EVENTS) + LAST_CHUNK,
    "all in one chunk": chunk(TEXT) + LAST_CHUNK,
    "a byte per chunk": rechunked(1),
    "seven bytes per chunk": rechunked(7),
    "zeros and upper case": b"%06X\r\n%s\r\n000\r\n\r\n" % (len(TEXT), TEXT),
    "extensions": b'%x;a="b;c";d\r\n%s\r\n0;e=f\r\n\r\n' % (len(TEXT), TEXT),
    "trailers": chunk(TEXT) + b"0\r\nX-Checksum: abc\r\nX-Other: d\r\n\r\n",
    "empty": LAST_CHUNK,
}


@pytest.fixture(scope="module")
def backend(shared):
    return shared.backend()


@pytest.fixture(scope="module")
def gateway(shared, backend):
    return shared.gateway(backend)


@pytest.fixture
def client(world, gateway):
    return world.connect(gateway)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("piece", [1, 3, 64, 1 << 20])
def test_passes_a_stream_byte_for_byte(client, backend, body, piece):
    def answer(exchange):
        head = [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")]
        exchange.send(response_bytes(200, head, None))
        for at in range(0, len(body), piece):
            exchange.send(body[at : at + piece])

    backend.handler = answer
    response = client.post(STREAM, REQUEST)
    assert response.raw_body == body
    backend.handler = lambda exchange: exchange.reply(body=b"next")
    assert client.request("GET", "/olla/vllm/v1/audio/x").body == b"next"


@pytest.mark.parametrize("with_head", [True, False])
def test_passes_a_body_that_comes_with_or_after_its_head(client, backend, with_head):
    body = BODIES["one event per chunk"]

    def answer(exchange):
        head = response_bytes(200, [("transfer-encoding", "chunked")], None)
        if with_head:
            exchange.send(head + body)
            return
        exchange.send(head)
        backend.wait_until(lambda: seen, "the client's read of the head")
        exchange.send(body)

    seen = []
    backend.handler = answer
    client.send(json_request(STREAM, REQUEST))
    head = client.read_head()
    seen.append(True)
    assert client.read_body(head).raw_body == body


def test_passes_a_large_body_byte_for_byte(client, backend):
    body = bytes(range(256)) * 40_000
    backend.handler = lambda exchange: exchange.reply(200, body)
    assert client.request("GET", "/olla/vllm/v1/audio/large").body == body


def test_does_not_touch_a_compressed_body(client, backend):
    body = b"\x1f\x8b\x08\x00" + bytes(range(256))
    headers = [("content-encoding", "gzip")]
    backend.handler = lambda exchange: exchange.reply(200, body, headers)
    response = client.request("GET", "/olla/vllm/v1/audio/x", [("Accept-Encoding", "gzip")])
    assert response.header("content-encoding") == "gzip" and response.body == body


def test_passes_each_event_before_the_next_one_is_sent(client, backend):
    turns = [threading.Event() for _ in range(5)]

    def answer(exchange):
        exchange.begin_stream()
        for number, turn in enumerate(turns):
            exchange.event(str(number))
            assert turn.wait(scaled(10)), "the client never got the event"
        exchange.end_stream()

    backend.handler = answer
    client.send(json_request(STREAM, REQUEST))
    assert client.read_head().status == 200
    for number, turn in enumerate(turns):
        wanted = chunk(b"data: %d\n\n" % number)
        assert client.reader.exactly(len(wanted)) == wanted
        turn.set()
    assert client.reader.exactly(len(LAST_CHUNK)) == LAST_CHUNK


def test_passes_a_head_before_the_first_event(client, backend):
    got_head = threading.Event()

    def answer(exchange):
        exchange.begin_stream()
        assert got_head.wait(scaled(10)), "the client never got the head"
        exchange.event("x")
        exchange.end_stream()

    backend.handler = answer
    client.send(json_request(STREAM, REQUEST))
    head = client.read_head()
    got_head.set()
    assert client.read_body(head).body == b"data: x\n\n"


# The aim is 1 ms on a quiet machine. The limit here is wide, since the test's own threads and
# their neighbours take turns on few cores; a buffer or a timer in the way costs more than that.
def test_holds_no_event_back(client, backend):
    sent = []
    turn = threading.Semaphore(0)
    count = 200

    def answer(exchange):
        exchange.begin_stream()
        for _ in range(count):
            sent.append(time.monotonic())
            exchange.event("x" * 200)
            assert turn.acquire(timeout=scaled(10))
        exchange.end_stream()

    backend.handler = answer
    client.send(json_request(STREAM, REQUEST))
    client.read_head()
    delays = []
    for number in range(count):
        client.reader.exactly(len(chunk(b"data: " + b"x" * 200 + b"\n\n")))
        delays.append(time.monotonic() - sent[number])
        turn.release()
    assert statistics.median(delays) < scaled(0.005)


# --- trailers ---


def stream_with_trailers(exchange):
    exchange.begin_stream(headers=[("trailer", "X-Checksum")])
    exchange.event("x")
    exchange.send(b"0\r\nX-Checksum: abc\r\n\r\n")


def test_keeps_the_backends_trailers(client, backend):
    backend.handler = stream_with_trailers
    response = client.post(STREAM, REQUEST)
    assert response.trailers == [("X-Checksum", "abc")]


def test_adds_the_total_time_as_a_trailer_when_the_client_takes_trailers(client, backend):
    backend.handler = stream_with_trailers
    headers = [("TE", "trailers"), ("Connection", "TE")]
    response = client.post(STREAM, REQUEST, headers)
    names = [name.lower() for name, _ in response.trailers]
    assert sorted(names) == ["x-checksum", "x-olla-response-time"]
    assert re.fullmatch(r"\d+ms", dict((n.lower(), v) for n, v in response.trailers)[names[-1]])
    # The connection is still in step.
    backend.handler = lambda exchange: exchange.reply(body=b"next")
    assert client.request("GET", "/olla/vllm/v1/audio/x").body == b"next"


@pytest.mark.parametrize("piece", [1, 2, 5, 1 << 20])
def test_adds_the_trailer_however_the_last_chunk_comes(client, backend, piece):
    def answer(exchange):
        exchange.begin_stream()
        body = chunk(b"data: x\n\n") + b"000;ext\r\n\r\n"
        for at in range(0, len(body), piece):
            exchange.send(body[at : at + piece])

    backend.handler = answer
    response = client.post(
        STREAM, REQUEST, [("TE", "deflate;q=0.5, trailers"), ("Connection", "TE")]
    )
    assert response.body == b"data: x\n\n"
    assert [name.lower() for name, _ in response.trailers] == ["x-olla-response-time"]


def test_adds_no_trailer_to_a_sized_response(client, backend):
    backend.handler = lambda exchange: exchange.reply(body=b"sized")
    sent = [("TE", "trailers"), ("Connection", "TE")]
    response = client.request("GET", "/olla/vllm/v1/audio/x", sent)
    assert response.body == b"sized" and response.header("x-olla-response-time")


def test_does_not_let_a_backend_spoof_the_trailer(client, backend):
    def answer(exchange):
        exchange.begin_stream()
        exchange.send(b"0\r\nX-Olla-Response-Time: 12345678ms\r\n\r\n")

    backend.handler = answer
    response = client.post(STREAM, REQUEST, [("TE", "trailers"), ("Connection", "TE")])
    assert ("X-Olla-Response-Time", "12345678ms") not in response.trailers
    assert len(response.trailers) == 1


# --- back-pressure ---

FLOOD_BYTES = 64 << 20
STREAMS = 8


def test_a_client_that_does_not_read_holds_the_backend_back(world):
    piece = b"0123456789abcdef" * 4096
    counts = {}
    resume = threading.Event()

    def flood(exchange):
        number = exchange.number
        exchange.send(response_bytes(200, [("content-length", str(FLOOD_BYTES))], None))
        counts[number] = exchange.write_until_blocked(piece, FLOOD_BYTES, quiet=0.5)
        assert resume.wait(scaled(30))
        exchange.send(exchange.unsent)
        sent = counts[number] + len(exchange.unsent)
        while sent < FLOOD_BYTES:
            exchange.send(piece)
            sent += len(piece)

    backend = world.backend(flood)
    gateway = world.gateway(backend)
    before_kb = gateway.resident_kb()
    clients = [world.connect(gateway, receive_buffer=4096, timeout=30) for _ in range(STREAMS)]
    for client in clients:
        client.send(request_bytes("GET", "/olla/vllm/v1/audio/flood"))
    backend.wait_until(lambda: len(counts) == STREAMS, "the floods to stall", 40)
    # The kernel's buffers of both connections; without back-pressure it would be all of it.
    assert max(counts.values()) < FLOOD_BYTES // 3, counts
    if not environment.sanitized():
        grown_kb = gateway.resident_kb() - before_kb
        assert grown_kb < STREAMS * 128 + 2048, f"{grown_kb} KB for {STREAMS} streams"
    # One of them reads again, and misses nothing.
    resume.set()
    clients[0].read_head()
    for _ in range(FLOOD_BYTES // len(piece)):
        assert clients[0].reader.exactly(len(piece)) == piece
    for client in clients[1:]:
        client.reset()

"""Every wait has an end, and each end has its own answer."""

import json
import threading
import time

import pytest

from harness.environment import scaled
from harness.errors import MEMBERS, assert_error
from harness.message import LAST_CHUNK, chunk, json_request, request_bytes, response_bytes

CHAT = "/olla/vllm/v1/chat/completions"
REQUEST = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "stream": True}
ONE_SECOND = 1.0


def assert_took(started: float, at_least: float, at_most: float = 10) -> None:
    took = time.monotonic() - started
    assert at_least * 0.9 <= took < scaled(at_most), f"took {took:.2f} s"


# --- towards the backend ---


def test_goes_elsewhere_when_a_connection_is_not_accepted(world):
    hole, good = world.backend(name="hole"), world.backend(name="good")
    gateway = world.gateway(hole, good, config={"proxy": {"connection_timeout": "300ms"}})
    fillers = hole.swallow_connects()
    client = world.connect(gateway)
    for _ in range(4):
        response = client.post(CHAT, REQUEST)
        assert response.status == 200 and response.header("x-olla-endpoint") == "good"
    for filler in fillers:
        filler.close()


def test_gives_up_when_no_connection_is_accepted(world):
    hole = world.backend()
    gateway = world.gateway(hole, config={"proxy": {"connection_timeout": "300ms"}})
    fillers = hole.swallow_connects()
    assert_error(world.connect(gateway).post(CHAT, REQUEST), 503, 504)
    for filler in fillers:
        filler.close()


def silent_after(*sends):
    """A handler that sends these bytes and then nothing, and the event of its release."""
    closed = threading.Event()

    def handler(exchange):
        for data in sends:
            exchange.send(data)
        exchange.wait_for_close(20)
        closed.set()

    return handler, closed


def test_answers_504_to_a_backend_that_sends_no_head(world):
    handler, closed = silent_after()
    silent, other = world.backend(handler, "silent"), world.backend(handler, "other")
    gateway = world.gateway(silent, other, config={"proxy": {"response_header_timeout": "1s"}})
    started = time.monotonic()
    response = world.connect(gateway).post(CHAT, REQUEST)
    assert_error(response, 504)
    assert_took(started, ONE_SECOND)
    assert closed.wait(scaled(5)), "the backend's connection stayed open"
    # It may be generating: asking another one would run the request twice.
    assert len(silent.requests) + len(other.requests) == 1


def test_counts_a_head_that_comes_too_slowly_as_none(world):
    handler, closed = silent_after(b"HTTP/1.1 200 OK\r\nx-a: b\r\n")
    gateway = world.gateway(
        world.backend(handler), config={"proxy": {"response_header_timeout": "1s"}}
    )
    assert_error(world.connect(gateway).post(CHAT, REQUEST), 504)
    assert closed.wait(scaled(5))


def test_ends_a_silent_event_stream_with_an_error_event_and_a_cut(world):
    head = response_bytes(
        200, [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")], None
    )
    event = b"9\r\ndata: 1\n\n\r\n"
    handler, closed = silent_after(head, event)
    gateway = world.gateway(world.backend(handler), config={"proxy": {"read_timeout": "1s"}})
    client = world.connect(gateway)
    client.send(json_request(CHAT, REQUEST))
    assert client.read_head().status == 200
    assert client.reader.exactly(len(event)) == event
    started = time.monotonic()
    rest = client.read_rest()
    assert_took(started, ONE_SECOND)
    assert closed.wait(scaled(5))
    assert not rest.endswith(LAST_CHUNK), "a truncated stream looks complete"
    size, _, content = rest.partition(b"\r\n")
    text = content[: int(size, 16)]
    assert text.startswith(b"data: ") and text.endswith(b"\n\n"), rest
    error = json.loads(text[len(b"data: ") :])["error"]
    assert set(error) == MEMBERS and error["message"]
    assert b"[DONE]" not in rest


def test_does_not_put_an_error_event_inside_an_event(world):
    head = response_bytes(
        200, [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")], None
    )
    handler, _ = silent_after(head, b"8\r\ndata: 1\n\r\n")  # The event's empty line is missing.
    gateway = world.gateway(world.backend(handler), config={"proxy": {"read_timeout": "500ms"}})
    client = world.connect(gateway)
    client.send(json_request(CHAT, REQUEST))
    client.read_head()
    rest = client.read_rest()
    assert not rest.endswith(LAST_CHUNK)
    text, position = b"", 0
    while position < len(rest):
        end = rest.index(b"\r\n", position)
        size = int(rest[position:end], 16)
        text += rest[end + 2 : end + 2 + size]
        position = end + 2 + size + 2
    events = [event for event in text.split(b"\n\n") if event]
    errors = [event for event in events if b'"error"' in event]
    assert all(event.startswith(b"data: {") for event in errors), text


def test_does_not_put_an_error_event_inside_a_chunk(world):
    head = response_bytes(
        200, [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")], None
    )
    handler, _ = silent_after(head, b"20\r\ndata: half")
    gateway = world.gateway(world.backend(handler), config={"proxy": {"read_timeout": "500ms"}})
    client = world.connect(gateway)
    client.send(json_request(CHAT, REQUEST))
    client.read_head()
    rest = client.read_rest()
    assert rest.startswith(b"20\r\ndata: half") and not rest.endswith(LAST_CHUNK)
    # A client that reads chunks must find the end inside this one, not an event in its content.
    assert len(rest) < len(b"20\r\n") + 0x20, rest


@pytest.mark.parametrize(
    "framing, part",
    [(("transfer-encoding", "chunked"), b"4\r\npart\r\n"), (("content-length", "10"), b"part")],
    ids=["chunked", "sized"],
)
def test_cuts_another_body_that_falls_silent(world, framing, part):
    head = response_bytes(200, [("content-type", "application/json"), framing], None)
    handler, closed = silent_after(head, part)
    gateway = world.gateway(world.backend(handler), config={"proxy": {"read_timeout": "1s"}})
    client = world.connect(gateway)
    client.send(json_request(CHAT, REQUEST))
    assert client.read_head().status == 200
    started = time.monotonic()
    assert client.read_rest() == part
    assert_took(started, ONE_SECOND)
    assert closed.wait(scaled(5))


def test_does_not_cut_a_stream_that_is_slow_but_alive(world):
    pace = threading.Event()  # Never set: its wait is the pause.

    def answer(exchange):
        exchange.begin_stream()
        for number in range(6):
            pace.wait(0.4)
            exchange.event(str(number))
        exchange.end_stream()

    gateway = world.gateway(world.backend(answer), config={"proxy": {"read_timeout": "2s"}})
    response = world.connect(gateway).post(CHAT, REQUEST)
    assert response.body == b"".join(b"data: %d\n\n" % number for number in range(6))


# --- towards the client ---


def test_closes_an_idle_connection_without_a_word(world):
    gateway = world.gateway(world.backend(), config={"server": {"idle_timeout": "1s"}})
    client = world.connect(gateway)
    assert client.request("GET", "/olla/vllm/v1/audio/x").status == 200
    started = time.monotonic()
    client.assert_closed()
    assert_took(started, ONE_SECOND)


def test_does_not_count_a_running_request_as_idle(world):
    pace = threading.Event()

    def slow(exchange):
        pace.wait(2.5)
        exchange.reply(body=b"late")

    gateway = world.gateway(
        world.backend(slow),
        config={
            "server": {"idle_timeout": "1s", "read_header_timeout": "1s", "read_timeout": "1s"}
        },
    )
    assert world.connect(gateway).request("GET", "/olla/vllm/v1/audio/x").body == b"late"


@pytest.mark.parametrize("drip", [False, True], ids=["silent", "dripping"])
def test_answers_408_to_a_head_that_comes_too_slowly(world, drip):
    gateway = world.gateway(config={"server": {"read_header_timeout": "1s"}})
    client = world.connect(gateway)
    started = time.monotonic()
    client.send(b"GET /internal/health HTTP/1.1\r\nHost: h\r\nX-Slow: ")
    if drip:
        pace = threading.Event()
        for _ in range(4):  # Each byte comes in time; all of them together do not.
            pace.wait(0.2)
            client.send(b"a")
    assert_error(client.read_response(), 408)
    assert_took(started, ONE_SECOND)
    client.assert_closed()


def test_answers_408_to_a_body_that_stops_coming(world):
    backend = world.backend()
    gateway = world.gateway(backend, config={"server": {"read_timeout": "1s"}})
    client = world.connect(gateway)
    sent = [("Content-Length", "10")]
    client.send(request_bytes("POST", "/olla/vllm/v1/audio/x", sent) + b"half")
    assert_error(client.read_response(), 408)
    client.assert_closed()
    assert backend.requests == []


def test_drops_a_client_that_does_not_read(world):
    closed = threading.Event()

    def flood(exchange):
        exchange.begin_stream("application/octet-stream")
        try:
            exchange.write_until_blocked(chunk(b"x" * 65536), 1 << 26, quiet=0.3)
            exchange.wait_for_close(20)
        except ConnectionError:
            pass  # Ended while it was still being written.
        closed.set()

    gateway = world.gateway(world.backend(flood), config={"proxy": {"read_timeout": "1s"}})
    client = world.connect(gateway, receive_buffer=4096)
    client.send(request_bytes("GET", "/olla/vllm/v1/audio/flood"))
    assert closed.wait(scaled(15)), "the stalled stream was never ended"

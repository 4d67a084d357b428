"""A client that leaves: the backend must hear of it, so that it stops generating."""

import re
import threading

import pytest

from harness.environment import scaled
from harness.message import chunk, json_request, request_bytes

CHAT = "/olla/vllm/v1/chat/completions"
REQUEST = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "stream": True}

# The gateway's own bound is 50 ms; the rest is for a machine whose cores do other work too.
BOUND_SECONDS = 0.05 * 4


class Watch:
    """A handler that answers as far as told, then waits until the gateway closes."""

    def __init__(self, events: int | None):
        self._events = events  # None: not even a head.
        self.closed_at: list[float] = []
        self.done = threading.Event()

    def __call__(self, exchange):
        if self._events is not None:
            exchange.begin_stream()
            for number in range(self._events):
                exchange.event(str(number))
        self.closed_at.append(exchange.wait_for_close())
        self.done.set()

    def delay_after(self, moment: float) -> float:
        assert self.done.wait(scaled(10)), "the backend never saw the close"
        return self.closed_at[0] - moment


@pytest.mark.parametrize("leave", ["close", "reset"])
@pytest.mark.parametrize(
    "events", [None, 0, 3], ids=["before the head", "at the head", "mid-stream"]
)
def test_closes_the_backends_connection_at_once(world, leave, events):
    watch = Watch(events)
    backend = world.backend(watch)
    gateway = world.gateway(backend)
    client = world.connect(gateway)
    client.send(json_request(CHAT, REQUEST))
    backend.wait_for_requests(1)
    if events is not None:
        client.read_head()
        for number in range(events):
            client.reader.through(b"data: %d\n\n\r\n" % number)
    left_at = getattr(client, leave)()
    assert watch.delay_after(left_at) < scaled(BOUND_SECONDS)
    # The gateway is none the worse for it.
    backend.handler = lambda exchange: exchange.reply(body=b"fine")
    assert world.connect(gateway).request("GET", "/olla/vllm/v1/audio/x").body == b"fine"


def test_counts_a_half_close_as_leaving(world):
    # So does the server behind: it aborts a request whose client has shut its side down.
    watch = Watch(2)
    backend = world.backend(watch)
    client = world.connect(world.gateway(backend))
    client.send(json_request(CHAT, REQUEST))
    client.reader.through(b"data: 1\n\n\r\n")
    client.finish_writing()
    assert watch.done.wait(scaled(10)), "the backend never saw the close"


def test_notices_that_a_client_left_behind_a_pipelined_request(world):
    watch = Watch(1)
    backend = world.backend(watch)
    client = world.connect(world.gateway(backend))
    client.send(json_request(CHAT, REQUEST) + request_bytes("GET", "/olla/vllm/v1/audio/second"))
    client.reader.through(b"data: 0\n\n\r\n")
    left_at = client.close()
    assert watch.delay_after(left_at) < scaled(BOUND_SECONDS)
    assert [request.target for request in backend.requests] == ["/v1/chat/completions"]


def test_notices_that_a_client_left_that_did_not_read(world):
    stalled = threading.Event()
    watch = Watch(0)

    def flood(exchange):
        exchange.begin_stream()
        exchange.write_until_blocked(chunk(b"x" * 65536), 1 << 26, quiet=0.3)
        stalled.set()
        watch.closed_at.append(exchange.wait_for_close())
        watch.done.set()

    client = world.connect(world.gateway(world.backend(flood)), receive_buffer=4096)
    client.send(json_request(CHAT, REQUEST))
    assert stalled.wait(scaled(20))
    left_at = client.close()
    assert watch.delay_after(left_at) < scaled(BOUND_SECONDS)


def test_asks_no_backend_when_the_client_leaves_inside_its_request(world):
    backend = world.backend()
    gateway = world.gateway(backend)
    client = world.connect(gateway)
    sent = [("Content-Length", "10")]
    client.send(request_bytes("POST", "/olla/vllm/v1/audio/x", sent) + b"half")
    client.close()
    # A later request has passed through the same threads by the time it is answered.
    assert world.connect(gateway).request("GET", "/olla/vllm/v1/audio/after").status == 200
    assert [request.target for request in backend.requests] == ["/v1/audio/after"]
    assert not backend.incomplete


def test_frees_the_place_of_a_client_that_left(world):
    """Fewest in flight goes by what really runs, so a client that left must not be counted."""
    watch = Watch(1)
    first, second = world.backend(watch, "first"), world.backend(watch, "second")
    gateway = world.gateway(first, second)
    for _ in range(4):
        watch.done.clear()
        client = world.connect(gateway)
        client.send(json_request(CHAT, REQUEST))
        client.reader.through(b"data: 0\n\n\r\n")
        client.close()
        assert watch.done.wait(scaled(10))
    # Nothing runs: eight in a row share the two evenly. Were one still counted, they never would;
    # the first eight may come before the gateway is through with the last leaving client.
    first.handler = second.handler = lambda exchange: exchange.reply()
    client = world.connect(gateway)
    shares = (0, 0)
    for _ in range(20):
        asked = len(first.requests), len(second.requests)
        for _ in range(8):
            client.request("GET", "/olla/vllm/v1/audio/x")
        shares = len(first.requests) - asked[0], len(second.requests) - asked[1]
        if shares == (4, 4):
            break
    assert shares == (4, 4)


def running(client) -> int:
    """What a simulated server says of itself."""
    text = client.request("GET", "/metrics").body.decode()
    counts = re.findall(r"^vllm:num_requests_running\{[^}]*\} ([0-9.]+)$", text, re.MULTILINE)
    assert counts, text[:2000]
    return int(sum(float(count) for count in counts))


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_simulated_server_stops_generating(world, leave, stream):
    sim = world.sim("--ttft", "5ms", "--itl", "50ms")
    gateway = world.gateway_before(sim)
    direct = world.connect(sim)
    assert running(direct) == 0
    client = world.connect(gateway)
    client.send(json_request(CHAT, {**REQUEST, "stream": stream, "max_tokens": 1000}))
    waiting = threading.Event()
    for _ in range(200):
        if running(direct) == 1:
            break
        waiting.wait(0.01)
    assert running(direct) == 1
    if stream:
        client.reader.through(b"data: ")
    getattr(client, leave)()
    for _ in range(int(scaled(100))):
        if running(direct) == 0:
            return
        waiting.wait(0.01)
    raise AssertionError("the simulated server still runs the request of a client that left")

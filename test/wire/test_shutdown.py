"""The end of the gateway: orderly, or at once when told twice."""

import signal
import threading
import time

import pytest

from harness.client import Client
from harness.environment import scaled
from harness.message import LAST_CHUNK, Truncated, json_request, request_bytes

CHAT = "/olla/vllm/v1/chat/completions"
REQUEST = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "stream": True}


class Stream:
    """A handler that sends one event, and the rest when told to go on."""

    def __init__(self):
        self.go_on = threading.Event()

    def __call__(self, exchange):
        exchange.begin_stream()
        exchange.event("first")
        if self.go_on.wait(scaled(20)):
            exchange.event("last")
            exchange.end_stream()


@pytest.fixture
def stream():
    made = Stream()
    yield made
    made.go_on.set()


def start(world, stream, shutdown_timeout):
    """A gateway with one stream under way, and that stream's client."""
    backend = world.backend(stream)
    gateway = world.gateway(backend, config={"server": {"shutdown_timeout": shutdown_timeout}})
    client = world.connect(gateway, timeout=30)
    client.send(json_request(CHAT, REQUEST))
    assert client.read_head().status == 200
    client.reader.through(b"data: first\n\n\r\n")
    return gateway, client


def wait_until_refused(port: int) -> None:
    deadline = time.monotonic() + scaled(5)
    while True:
        try:
            Client(port).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            pass  # It was in the queue of the listener that closes.
        assert time.monotonic() < deadline, "new connections are still accepted"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_finishes_what_runs_and_accepts_no_more(world, stream, number):
    gateway, client = start(world, stream, "30s")
    gateway.signal(number)
    wait_until_refused(gateway.port)
    assert gateway.running()
    stream.go_on.set()
    assert client.read_rest().endswith(b"data: last\n\n\r\n" + LAST_CHUNK)
    assert gateway.wait() == 0


def test_finishes_a_request_that_has_no_answer_yet(world):
    release = threading.Event()

    def hold(exchange):
        assert release.wait(scaled(20))
        exchange.reply(body=b"late")

    backend = world.backend(hold)
    gateway = world.gateway(backend, config={"server": {"shutdown_timeout": "30s"}})
    client = world.connect(gateway)
    client.send(json_request(CHAT, REQUEST))
    backend.wait_for_requests(1)
    gateway.signal()
    wait_until_refused(gateway.port)
    release.set()
    response = client.read_response()
    assert response.body == b"late"
    client.assert_closed()
    assert gateway.wait() == 0


def test_cuts_what_still_runs_after_the_shutdown_timeout(world, stream):
    gateway, client = start(world, stream, "1s")
    started = time.monotonic()
    gateway.signal()
    rest = client.read_rest()
    assert not rest.endswith(LAST_CHUNK), "a truncated stream looks complete"
    assert gateway.wait() == 0
    assert 0.9 <= time.monotonic() - started < scaled(6)


def test_cuts_at_once_on_a_second_signal(world, stream):
    gateway, client = start(world, stream, "10m")
    gateway.signal()
    wait_until_refused(gateway.port)
    assert gateway.running()
    gateway.signal()
    assert not client.read_rest().endswith(LAST_CHUNK)
    assert gateway.wait() == 0


def test_does_not_wait_for_idle_connections(world):
    gateway = world.gateway(world.backend(), config={"server": {"shutdown_timeout": "10m"}})
    idle, fresh = world.connect(gateway), world.connect(gateway)
    assert idle.request("GET", "/olla/vllm/v1/audio/x").status == 200
    gateway.signal()
    idle.assert_closed()
    fresh.assert_closed()
    assert gateway.wait() == 0


def test_does_not_answer_another_request_on_a_connection_it_finishes(world, stream):
    gateway, client = start(world, stream, "30s")
    gateway.signal()
    wait_until_refused(gateway.port)
    stream.go_on.set()
    client.reader.through(LAST_CHUNK)
    try:
        client.send(request_bytes("GET", "/internal/health"))
        assert client.read_rest() == b""
    except (ConnectionError, Truncated):
        pass
    assert gateway.wait() == 0


def test_stops_without_any_endpoint_or_client(world):
    gateway = world.gateway()
    gateway.signal()
    assert gateway.wait() == 0


def test_a_simulated_server_stops_too(world):
    sim = world.sim()
    sim.signal()
    assert sim.wait() == 0

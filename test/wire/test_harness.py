"""The harness against itself: a client and a scripted backend, without a gateway between them."""

import threading

import pytest

from harness.backend import Backend
from harness.client import Client
from harness.message import Truncated, chunk


@pytest.fixture
def backend():
    made = Backend()
    yield made
    made.close()
    made.check()


def test_records_a_request_byte_for_byte(backend):
    client = Client(backend.port)
    client.send(b"POST /x?y=%2F HTTP/1.1\r\nHost: h\r\ncontent-LENGTH: 3\r\n\r\nabc")
    assert client.read_response().body == b"abc"
    (request,) = backend.requests
    assert request.target == "/x?y=%2F" and request.body == b"abc"
    assert request.raw_head.endswith(b"content-LENGTH: 3\r\n\r\n")


def test_reads_a_chunked_request_with_its_trailers(backend):
    client = Client(backend.port)
    client.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(b"3;a=b\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n")
    assert client.read_response().body == b"abc"
    (request,) = backend.requests
    assert request.raw_body == b"3;a=b\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"
    assert request.trailers == [("X-Sum", "1")]


def test_tells_a_cut_stream_from_a_whole_one(backend):
    def half(exchange):
        exchange.begin_stream()
        exchange.send(chunk(b"first"))
        exchange.close()

    backend.handler = half
    client = Client(backend.port)
    with pytest.raises(Truncated) as cut:
        client.request("GET", "/")
    assert cut.value.raw == chunk(b"first")


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_sees_a_client_leave(backend, leave):
    left = []

    def wait(exchange):
        exchange.begin_stream()
        left.append(exchange.wait_for_close())

    backend.handler = wait
    client = Client(backend.port)
    client.send(b"GET / HTTP/1.1\r\n\r\n")
    client.read_head()
    at = getattr(client, leave)()
    backend.wait_until(lambda: left, "the close")
    assert 0 <= left[0] - at < 1


def test_refuses_and_comes_back_on_the_same_port(backend):
    backend.refuse()
    with pytest.raises(ConnectionRefusedError):
        Client(backend.port)
    backend.listen_again()
    assert Client(backend.port).request("GET", "/").status == 200


def test_swallows_connections(backend):
    fillers = backend.swallow_connects()
    with pytest.raises(TimeoutError):
        Client(backend.port, timeout=0.3)
    for filler in fillers:
        filler.close()


def test_a_handler_that_fails_fails_the_test():
    backend = Backend(lambda exchange: exchange.request.missing)
    Client(backend.port).send(b"GET / HTTP/1.1\r\n\r\n")
    backend.wait_until(lambda: backend.errors, "the error")
    with pytest.raises(AssertionError):
        backend.check()
    backend.close()


def test_counts_what_a_peer_does_not_read(backend):
    done = threading.Event()
    counts = []

    def flood(exchange):
        counts.append(exchange.write_until_blocked(b"x" * 65536, 1 << 26, quiet=0.3))
        done.set()
        exchange.close()

    backend.handler = flood
    client = Client(backend.port, receive_buffer=4096)
    client.send(b"GET / HTTP/1.1\r\n\r\n")
    assert done.wait(10)
    assert 0 < counts[0] < 1 << 24

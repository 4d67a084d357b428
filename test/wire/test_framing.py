"""HTTP/1.1 framing towards the client: connections, bodies, interim responses."""

import threading

import pytest

from harness.environment import scaled
from harness.errors import assert_error
from harness.message import (
    LAST_CHUNK,
    Truncated,
    chunk,
    request_bytes,
    response_bytes,
)

ECHO = "/olla/vllm/v1/audio/echo"


@pytest.fixture(scope="module")
def backend(shared):
    return shared.backend()


@pytest.fixture(scope="module")
def gateway(shared, backend):
    # These tests break one answer after the other: the breaker would open.
    return shared.gateway(backend, config={"breaker": {"enabled": False}})


@pytest.fixture
def client(world, gateway, backend):
    backend.handler = lambda exchange: exchange.reply(200, exchange.request.body or b"ok")
    return world.connect(gateway)


# --- connections ---


def test_keeps_a_connection_for_many_requests(client):
    for number in range(5):
        assert client.request("POST", ECHO, body=b"%d" % number).body == b"%d" % number
    client.assert_open()


def test_closes_when_the_client_asks_for_it(client):
    response = client.request("GET", ECHO, [("Connection", "close")])
    assert response.header("connection").lower() == "close"
    client.assert_closed()


def test_answers_pipelined_requests_in_order(client):
    count = 200
    bodies = [b"%d:" % n + b"x" * (n * 37 % 3000) for n in range(count)]
    client.send(b"".join(request_bytes("POST", ECHO, body=body) for body in bodies))
    assert [client.read_response("POST").body for _ in range(count)] == bodies


def test_answers_pipelined_requests_of_every_kind(client):
    chunked = [("Transfer-Encoding", "chunked")]
    client.send(
        request_bytes("GET", ECHO)
        + request_bytes("POST", ECHO, chunked)
        + chunk(b"chunked")
        + LAST_CHUNK
        + request_bytes("GET", "/internal/health")
        + request_bytes("HEAD", ECHO)
        + request_bytes("POST", ECHO, body=b"")
        + request_bytes("GET", "/nowhere")
        + request_bytes("POST", ECHO, [("Connection", "close")], body=b"last")
        + request_bytes("GET", ECHO)
    )
    assert client.read_response().body == b"ok"
    assert client.read_response().body == b"chunked"
    assert client.read_response().json() == {"status": "healthy"}
    assert client.read_response("HEAD").status == 200
    assert client.read_response().body == b"ok"
    assert client.read_response().status == 404
    assert client.read_response().body == b"last"
    client.assert_closed()  # What was pipelined after "close" is not answered.


def test_ignores_empty_lines_before_a_request(client):
    client.send(b"\r\n\r\n" + request_bytes("GET", ECHO))
    assert client.read_response().status == 200


# The first request and a part of the second leave in one piece. When the first answer is there,
# the gateway has read that part, and the cut is real, without any waiting.
def test_understands_a_request_cut_at_every_byte(client, backend):
    first = request_bytes("GET", "/internal/health")
    wanted = b"hello cut world"
    for headers, body in [
        ([("X-A", "b"), ("Content-Length", str(len(wanted)))], wanted),
        (
            [("Transfer-Encoding", "chunked"), ("X-A", "b")],
            b"5;n=v\r\nhello\r\n00a\r\n cut world\r\n0\r\nX-T: u\r\n\r\n",
        ),
    ]:
        second = request_bytes("POST", ECHO + "?q=1", headers, body)
        for cut in range(1, len(second)):
            client.send(first + second[:cut])
            assert client.read_response().status == 200
            client.send(second[cut:])
            response = client.read_response("POST")
            assert (response.status, response.body) == (200, wanted), f"cut at {cut}"
            assert backend.requests[-1].target == "/v1/audio/echo?q=1"


def test_understands_a_request_that_comes_byte_by_byte(client):
    whole = request_bytes("POST", ECHO, [("X-A", "b")], b"slowly")
    for index in range(len(whole)):
        client.send(whole[index : index + 1])
    assert client.read_response("POST").body == b"slowly"


# --- request bodies ---


@pytest.mark.parametrize(
    "wire",
    [
        b"b\r\nhello world\r\n0\r\n\r\n",
        b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        b"00000b\r\nhello world\r\n000\r\n\r\n",
        b"B\r\nhello world\r\n0\r\n\r\n",
        b'b;name=value;quoted="a;b"\r\nhello world\r\n0;last\r\n\r\n',
        b"b\r\nhello world\r\n0\r\nX-Trailer: 1\r\nContent-Length: 3\r\nHost: evil\r\n\r\n",
    ],
    ids=["one", "two", "leading zeros", "upper case", "extensions", "trailers"],
)
def test_takes_a_chunked_body(client, backend, wire):
    client.send(request_bytes("POST", ECHO, [("Transfer-Encoding", "chunked")]) + wire)
    response = client.read_response("POST")
    assert (response.status, response.body) == (200, b"hello world")
    request = backend.requests[-1]
    assert request.body == b"hello world"
    assert request.header("host") == f"127.0.0.1:{backend.port}"
    assert request.header_values("x-trailer") == []
    assert client.request("GET", ECHO).status == 200


def test_takes_a_coding_name_in_any_case(client):
    client.send(request_bytes("POST", ECHO, [("Transfer-Encoding", "Chunked")]) + LAST_CHUNK)
    assert client.read_response("POST").status == 200


def test_passes_a_large_body_unchanged(client, backend):
    body = bytes(range(256)) * 20_000
    response = client.request("POST", ECHO, body=body)
    assert response.body == body and backend.requests[-1].body == body


# --- Expect ---


@pytest.mark.parametrize("value", ["100-continue", "100-Continue"])
@pytest.mark.parametrize("framing", ["sized", "chunked"])
def test_asks_for_the_body_when_the_client_waits_for_it(client, backend, value, framing):
    sized = framing == "sized"
    field = ("Content-Length", "4") if sized else ("Transfer-Encoding", "chunked")
    client.send(request_bytes("POST", ECHO, [("Expect", value), field]))
    assert client.reader.through(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
    client.send(b"body" if sized else chunk(b"body") + LAST_CHUNK)
    assert client.read_response("POST").body == b"body"
    assert backend.requests[-1].body == b"body"


def test_answers_a_client_that_expects_but_does_not_wait(client):
    client.send(request_bytes("POST", ECHO, [("Expect", "100-continue")], b"body"))
    head = client.read_head()
    if head.status == 100:  # Allowed, and not needed when the body is already there.
        head = client.read_head()
    assert client.read_body(head).body == b"body"


def test_answers_an_expectation_without_a_body(client):
    response = client.request("GET", ECHO, [("Expect", "100-continue")])
    assert response.status == 200


def test_refuses_an_unknown_expectation(client, backend):
    before = len(backend.requests)
    client.send(request_bytes("POST", ECHO, [("Expect", "a-miracle")], b"body"))
    response = client.read_response("POST")
    assert_error(response, 417)
    assert len(backend.requests) == before


# --- responses without a body ---


@pytest.mark.parametrize(
    "headers", [[("content-length", "5")], [("transfer-encoding", "chunked")]], ids=str
)
def test_answers_head_with_headers_alone(client, backend, headers):
    backend.handler = lambda exchange: exchange.send(response_bytes(200, headers, None))
    response = client.request("HEAD", ECHO)
    assert backend.requests[-1].method == "HEAD"
    assert response.status == 200
    if headers[0][0] == "content-length":
        assert response.header("content-length") == "5"
    assert client.request("HEAD", ECHO).status == 200


@pytest.mark.parametrize("target", ["/internal/health", "/version", "/nowhere"])
def test_answers_head_on_its_own_routes_without_a_body(client, target):
    response = client.request("HEAD", target)
    assert int(response.header("content-length")) > 0
    assert client.request("GET", target).header("content-length") == response.header(
        "content-length"
    )


@pytest.mark.parametrize("status", [204, 304])
def test_passes_a_status_that_has_no_body(client, backend, status):
    backend.handler = lambda exchange: exchange.send(
        response_bytes(status, [("etag", '"x"')], None)
    )
    response = client.request("GET", ECHO)
    assert response.status == status and response.header("etag") == '"x"'
    backend.handler = lambda exchange: exchange.reply(body=b"next")
    assert client.request("GET", ECHO).body == b"next"


def test_does_not_wait_for_the_body_that_a_304_announces(client, backend):
    backend.handler = lambda exchange: exchange.send(
        response_bytes(304, [("content-length", "10")], None)
    )
    assert client.request("GET", ECHO).status == 304
    assert client.request("GET", ECHO).status == 304


def test_passes_an_empty_body(client, backend):
    backend.handler = lambda exchange: exchange.reply(200, b"")
    response = client.request("GET", ECHO)
    assert response.body == b"" and response.header("content-length") == "0"


# --- interim responses ---


EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"


def test_forwards_early_hints_before_the_answer(client, backend):
    def answer(exchange):
        exchange.send(EARLY_HINTS + EARLY_HINTS)
        exchange.reply(body=b"final")

    backend.handler = answer
    client.send(request_bytes("GET", ECHO))
    for _ in range(2):
        head = client.read_head()
        assert head.status == 103 and head.header("link") == "</a>; rel=preload"
    assert client.read_response().body == b"final"


def test_swallows_a_continue_from_the_backend(client, backend):
    def answer(exchange):
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        exchange.reply(body=b"final")

    backend.handler = answer
    assert client.request("POST", ECHO, body=b"x").body == b"final"


def test_does_not_send_interim_responses_to_an_old_client(client, backend):
    def answer(exchange):
        exchange.send(EARLY_HINTS)
        exchange.reply(body=b"final")

    backend.handler = answer
    client.send(request_bytes("GET", ECHO, version="HTTP/1.0"))
    assert client.read_response().body == b"final"


def test_refuses_an_upgrade_that_nobody_asked_for(client, backend):
    def answer(exchange):
        exchange.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")
        exchange.wait_for_close()

    backend.handler = answer
    assert client.request("GET", ECHO).status == 502


# --- HTTP/1.0, and bodies that end with the connection ---


def test_takes_the_chunks_apart_for_an_old_client(client, backend):
    def answer(exchange):
        exchange.begin_stream()
        for text in ("one", "two"):
            exchange.event(text)
        exchange.end_stream()

    backend.handler = answer
    client.send(request_bytes("GET", ECHO, version="HTTP/1.0"))
    head = client.read_head()
    assert head.header("transfer-encoding") is None
    assert client.read_rest() == b"data: one\n\ndata: two\n\n"


def test_does_not_require_host_of_an_old_client(client, backend):
    client.send(request_bytes("GET", ECHO, host=None, version="HTTP/1.0"))
    assert client.read_response().body == b"ok"
    assert backend.requests[-1].header("host") == f"127.0.0.1:{backend.port}"


def test_closes_after_the_answer_to_an_old_client(client):
    client.send(request_bytes("GET", ECHO, version="HTTP/1.0"))
    assert client.read_response().status == 200
    client.assert_closed()


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_passes_a_body_that_ends_with_the_backends_connection(client, backend, version):
    body = b"until the end " * 1000

    def answer(exchange):
        exchange.send(f"{version} 200 OK\r\ncontent-type: text/plain\r\n\r\n".encode())
        exchange.send(body)
        exchange.close()

    backend.handler = answer
    client.send(request_bytes("GET", ECHO))
    response = client.read_response()
    assert response.status == 200 and response.body == body
    if response.header("transfer-encoding") is None:
        assert response.header("connection").lower() == "close"


def test_cuts_when_a_body_that_ends_with_the_connection_ends_with_a_reset(client, backend):
    def answer(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\npart")
        backend.wait_until(lambda: seen, "the client's read")
        exchange.reset()

    seen = []
    backend.handler = answer
    client.send(request_bytes("GET", ECHO))
    head = client.read_head()
    seen.append(True)
    if head.header("transfer-encoding"):  # Only then is there anything by which to tell.
        with pytest.raises(Truncated):
            client.read_body(head)
    else:
        client.read_rest()


# --- bad responses ---

OK = b"HTTP/1.1 200 OK\r\n"

BAD_HEADS = {
    "no HTTP": b"hello there\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "status out of range": b"HTTP/1.1 99 Low\r\n\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    "two lengths": OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "length and chunked": OK + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": OK + b"content-length: -1\r\n\r\n",
    "length no number": OK + b"content-length: five\r\n\r\nfive!",
    "length overflow": OK + b"content-length: 99999999999999999999\r\n\r\n",
    "no colon": OK + b"nonsense\r\ncontent-length: 0\r\n\r\n",
    "space before colon": OK + b"x-a : 1\r\ncontent-length: 0\r\n\r\n",
    "NUL in a value": OK + b"x-a: \0\r\ncontent-length: 0\r\n\r\n",
    "bare CR in a value": OK + b"x-a: a\rb\r\ncontent-length: 0\r\n\r\n",
    "folded": OK + b"x-a: a\r\n b\r\ncontent-length: 0\r\n\r\n",
    "unknown coding": OK + b"transfer-encoding: gzip\r\n\r\nxx",
    "endless head": OK + b"x-a: " + b"a" * 2_000_000,
}


@pytest.mark.parametrize("wire", BAD_HEADS.values(), ids=BAD_HEADS)
def test_answers_502_to_a_bad_response_head(client, backend, wire):
    def answer(exchange):
        exchange.send(wire)
        exchange.wait_for_close()

    backend.handler = answer
    response = client.request("GET", ECHO)
    assert_error(response, 502)
    assert response.header("x-olla-request-id")
    backend.handler = lambda exchange: exchange.reply(body=b"again")
    assert client.request("GET", ECHO).body == b"again"


BAD_CHUNKS = {
    "no number": b"xyz\r\nabc\r\n0\r\n\r\n",
    "negative": b"-3\r\nabc\r\n0\r\n\r\n",
    "overflow": b"fffffffffffffffff\r\nabc",
    "no end": b"3\r\nabcd\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("wire", BAD_CHUNKS.values(), ids=BAD_CHUNKS)
def test_cuts_when_the_backends_chunks_go_bad(client, backend, wire):
    def answer(exchange):
        exchange.begin_stream("text/plain")
        exchange.send(chunk(b"good"))
        backend.wait_until(lambda: seen, "the client's read")
        exchange.send(wire)
        exchange.wait_for_close()

    seen = []
    backend.handler = answer
    client.send(request_bytes("GET", ECHO))
    assert client.read_head().status == 200
    assert client.reader.exactly(len(chunk(b"good"))) == chunk(b"good")
    seen.append(True)
    assert not client.read_rest().endswith(LAST_CHUNK)


def test_cuts_when_a_sized_body_stays_short(client, backend):
    def answer(exchange):
        exchange.send(response_bytes(200, [("content-length", "10")], None) + b"short")
        exchange.close()

    backend.handler = answer
    with pytest.raises(Truncated) as cut:
        client.request("GET", ECHO)
    assert cut.value.raw == b"short"


def test_does_not_take_bytes_after_a_response_for_the_next_one(client, backend):
    # What a backend sends unasked must not become the answer to somebody else's request.
    unasked = response_bytes(200, body=b"smuggled")
    backend.handler = lambda exchange: exchange.send(response_bytes(200, body=b"mine") + unasked)
    assert client.request("GET", ECHO).body == b"mine"
    backend.handler = lambda exchange: exchange.reply(body=b"yours")
    assert client.request("GET", ECHO).body == b"yours"


def test_does_not_take_bytes_that_come_later_for_the_next_one(client, backend):
    go, sent = threading.Event(), threading.Event()

    def answer(exchange):
        exchange.send(response_bytes(200, body=b"mine"))
        assert go.wait(scaled(10))
        exchange.send(response_bytes(200, body=b"smuggled"))
        sent.set()

    backend.handler = answer
    assert client.request("GET", ECHO).body == b"mine"
    backend.handler = lambda exchange: exchange.reply(body=b"yours")
    go.set()
    assert sent.wait(scaled(10))
    assert client.request("GET", ECHO).body == b"yours"

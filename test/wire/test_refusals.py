"""Requests that are refused before any backend is asked."""

import pytest

from harness.errors import assert_error
from harness.message import LAST_CHUNK, chunk, request_bytes

TARGET = "/olla/vllm/v1/audio/echo"
POST = b"POST /olla/vllm/v1/audio/echo HTTP/1.1\r\nHost: h\r\n"
GET = b"GET /olla/vllm/v1/audio/echo HTTP/1.1\r\nHost: h\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

MALFORMED = {
    "two lengths, different": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "two lengths, equal": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "two lengths in a list": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "length and chunked": POST
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "chunked and length": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "length with a sign": POST + b"Content-Length: +3\r\n\r\nabc",
    "length negative": POST + b"Content-Length: -3\r\n\r\nabc",
    "length hexadecimal": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "length empty": POST + b"Content-Length: \r\n\r\nabc",
    "length with a space inside": POST + b"Content-Length: 1 1\r\n\r\nabcdefghijk",
    "length overflow": POST + b"Content-Length: 18446744073709551619\r\n\r\nabc",
    "chunk size no number": CHUNKED + b"xyz\r\nabc\r\n0\r\n\r\n",
    "chunk size empty": CHUNKED + b"\r\nabc\r\n0\r\n\r\n",
    "chunk size negative": CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n",
    "chunk size with 0x": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "chunk size overflow": CHUNKED + b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "chunk too short": CHUNKED + b"5\r\nabc\r\n0\r\n\r\n" + b"GET / HTTP/1.1\r\n",
    "chunk too long": CHUNKED + b"3\r\nabcde\r\n0\r\n\r\n",
    "chunk size ends with bare LF": CHUNKED + b"3\nabc\r\n0\r\n\r\n",
    "chunk ends with bare LF": CHUNKED + b"3\r\nabc\n0\r\n\r\n",
    "bare CR in a value": GET + b"X-A: a\rb\r\n\r\n",
    "bare CR ends a line": GET + b"X-A: a\rX-B: b\r\n\r\n",
    "bare LF ends a line": GET + b"X-A: a\nX-B: b\r\n\r\n",
    "bare LF ends the request line": b"GET /olla/vllm/v1/audio/echo HTTP/1.1\nHost: h\r\n\r\n",
    "bare LF ends the head": GET + b"X-A: a\r\n\n",
    "folded with a space": GET + b"X-A: a\r\n b\r\n\r\n",
    "folded with a tab": GET + b"X-A: a\r\n\tb\r\n\r\n",
    "folded first line": b"GET /olla/vllm/v1/audio/echo HTTP/1.1\r\n X-A: a\r\nHost: h\r\n\r\n",
    "space before the colon": GET + b"X-A : a\r\n\r\n",
    "length with a space before the colon": POST + b"Content-Length : 3\r\n\r\nabc",
    "tab before the colon": GET + b"X-A\t: a\r\n\r\n",
    "no colon": GET + b"nonsense\r\n\r\n",
    "empty name": GET + b": value\r\n\r\n",
    "NUL in a name": GET + b"X-\0A: a\r\n\r\n",
    "NUL in a value": GET + b"X-A: a\0b\r\n\r\n",
    "control in a value": GET + b"X-A: a\x01b\r\n\r\n",
    "non-ASCII in a name": GET + b"X-\xc3\xa9: a\r\n\r\n",
    "no Host": b"GET /olla/vllm/v1/audio/echo HTTP/1.1\r\nX-A: a\r\n\r\n",
    "two Hosts": GET + b"Host: h\r\n\r\n",
    "bad method": b"GE(T /olla/vllm/v1/audio/echo HTTP/1.1\r\nHost: h\r\n\r\n",
    "empty method": b" /olla/vllm/v1/audio/echo HTTP/1.1\r\nHost: h\r\n\r\n",
    "space in the target": b"GET /olla/vllm/v1/audio/e cho HTTP/1.1\r\nHost: h\r\n\r\n",
    "control in the target": b"GET /olla/vllm/v1/audio/\x7fcho HTTP/1.1\r\nHost: h\r\n\r\n",
    "no version": b"GET /olla/vllm/v1/audio/echo\r\nHost: h\r\n\r\n",
    "version in lower case": b"GET /olla/vllm/v1/audio/echo http/1.1\r\nHost: h\r\n\r\n",
    "version without a minor": b"GET /olla/vllm/v1/audio/echo HTTP/1\r\nHost: h\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
}


@pytest.fixture(scope="module")
def backend(shared):
    return shared.backend()


@pytest.fixture(scope="module")
def gateway(shared, backend):
    limits = {"max_body_size": 1000, "max_header_size": 8192}
    return shared.gateway(backend, config={"server": {"request_limits": limits}})


@pytest.fixture
def client(world, gateway):
    return world.connect(gateway)


@pytest.mark.parametrize("wire", MALFORMED.values(), ids=MALFORMED)
def test_refuses_ambiguous_framing_and_closes(client, backend, wire):
    before = len(backend.requests)
    # A second request behind it must not be answered: nobody knows where it begins.
    client.send(wire + request_bytes("GET", TARGET + "?smuggled"))
    response = client.read_response()
    assert_error(response, 400)
    assert response.header("connection").lower() == "close"
    client.assert_closed()
    assert len(backend.requests) == before and not backend.incomplete


@pytest.mark.parametrize("target", ["olla/vllm/v1/audio/echo", "*", "h:80", "http://h"])
def test_passes_nothing_on_for_a_target_that_is_no_path(client, backend, target):
    before = len(backend.requests)
    client.send(request_bytes("GET", target))
    assert_error(client.read_response(), 400, 404)
    assert len(backend.requests) == before


def test_refuses_the_preface_of_http_2(client, backend):
    before = len(backend.requests)
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
    assert_error(client.read_response(), 400, 505)
    client.assert_closed()
    assert len(backend.requests) == before


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/3.0", "HTTP/0.9"])
def test_refuses_another_major_version(client, backend, version):
    before = len(backend.requests)
    client.send(request_bytes("GET", TARGET, version=version))
    assert_error(client.read_response(), 505)
    client.assert_closed()
    assert len(backend.requests) == before


def test_refuses_a_transfer_coding_it_does_not_know(client, backend):
    before = len(backend.requests)
    coding = [("Transfer-Encoding", "gzip, chunked")]
    client.send(request_bytes("POST", TARGET, coding) + chunk(b"x") + LAST_CHUNK)
    assert_error(client.read_response(), 501)
    client.assert_closed()
    assert len(backend.requests) == before


# RFC 9112, section 6.1 and 6.3: chunked must be last and alone; which of the two statuses is
# right depends on whether one calls it unknown or faulty.
@pytest.mark.parametrize(
    "coding",
    ["gzip", "chunked, gzip", "chunked, chunked", "identity", "xchunked", "chunked;q=1", ""],
)
def test_refuses_a_coding_that_is_not_plainly_chunked(client, backend, coding):
    before = len(backend.requests)
    fields = [("Transfer-Encoding", coding)]
    client.send(request_bytes("POST", TARGET, fields) + chunk(b"x") + LAST_CHUNK)
    assert_error(client.read_response(), 400, 501)
    client.assert_closed()
    assert len(backend.requests) == before


def test_refuses_two_transfer_encoding_fields(client, backend):
    before = len(backend.requests)
    coding = [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "identity")]
    client.send(request_bytes("POST", TARGET, coding) + chunk(b"x") + LAST_CHUNK)
    assert_error(client.read_response(), 400, 501)
    client.assert_closed()
    assert len(backend.requests) == before


def test_refuses_chunks_from_an_old_client(client, backend):
    before = len(backend.requests)
    coding = [("Transfer-Encoding", "chunked")]
    head = request_bytes("POST", TARGET, coding, version="HTTP/1.0")
    client.send(head + chunk(b"x") + LAST_CHUNK)
    assert_error(client.read_response(), 400, 501)
    client.assert_closed()
    assert len(backend.requests) == before


# --- limits ---


def test_takes_a_body_of_exactly_the_limit(client, backend):
    assert client.request("POST", TARGET, body=b"x" * 1000).status == 200
    client.send(request_bytes("POST", TARGET, [("Transfer-Encoding", "chunked")]))
    client.send(chunk(b"x" * 600) + chunk(b"x" * 400) + LAST_CHUNK)
    assert client.read_response("POST").status == 200


def test_refuses_a_body_over_the_limit_by_its_length_alone(client, backend):
    before = len(backend.requests)
    client.send(request_bytes("POST", TARGET, [("Content-Length", "1001")]))
    assert_error(client.read_response(), 413)
    client.assert_closed()
    assert len(backend.requests) == before


def test_does_not_ask_for_a_body_over_the_limit(client):
    fields = [("Content-Length", "1001"), ("Expect", "100-continue")]
    client.send(request_bytes("POST", TARGET, fields))
    assert_error(client.read_response(), 413)


def test_refuses_a_chunked_body_as_soon_as_it_is_over_the_limit(client, backend):
    before = len(backend.requests)
    client.send(request_bytes("POST", TARGET, [("Transfer-Encoding", "chunked")]))
    client.send(chunk(b"x" * 600) + chunk(b"x" * 401))
    assert_error(client.read_response(), 413)
    client.assert_closed()
    assert len(backend.requests) == before


def test_lets_a_client_that_is_still_sending_read_the_413(client):
    # Closing at once would answer the bytes still on their way with a reset, and lose the answer.
    body = b"x" * 300_000
    client.send(request_bytes("POST", TARGET, body=body))
    assert_error(client.read_response(), 413)


def test_refuses_a_head_over_the_limit(client, backend):
    before = len(backend.requests)
    client.send(request_bytes("GET", TARGET, [("X-Large", "x" * 9000)]))
    assert_error(client.read_response(), 431)
    client.assert_closed()
    assert len(backend.requests) == before


def test_refuses_a_head_of_many_fields_over_the_limit(client):
    client.send(request_bytes("GET", TARGET, [(f"X-{n}", "v") for n in range(2000)]))
    assert_error(client.read_response(), 431)


def test_refuses_a_request_line_over_the_limit(client):
    client.send(request_bytes("GET", TARGET + "?" + "q" * 9000))
    assert_error(client.read_response(), 431, 414)


def test_refuses_trailers_without_end(client):
    client.send(request_bytes("POST", TARGET, [("Transfer-Encoding", "chunked")]))
    client.send(b"0\r\n" + b"X-Trailer: " + b"x" * 9000)
    assert_error(client.read_response(), 400, 413, 431)
    client.assert_closed()


def test_refuses_a_chunk_extension_without_end(client):
    client.send(request_bytes("POST", TARGET, [("Transfer-Encoding", "chunked")]))
    client.send(b"3;" + b"x" * 100_000)
    assert_error(client.read_response(), 400, 413, 431)
    client.assert_closed()


@pytest.mark.parametrize(
    "fault",
    [
        "Content-Length: 3\r\nContent-Length: 4",
        "X-A : 1",
        "Expect: more",
        "no colon",
        "Large: " + "x" * 9000,
    ],
    ids=["framing", "name", "expectation", "line", "size"],
)
def test_refuses_under_the_clients_request_id(client, gateway, fault):
    name = "refused-" + fault.split(":")[0].replace(" ", "-")
    client.send(POST + f"X-Olla-Request-ID: {name}\r\n{fault}\r\n\r\n".encode())
    response = client.read_response()
    assert response.header("x-olla-request-id") == name
    (record,) = gateway.access(request_id=name)
    assert record["status"] == response.status


def test_gives_every_refusal_a_request_id(client):
    client.send(request_bytes("GET", "/olla/vllm/v1/audio/x", version="HTTP/2.0"))
    assert client.read_response().header("x-olla-request-id")

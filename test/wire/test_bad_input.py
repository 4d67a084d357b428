"""Bodies that no server could use are refused here; all others go where the knowledge is."""

import pytest

from harness.errors import assert_error
from harness.message import LAST_CHUNK, chunk, request_bytes

ROUTES = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"]
JSON = ("Content-Type", "application/json")

NOT_AN_OBJECT = {
    "nothing": b"",
    "white space": b" \r\n\t",
    "an array": b'[{"model": "tiny"}]',
    "null": b"null",
    "true": b"true",
    "a number": b"17",
    "a string": b'"model"',
    "text": b"model=tiny&prompt=x",
    "a lone bracket": b"]",
    "binary": bytes(range(1, 32)),
}

# Objects with a fault inside: the server's own answer says best what is wrong with them.
FAULTY_OBJECTS = {
    "no model": b'{"messages": []}',
    "model no string": b'{"model": 5, "messages": []}',
    "model null": b'{"model": null, "messages": []}',
    "no messages": b'{"model": "tiny"}',
    "unknown key": b'{"model": "tiny", "no-such-key": {"a": [1, 2, {}]}}',
    "fault after the model": b'{"model": "tiny", "messages": [}',
    "byte order mark": b'\xef\xbb\xbf{"model": "tiny", "messages": []}',
    "white space around": b' \n{"model": "tiny", "messages": []}\n ',
    "deep": b'{"model": "tiny", "x": ' + b"[" * 500 + b"]" * 500 + b"}",
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


def assert_bad_request(response) -> None:
    error = assert_error(response, 400)
    assert error["code"] == 400
    assert error["type"] in ("Bad Request", "BadRequestError")


@pytest.mark.parametrize("body", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT)
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("prefix", ["/olla/vllm", "/olla/openai", "/olla/proxy"])
def test_refuses_a_body_that_is_no_object(client, backend, prefix, route, body):
    before = len(backend.requests)
    assert_bad_request(client.request("POST", prefix + route, [JSON], body))
    assert len(backend.requests) == before
    assert client.request("GET", "/internal/health").status == 200


def test_refuses_a_missing_body(client, backend):
    before = len(backend.requests)
    assert_bad_request(client.request("POST", "/olla/vllm" + ROUTES[0], [JSON]))
    assert len(backend.requests) == before


def test_refuses_a_chunked_body_that_is_no_object(client, backend):
    before = len(backend.requests)
    fields = [JSON, ("Transfer-Encoding", "chunked")]
    client.send(request_bytes("POST", "/olla/vllm" + ROUTES[0], fields))
    client.send(chunk(b"[") + chunk(b"]") + LAST_CHUNK)
    assert_bad_request(client.read_response())
    assert len(backend.requests) == before


@pytest.mark.parametrize("body", FAULTY_OBJECTS.values(), ids=FAULTY_OBJECTS)
@pytest.mark.parametrize("route", ROUTES)
def test_leaves_a_deeper_fault_to_the_backend(client, backend, route, body):
    backend.handler = lambda exchange: exchange.reply(418, b"by the backend")
    response = client.request("POST", "/olla/vllm" + route, [JSON], body)
    assert (response.status, response.body) == (418, b"by the backend")
    assert backend.requests[-1].body == body
    backend.handler = lambda exchange: exchange.reply()


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD"])
def test_refuses_methods_that_the_route_does_not_take(client, backend, method):
    before = len(backend.requests)
    response = client.request(method, "/olla/vllm" + ROUTES[0])
    assert response.status == 405
    assert response.header("allow") == "POST"
    assert len(backend.requests) == before


def test_leaves_other_routes_to_the_backend(client, backend):
    assert client.request("POST", "/olla/vllm/v1/audio/any", [JSON], b"[1, 2]").status == 200
    assert backend.requests[-1].body == b"[1, 2]"


def test_does_not_alter_a_body_it_passes_on(client, backend):
    body = b'{"model":"tiny",  "b" : 1e400,\t"a":"\\u00e9", "a": 2, "n": 0.10}\n'
    assert client.request("POST", "/olla/vllm" + ROUTES[0], [JSON], body).status == 200
    assert backend.requests[-1].body == body


@pytest.mark.parametrize(
    "document, model",
    [
        (b'{"messages": [{"model": "inner"}], "model": "outer"}', "outer"),
        (b'{"x": {"model": "inner"}}', None),
        (b'{"model": "na\\u00efve/\\"q\\""}', None),
        (b'{"model": 5}', None),
        (b'{"model": ""}', None),
    ],
    ids=["last", "nested", "not ASCII", "number", "empty"],
)
def test_names_the_model_it_read(client, document, model):
    response = client.request("POST", "/olla/vllm" + ROUTES[0], [JSON], document)
    assert response.status == 200
    if model is not None:
        assert response.header("x-olla-model") == model
    else:  # Nothing that could be a header, or nothing at all: no invented name.
        assert "inner" not in (response.header("x-olla-model") or "")
        assert (response.header("x-olla-model") or "x").isprintable()

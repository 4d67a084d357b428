"""Which endpoint gets a request that names a model."""

import json

import pytest

from harness.errors import assert_error
from harness.fleet import CHAT, FAST, PREFIX, answered_by
from harness.message import chunk, request_bytes

JSON = ("Content-Type", "application/json")


@pytest.fixture
def pair(world):
    """Two servers of two models."""
    backends = [world.backend(name=name) for name in "ab"]
    backends[0].models, backends[1].models = ["org/One"], ["two"]
    return backends


@pytest.fixture
def fleet(world, pair):
    return world.fleet(*(backend.endpoint(**FAST) for backend in pair))


def send(fleet, body: bytes, path: str = CHAT, headers=(JSON,)):
    return fleet.request("POST", path, headers, body)


def test_each_model_goes_where_it_is_served(fleet):
    for _ in range(3):
        assert answered_by(fleet.chat("org/One")) == "a"
        assert answered_by(fleet.chat("two")) == "b"
    assert fleet.chat("two").header("x-olla-model") == "two"


@pytest.mark.parametrize("prefix", ["/olla/openai", "/olla/proxy"])
def test_the_other_prefixes_go_by_the_model_too(fleet, prefix):
    body = b'{"model":"two"}'
    for _ in range(3):
        request = request_bytes("POST", prefix + CHAT, [JSON], body)
        assert answered_by(fleet.raw(request)) == "b"


def test_corrects_the_case_of_letters_and_nothing_else_of_the_body(fleet, pair):
    body = (
        b'{ "a" : 1.50,\n "model"\t: "ORG/one" ,'
        b'"messages":[{"content":"\\u00e9 \xc3\xa9 \\ud800 model"}]}'
    )
    response = send(fleet, body)
    assert answered_by(response) == "a"
    assert pair[0].requests[-1].body == body.replace(b"ORG/one", b"org/One")
    assert response.header("x-olla-translated") is None


def test_prefers_the_exact_name_to_one_that_differs_in_case(world):
    backends = [world.backend(name=name) for name in "ab"]
    backends[0].models, backends[1].models = ["Tiny"], ["tiny"]
    fleet = world.fleet(*(backend.endpoint() for backend in backends))
    for _ in range(3):
        assert answered_by(fleet.chat("tiny")) == "b" and answered_by(fleet.chat("Tiny")) == "a"
    # Either will do, with its own spelling.
    for _ in range(4):
        name = answered_by(fleet.chat("TINY"))
        backend = backends["ab".index(name)]
        assert json.loads(backend.requests[-1].body)["model"] == backend.models[0]


def test_an_unknown_model_is_a_404_in_the_words_of_vllm(fleet, pair):
    for path in (CHAT, "/v1/completions", "/v1/embeddings", "/tokenize", "/v1/responses"):
        error = assert_error(fleet.post(path, {"model": "nope"}), 404)
        assert error == {
            "message": "The model `nope` does not exist. Valid aliases: org/One, two.",
            "type": "NotFoundError",
            "param": "model",
            "code": "model_not_found",
        }
    response = fleet.post("/v1/messages", {"model": "nope"})
    assert response.status == 404
    document = response.json()
    assert document["type"] == "error" and set(document) == {"type", "error"}
    assert document["error"]["type"] == "NotFoundError"
    assert "org/One, two" in document["error"]["message"]
    assert pair[0].requests == pair[1].requests == []


def test_a_name_that_is_no_text_or_not_printable_does_no_harm(fleet):
    for name in (b'"\\u0000\\r\\nX: y"', b'"\\ud83d"', b'"' + b"x" * 100_000 + b'"', b'"\xff\xfe"'):
        response = send(fleet, b'{"model":%s}' % name)
        assert response.status in (200, 404)
        if response.status == 404:
            assert_error(response, 404)
        assert response.header("x") is None


def test_a_known_model_whose_endpoints_are_down_is_a_503(fleet, pair):
    pair[0].health = 500
    fleet.until_status("a", "unhealthy")
    response = fleet.chat("org/One")
    assert_error(response, 503)
    assert int(response.header("retry-after")) >= 1
    assert_error(fleet.chat("ORG/ONE"), 503)
    assert answered_by(fleet.chat("two")) == "b"
    # Whether it exists does not depend on who is up.
    assert "org/One" in assert_error(fleet.chat("nope"), 404)["message"]
    pair[0].health = 200
    fleet.until_status("a", "healthy")
    assert answered_by(fleet.chat("org/One")) == "a"


def test_goes_on_only_to_endpoints_that_serve_the_model(world):
    backends = [world.backend(name=name) for name in "abc"]
    for backend, models in zip(backends, (["x"], ["x"], ["y"])):
        backend.models = models
    backends[0].handler = lambda exchange: exchange.reset()
    fleet = world.fleet(*(backend.endpoint() for backend in backends))
    for _ in range(4):
        assert answered_by(fleet.chat("x")) == "b"
    backends[1].handler = lambda exchange: exchange.reset()
    assert_error(fleet.chat("x"), 503)
    assert backends[2].requests == []


@pytest.mark.parametrize("body", [b"{}", b'{"model":null}', b'{"model":""}', b'{"n":1}'])
def test_a_request_without_a_model_goes_anywhere(fleet, pair, body):
    assert {answered_by(send(fleet, body)) for _ in range(4)} == {"a", "b"}
    assert {request.body for backend in pair for request in backend.requests} == {body}


def test_a_request_without_a_body_goes_anywhere(fleet):
    assert {answered_by(fleet.get("/version")) for _ in range(4)} == {"a", "b"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"org/One","model":"two"}',
        b'{"model":"org/One","mod\\u0065l":"two"}',
        b'{"messages":[{"model":"org/One"}],"model":"two","tools":{"model":"org/One"}}',
        b'{"prompt":"\\"model\\":\\"org/One\\"","model":"tw\\u006f"}',
        b'\xef\xbb\xbf {"model":"two"}',
    ],
)
def test_the_model_is_the_one_that_vllm_takes(fleet, pair, body):
    for _ in range(2):
        assert answered_by(send(fleet, body)) == "b"
    assert {request.body for request in pair[1].requests} == {body}


def test_corrects_the_last_of_duplicate_keys(fleet, pair):
    assert answered_by(send(fleet, b'{"model":"two","x":1,"model":"org/one"}')) == "a"
    got = pair[0].requests[-1].body
    assert json.loads(got) == {"model": "org/One", "x": 1}


@pytest.mark.parametrize("chunked", [False, True])
def test_finds_the_model_behind_a_huge_prompt(fleet, pair, chunked):
    prompt = b'word { \\" model \\": [' * 600_000
    body = b'{"prompt":"' + prompt + b'","model":"TWO"}'
    assert len(body) > 10_000_000
    if chunked:
        head = request_bytes(
            "POST", PREFIX + "/v1/completions", [JSON, ("Transfer-Encoding", "chunked")]
        )
        pieces = [body[at : at + 1_000_000] for at in range(0, len(body), 1_000_000)]
        request = head + b"".join(map(chunk, pieces)) + b"0\r\n\r\n"
    else:
        request = request_bytes("POST", PREFIX + "/v1/completions", [JSON], body)
    response = fleet.raw(request)
    assert answered_by(response) == "b"
    assert pair[1].requests[-1].body == body[:-5] + b'two"}'


FORM = (
    b"--XX\r\n"
    b'Content-Disposition: form-data; name="file"; filename="two.wav"\r\n'
    b"Content-Type: audio/wav\r\n\r\n"
    b'RIFF\x00\xff --XX name="model"\r\n\r\norg/One\r\n'
    b"\r\n--XX\r\n"
    b'Content-Disposition: form-data; name="model"\r\n\r\n'
    b"%s\r\n"
    b"--XX--\r\n"
)


@pytest.mark.parametrize(
    "claimed",
    ["multipart/form-data; boundary=XX", 'multipart/form-data; boundary="XX"', "application/json"],
)
def test_finds_the_model_of_a_form_whatever_the_content_type_claims(fleet, pair, claimed):
    body = FORM % b"two"
    headers = [("Content-Type", claimed)]
    for _ in range(2):
        response = send(fleet, body, "/v1/audio/transcriptions", headers)
        assert answered_by(response) == "b" and response.header("x-olla-model") == "two"
    assert pair[1].requests[-1].body == body
    assert pair[1].requests[-1].header("content-type") == claimed


def test_corrects_the_model_of_a_form(fleet, pair):
    headers = [("Content-Type", "multipart/form-data; boundary=XX")]
    response = send(fleet, FORM % b"Two", "/v1/audio/transcriptions", headers)
    assert answered_by(response) == "b"
    assert pair[1].requests[-1].body == FORM % b"two"
    assert_error(send(fleet, FORM % b"nope", "/v1/audio/transcriptions", headers), 404)


@pytest.mark.parametrize("claimed", ["text/plain", "multipart/form-data; boundary=XX", None])
def test_finds_the_model_of_json_whatever_the_content_type_claims(fleet, claimed):
    headers = [("Content-Type", claimed)] if claimed else []
    for _ in range(2):
        assert answered_by(send(fleet, b'{"model":"two"}', headers=headers)) == "b"


def test_an_endpoint_whose_list_is_not_known_gets_what_nobody_lists(world):
    backends = [world.backend(name=name) for name in "ab"]
    backends[0].models = ["x"]
    fleet = world.fleet(*(backend.endpoint() for backend in backends))
    for _ in range(3):
        assert answered_by(fleet.chat("x")) == "a"
        assert answered_by(fleet.chat("perhaps")) == "b"

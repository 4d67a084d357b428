"""What a client gets when something is wrong, situation by situation: the status that clients of
Olla know, a JSON body with a word to test for, and headers that say when to come back.

Where a status differs from Olla's, the test says why. What goes wrong within an answer is in
test_streaming.py, what clients themselves cut off in test_leaving.py."""

import time

import pytest

from harness.environment import scaled
from harness.errors import assert_error
from harness.message import LAST_CHUNK, Truncated, chunk, json_request, request_bytes

TARGET = "/olla/vllm/v1/audio/echo"
CHAT_PATH = "/v1/chat/completions"
CHAT = "/olla/vllm" + CHAT_PATH
BODY = {"model": "m", "messages": []}
FIGURES = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


def assert_refused(response, status: int, code: str) -> dict:
    """An error of the gateway's own, on which every client can rely."""
    error = assert_error(response, status)
    assert error["code"] == code
    assert response.header("x-olla-request-id")
    # No endpoint answered.
    assert response.header("x-olla-endpoint") is None
    return error


def assert_rejected(response, status: int, reason: str) -> dict:
    """The same by the strategy of routing, whose three words an operator sees too."""
    error = assert_refused(response, status, reason)
    words = [response.header(f"x-olla-routing-{name}") for name in ("strategy", "decision")]
    assert words == ["strict", "rejected"]
    assert response.header("x-olla-routing-reason") == reason
    return error


def knowing(world, *endpoints: dict, models: int):
    """A gateway that has read this many models of its endpoints."""
    fleet = world.fleet(*endpoints, settled=False)
    fleet.until(lambda: len(fleet.models("/olla/proxy")) == models, "the lists of models")
    return fleet.gateway


def limited(**more) -> dict:
    """A gateway that has limits, all of them small."""
    rates = {"global_requests_per_minute": 1, "burst_size": 2}
    sizes = {"max_body_size": 1000, "max_header_size": 8192}
    return {"server": {"rate_limits": rates, "request_limits": sizes, **more}}


@pytest.mark.parametrize("path", ["/", "/foo", "/internal/nope", "/api/tags", "*"])
def test_an_unknown_path_is_404(world, path):
    client = world.connect(world.gateway())
    assert_refused(client.request("GET", path), 404, "unknown_route")


@pytest.mark.parametrize("path", ["/olla/", "/olla/nope/v1/models", "/olla/VLLM/v1/models"])
def test_an_unknown_provider_is_404(world, path):
    client = world.connect(world.gateway())
    assert_refused(client.request("GET", path), 404, "unknown_provider")


@pytest.mark.parametrize("provider", ["vllm", "ollama", "lm-studio", "sglang"])
def test_a_provider_without_endpoints_is_404(world, provider):
    client = world.connect(world.gateway())
    response = client.post(f"/olla/{provider}/v1/chat/completions", BODY)
    error = assert_refused(response, 404, "no_endpoints")
    assert f"No {provider} endpoints available" in error["message"]
    assert response.header("retry-after") is None  # It does not get better by itself.


def test_endpoints_that_are_all_down_are_503(world):
    backend = world.backend()
    backend.refuse()
    client = world.connect(world.gateway(backend, ready=[]))
    for path in ("/olla/proxy/v1/audio/echo", TARGET):
        response = client.request("GET", path)
        # Olla's word for a provider's prefix is 404, after which no client comes back.
        assert_refused(response, 503, "no_healthy_endpoint")
        assert int(response.header("retry-after")) >= 1


@pytest.mark.parametrize("prefix", ["/olla/vllm", "/olla/openai", "/olla/proxy", ""])
def test_a_model_that_nobody_has_is_404(world, prefix):
    backend = world.backend()
    backend.models = ["m", "n"]
    client = world.connect(knowing(world, backend.endpoint(), models=2))
    body = {"model": "nope", "messages": []}
    error = assert_rejected(client.post(prefix + CHAT_PATH, body), 404, "model_not_found")
    assert "nope" in error["message"]
    assert not backend.requests


def test_a_model_of_another_provider_is_503(world):
    ours, others = world.backend(), world.backend()
    ours.models, others.models = ["m"], ["n"]
    gateway = knowing(world, ours.endpoint(), others.endpoint(type="sglang"), models=2)
    response = world.connect(gateway).post(CHAT, {"model": "n", "messages": []})
    assert_rejected(response, 503, "model_unavailable")
    assert int(response.header("retry-after")) >= 1
    assert not others.requests


@pytest.mark.parametrize("prefix", ["/olla/vllm", "/olla/openai", "/olla/proxy", ""])
def test_a_model_whose_endpoints_are_down_is_503(world, prefix):
    has_it, has_not = world.backend(), world.backend()
    has_it.models, has_not.models = ["m"], ["n"]
    checked = {"check_interval": "1s", "check_timeout": "500ms"}
    gateway = knowing(world, has_it.endpoint(**checked), has_not.endpoint(), models=2)
    has_it.refuse()
    client = world.connect(gateway)
    deadline = time.monotonic() + scaled(10)
    # The first ones find it refusing connections, which makes the checks look.
    while (response := client.post(prefix + CHAT_PATH, BODY)).header("x-olla-routing-reason") != (
        "model_unavailable"
    ):
        assert response.status == 503 and time.monotonic() < deadline, response
    assert_rejected(response, 503, "model_unavailable")
    assert int(response.header("retry-after")) >= 1


def test_an_endpoint_that_closes_before_its_answer_is_no_silence(world):
    backend = world.backend(lambda exchange: exchange.close())
    client = world.connect(world.gateway(backend, ready=[]))
    response = client.post(CHAT, BODY)
    # Olla: 502. Another endpoint would have been asked, and there is none.
    error = assert_refused(response, 503, "no_healthy_endpoint")
    assert int(response.header("retry-after")) >= 1
    assert str(backend.port) not in error["message"]


def test_a_request_under_which_endpoints_die_is_502(world):
    pair = [world.backend(), world.backend()]

    def die(exchange) -> None:
        port = int(exchange.request.header("host").rpartition(":")[2])
        next(backend for backend in pair if backend.port == port).refuse()
        exchange.reset()

    for backend in pair:
        backend.handler = die
    client = world.connect(world.gateway(*pair))
    assert_refused(client.post(CHAT, BODY), 502, "request_kills_endpoint")


def test_an_endpoint_whose_breaker_is_open_is_503(world):
    backend = world.backend(lambda exchange: exchange.reset())
    config = {"breaker": {"failures": 1}}
    client = world.connect(world.gateway(backend, config=config, ready=[]))
    client.post(CHAT, BODY)
    count = len(backend.requests)
    response = client.post(CHAT, BODY)
    # Olla: 502. Nothing is wrong with the request, and the breaker closes again.
    assert_refused(response, 503, "no_healthy_endpoint")
    assert int(response.header("retry-after")) >= 1
    assert len(backend.requests) == count


def test_more_requests_than_endpoints_take_are_503(world):
    backend = world.backend(lambda exchange: exchange.wait_for_close())
    gateway = world.gateway(backend, endpoint={"max_concurrent": 1}, ready=[])
    first = world.connect(gateway)
    first.send(json_request(CHAT, BODY))
    backend.wait_for_requests(1)
    response = world.connect(gateway).post(CHAT, BODY)
    assert_refused(response, 503, "endpoints_full")
    assert int(response.header("retry-after")) >= 1
    first.close()


def test_a_connection_that_breaks_on_every_endpoint_is_no_silence(world):
    pair = [world.backend(lambda exchange: exchange.reset()) for _ in range(2)]
    client = world.connect(world.gateway(*pair, ready=[]))
    response = client.request("GET", TARGET)
    # Olla: 502. It is worth a retry, and 503 says so.
    error = assert_refused(response, 503, "no_healthy_endpoint")
    for backend in pair:
        assert str(backend.port) not in error["message"]


def test_a_silent_endpoint_is_504(world):
    def wait(exchange) -> None:
        exchange.wait_for_close()

    config = {"proxy": {"response_header_timeout": "300ms"}}
    client = world.connect(world.gateway(world.backend(wait), config=config))
    # Olla: 502, as for an endpoint that is not there.
    assert_refused(client.request("GET", TARGET), 504, "endpoint_timeout")


def test_an_answer_that_is_none_is_502(world):
    def garble(exchange) -> None:
        exchange.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        exchange.close()

    client = world.connect(world.gateway(world.backend(garble)))
    assert_refused(client.request("GET", TARGET), 502, "bad_endpoint_response")


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 429, 500, 501, 502, 503, 504])
def test_an_endpoints_own_error_passes_as_it_is(world, status):
    text = b"its own words, \xff"

    def answer(exchange) -> None:
        exchange.reply(status, text, [("content-type", "text/odd"), ("x-own", "1")])

    client = world.connect(world.gateway(world.backend(answer)))
    response = client.post("/olla/vllm/v1/audio/echo", BODY)
    assert response.status == status and response.body == text
    assert response.header("content-type") == "text/odd" and response.header("x-own") == "1"
    assert response.header("x-olla-endpoint") == "backend-0"
    assert response.header("x-olla-request-id")


def test_an_endpoint_that_dies_in_mid_answer_does_not_look_finished(world):
    def die(exchange) -> None:
        exchange.begin_stream("text/plain")
        exchange.send(chunk(b"a part"))
        exchange.reset()

    client = world.connect(world.gateway(world.backend(die)))
    with pytest.raises(Truncated):
        client.request("GET", TARGET)


def test_a_body_over_the_limit_is_413(world):
    gateway = world.gateway(config=limited())
    by_length = world.connect(gateway)
    by_length.send(request_bytes("POST", TARGET, [("Content-Length", "1001")]))
    by_chunks = world.connect(gateway)
    by_chunks.send(request_bytes("POST", TARGET, [("Transfer-Encoding", "chunked")]))
    by_chunks.send(chunk(b"x" * 1001) + LAST_CHUNK)
    for client in (by_length, by_chunks):
        response = client.read_response()
        assert_refused(response, 413, "request_too_large")
        assert response.header("connection") == "close"
        assert all(response.header(name) is not None for name in FIGURES)


@pytest.mark.parametrize("size", [9_000, 2_000_000])
@pytest.mark.parametrize("path", [TARGET, "/internal/health"])
def test_a_head_over_the_limit_is_431(world, path, size):
    client = world.connect(world.gateway(config=limited()))
    client.send(request_bytes("GET", path, [("X-Large", "x" * size)]))
    response = client.read_response()
    assert_refused(response, 431, "headers_too_large")
    assert response.header("connection") == "close"


def test_requests_over_the_rate_are_429(world):
    client = world.connect(world.gateway(config=limited()))
    for _ in range(2):
        assert client.request("GET", "/nowhere").status == 404
    response = client.request("GET", TARGET)
    error = assert_refused(response, 429, "rate_limit_exceeded")
    assert error["type"] == "RateLimitError"
    assert int(response.header("retry-after")) >= 1
    assert all(response.header(name) is not None for name in FIGURES)


def test_an_error_to_head_has_no_body(world):
    client = world.connect(world.gateway())
    response = client.request("HEAD", "/nowhere")
    assert response.status == 404 and response.body == b""
    assert client.request("GET", "/internal/health").status == 200


def test_a_route_that_changes_a_server_is_403(world):
    client = world.connect(world.gateway(world.backend()))
    assert_refused(client.post("/olla/vllm/sleep", {}), 403, "route_not_allowed")


def test_a_body_that_is_no_json_is_400(world):
    client = world.connect(world.gateway(world.backend()))
    # Olla passes it on, and the endpoint refuses it in these words.
    response = client.request("POST", CHAT, [("Content-Type", "application/json")], b"nonsense")
    assert assert_error(response, 400)["type"] == "Bad Request"


def test_json_that_breaks_off_is_the_endpoints_to_refuse(world):
    backend = world.backend(lambda exchange: exchange.reply(400, b"its own words"))
    client = world.connect(world.gateway(backend))
    response = client.request("POST", CHAT, body=b'{"model": "m"')
    assert response.status == 400 and response.body == b"its own words"
    assert backend.requests[-1].body == b'{"model": "m"'


def test_a_path_that_leaves_its_endpoint_is_400(world):
    client = world.connect(world.gateway(world.backend()))
    assert_refused(client.request("GET", "/olla/vllm/../x"), 400, "invalid_path")


# --- the Messages API: the same situations in its own shape ---

MESSAGES = "/olla/anthropic/v1/messages"
MESSAGE = {**BODY, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}


def assert_message_refused(response, status: int, kind: str) -> dict:
    """The whole envelope of Anthropic's; what is in it."""
    assert response.status == status, response
    document = response.json()
    assert set(document) == {"type", "error", "request_id"} and document["type"] == "error"
    assert document["error"]["type"] == kind and document["error"]["message"]
    assert document["request_id"] == response.header("request-id")
    assert response.header("request-id") == response.header("x-olla-request-id")
    assert response.header("x-olla-endpoint") is None
    return document["error"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty request body"),
        (b"{", "model field is required (body may not be valid JSON)"),
        (b"[]", "model field is required (body may not be valid JSON)"),
        (b'{"max_tokens": 5, "messages": []}', "model field is required"),
        (b'{"model": 5}', "model field is required"),
    ],
)
def test_a_message_that_names_no_model_is_400(world, body, words):
    backend = world.backend()
    client = world.connect(world.gateway(backend))
    response = client.request("POST", MESSAGES, [("Content-Type", "application/json")], body)
    assert words in assert_message_refused(response, 400, "invalid_request_error")["message"]
    assert not backend.requests


def test_a_message_that_its_server_refuses_gets_the_servers_words(world):
    # Olla checks max_tokens and the like itself where it translates; here the server does.
    words = b'{"type":"error","error":{"type":"BadRequestError","message":"max_tokens"}}'
    client = world.connect(world.gateway(world.backend(lambda one: one.reply(400, words))))
    response = client.post(MESSAGES, {**MESSAGE, "max_tokens": 0})
    assert response.status == 400 and response.body == words
    assert response.header("x-olla-mode") == "passthrough"


def test_a_message_for_a_model_that_nobody_has_is_404(world):
    backend = world.backend()
    backend.models = ["m"]
    client = world.connect(knowing(world, backend.endpoint(), models=1))
    response = client.post(MESSAGES, {**MESSAGE, "model": "nope"})
    assert_message_refused(response, 404, "not_found_error")
    assert response.header("x-olla-routing-reason") == "model_not_found"


def test_a_message_with_all_endpoints_down_is_503(world):
    backend = world.backend()
    backend.refuse()
    client = world.connect(world.gateway(backend, ready=[]))
    response = client.post(MESSAGES, MESSAGE)
    assert_message_refused(response, 503, "api_error")
    assert int(response.header("retry-after")) >= 1


@pytest.mark.parametrize("end", ["reset", "close"])
def test_a_message_whose_connection_breaks_is_no_message(world, end):
    backend = world.backend(lambda exchange: getattr(exchange, end)())
    client = world.connect(world.gateway(backend, ready=[]))
    for stream in (False, True):
        response = client.post(MESSAGES, {**MESSAGE, "stream": stream})
        error = assert_message_refused(response, 503, "api_error")
        assert str(backend.port) not in error["message"]


def test_a_message_that_waits_in_vain_is_504(world):
    config = {"proxy": {"response_header_timeout": "300ms"}}
    backend = world.backend(lambda exchange: exchange.wait_for_close())
    client = world.connect(world.gateway(backend, config=config))
    assert_message_refused(client.post(MESSAGES, MESSAGE), 504, "timeout_error")


def test_messages_over_the_limits_are_refused(world):
    config = limited(request_limits={"max_body_size": 1000, "max_header_size": 8192})
    client = world.connect(world.gateway(config=config))
    response = client.post(MESSAGES, {**MESSAGE, "system": "x" * 1000})
    assert_message_refused(response, 413, "request_too_large")
    gateway = world.gateway(world.backend(), config=limited(), ready=[])
    client = world.connect(gateway)
    client.send(request_bytes("POST", MESSAGES, [("X-Large", "x" * 9000)]))
    assert_message_refused(client.read_response(), 431, "invalid_request_error")
    client = world.connect(gateway)
    for _ in range(2):
        client.request("GET", "/olla/models")
    response = client.post(MESSAGES, MESSAGE)
    assert_message_refused(response, 429, "rate_limit_error")
    assert int(response.header("retry-after")) >= 1


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", MESSAGES, 405, "invalid_request_error"),
        ("POST", "/olla/anthropic/v1/nothing", 404, "not_found_error"),
    ],
)
def test_a_route_of_messages_that_there_is_not(world, method, path, status, kind):
    client = world.connect(world.gateway(world.backend()))
    assert_message_refused(client.request(method, path, body=b"{}"), status, kind)

"""What a client gets when something is wrong, situation by situation: the status that clients of
Olla know, a JSON body with a word to test for, and headers that say when to come back.

Where a status differs from Olla's, the test says why. What goes wrong within an answer is in
test_streaming.py, what clients themselves cut off in test_leaving.py."""

import pytest

from harness.errors import assert_error
from harness.message import LAST_CHUNK, Truncated, chunk, request_bytes

TARGET = "/olla/vllm/v1/audio/echo"
CHAT = "/olla/vllm/v1/chat/completions"
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


def test_a_connection_that_breaks_on_every_endpoint_is_no_silence(world):
    pair = [world.backend(lambda exchange: exchange.reset()) for _ in range(2)]
    client = world.connect(world.gateway(*pair, ready=[]))
    response = client.request("GET", TARGET)
    # Olla: 502. It is worth a retry, and 503 says so.
    error = assert_error(response, 502, 503)
    for backend in pair:
        assert str(backend.port) not in error["message"]
    assert response.header("x-olla-endpoint") is None


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

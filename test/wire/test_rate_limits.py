"""How many requests clients may send, and what they are told about it."""

import threading
import time

import pytest

from harness.errors import assert_error
from harness.message import LAST_CHUNK, chunk, json_request, request_bytes

TARGET = "/olla/vllm/v1/audio/echo"
FIGURES = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


def limits(**numbers) -> dict:
    # A token comes back once a minute: no test waits for it.
    return {"server": {"rate_limits": {"burst_size": 1, **numbers}}}


def per_client(burst: int = 1, **more) -> dict:
    """A limit per client, who is named by X-Forwarded-For: each test has its own."""
    return limits(
        per_ip_requests_per_minute=1, burst_size=burst, trust_proxy_headers=True, **more
    )


def client_at(address: str) -> list[tuple[str, str]]:
    return [("X-Forwarded-For", address)]


def figures(response) -> list[int]:
    return [int(response.header(name)) for name in FIGURES]


def assert_limited(response) -> None:
    assert_error(response, 429)
    assert response.json()["error"]["code"] == "rate_limit_exceeded"
    assert 1 <= int(response.header("retry-after")) <= 60


@pytest.fixture(scope="module")
def backend(shared):
    return shared.backend()


@pytest.fixture(scope="module")
def gateway(shared, backend):
    """One request per minute and client."""
    return shared.gateway(backend, config=per_client(), ready=[])


@pytest.fixture
def client(world, gateway):
    return world.connect(gateway)


ROUTES = [
    TARGET,
    "/olla/openai/v1/chat/completions",
    "/olla/proxy/v1/audio/echo",
    "/olla/proxy/v1/models",
    "/olla/vllm/v1/models",
    "/olla/vllm/health",
    "/olla/vllm/metrics",
    "/olla/models",
    "/olla/anthropic/v1/models",
    "/v1/models",
    "/v1/chat/completions",
    "/olla/nobody/x",
    "/nowhere",
]


@pytest.mark.parametrize("route", ROUTES)
def test_olla_w39_every_route_of_clients_is_limited(client, route):
    name = client_at(f"192.0.2.{ROUTES.index(route)}")
    first = client.request("GET", route, name)
    assert first.status != 429 and figures(first)[:2] == [1, 0]
    second = client.request("GET", route, name)
    assert second.status == 429 and figures(second)[:2] == [1, 0]
    assert 1 <= int(second.header("retry-after")) <= 60


def test_olla_w39_the_messages_api_is_limited_in_its_own_words(client):
    for target in ("/olla/anthropic/v1/messages", "/olla/vllm/v1/messages", "/v1/messages"):
        response = client.post(target, {"model": "m"}, client_at("192.0.2.99"))
    assert response.status == 429
    assert response.json()["type"] == "error"
    assert response.json()["error"]["type"] == "rate_limit_error"


def test_the_gateways_own_documents_are_not_limited(client):
    for _ in range(5):
        for path in ("/internal/health", "/version"):
            response = client.request("GET", path, client_at("192.0.2.100"))
            assert response.status == 200 and response.header("x-ratelimit-limit") is None


def test_olla_w39_the_figures_are_those_of_the_bucket(world, backend):
    gateway = world.gateway(backend, config=per_client(burst=3), ready=[])
    client = world.connect(gateway)
    before = int(time.time())
    answers = [client.request("GET", TARGET, client_at("192.0.2.1")) for _ in range(4)]
    assert [answer.status == 429 for answer in answers] == [False, False, False, True]
    assert [figures(answer)[:2] for answer in answers] == [[1, 2], [1, 1], [1, 0], [1, 0]]
    # Full again after as many minutes as there are tokens missing, counted from the first.
    for missing, answer in zip((1, 2, 3, 3), answers):
        reset = figures(answer)[2]
        assert before + 60 * missing <= reset <= int(time.time()) + 60 * missing + 1
    assert_limited(answers[3])


def test_olla_w39_the_global_limit_holds_without_one_per_client(world, backend):
    numbers = limits(global_requests_per_minute=1, burst_size=2, trust_proxy_headers=True)
    client = world.connect(world.gateway(backend, config=numbers, ready=[]))
    for last in (1, 2):
        assert client.request("GET", TARGET, client_at(f"192.0.2.{last}")).status != 429
    assert_limited(client.request("GET", TARGET, client_at("192.0.2.3")))


def test_without_a_limit_none_is_told(world, backend):
    client = world.connect(world.gateway(backend))
    for _ in range(3):
        response = client.request("GET", TARGET)
        assert response.status == 200 and response.header("x-ratelimit-limit") is None


def test_an_endpoints_answer_tells_the_gateways_limits(world):
    spoofed = [("X-RateLimit-Limit", "7"), ("X-RateLimit-Remaining-Tokens", "8")]
    backend = world.backend(lambda exchange: exchange.reply(headers=spoofed))
    gateway = world.gateway(backend, config=limits(global_requests_per_minute=600, burst_size=600))
    response = world.connect(gateway).request("GET", TARGET)
    assert response.status == 200
    assert response.header_values("x-ratelimit-limit") == ["600"]
    assert response.header_values("x-ratelimit-remaining-tokens") == ["8"]


def test_all_threads_count_together(world):
    config = limits(global_requests_per_minute=1, burst_size=20)
    config["server"]["threads"] = 4
    gateway = world.gateway(config=config)
    statuses = []

    def ask() -> None:
        client = world.connect(gateway)
        statuses.extend(client.request("GET", "/nowhere").status for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [404] * 20 + [429] * 60


# --- what becomes of the connection ---


def test_a_connection_goes_on_behind_a_small_body(client):
    name = client_at("192.0.2.101")
    client.send(json_request(TARGET, {}, name) + json_request(TARGET, {}, name))
    client.send(request_bytes("GET", "/internal/health"))
    assert client.read_response("POST").status != 429
    assert_limited(client.read_response("POST"))
    assert client.read_response().json() == {"status": "healthy"}


def test_a_large_body_is_not_waited_for(client):
    name = client_at("192.0.2.102")
    client.request("GET", TARGET, name)
    client.send(request_bytes("POST", TARGET, [*name, ("Content-Length", "1000000")]) + b"begin")
    response = client.read_response()
    assert_limited(response)
    assert response.header("connection") == "close"
    client.finish_writing()
    client.assert_closed()


def test_a_body_that_waits_for_a_word_is_not_asked_for(client):
    name = client_at("192.0.2.103")
    client.request("GET", TARGET, name)
    fields = [*name, ("Content-Length", "2"), ("Expect", "100-continue")]
    client.send(request_bytes("POST", TARGET, fields))
    assert_limited(client.read_response())


def test_a_chunked_body_is_not_waited_for(client):
    name = client_at("192.0.2.104")
    client.request("GET", TARGET, name)
    fields = [*name, ("Transfer-Encoding", "chunked")]
    client.send(request_bytes("POST", TARGET, fields) + chunk(b"x") + LAST_CHUNK)
    response = client.read_response()
    assert_limited(response)
    assert response.header("connection") == "close"


# --- who the client is ---


def test_olla_w44_what_a_client_writes_in_front_of_a_proxy_does_not_count(client, gateway):
    for spoofed in range(3):
        chain = f"203.0.113.{spoofed}, 192.0.2.105, 10.0.0.1"
        response = client.request("GET", "/nowhere", [*client_at(chain), ("X-Request-ID", "w44")])
        assert response.status == (429 if spoofed else 404)
    for record in gateway.access(count=3, request_id="w44"):
        assert record["client"] == "192.0.2.105"


def test_nobody_is_a_trusted_proxy_unasked(world):
    gateway = world.gateway(config=limits(per_ip_requests_per_minute=1))
    client = world.connect(gateway)
    assert client.request("GET", "/nowhere", client_at("192.0.2.1")).status == 404
    assert_limited(client.request("GET", "/nowhere", client_at("192.0.2.2")))
    for record in gateway.access(count=2, path="/nowhere"):
        assert record["client"] == "127.0.0.1"


# --- sizes ---


def test_a_body_that_is_too_large_costs_a_token_and_is_told_the_limits(world):
    config = per_client(burst=2)
    config["server"]["request_limits"] = {"max_body_size": 1000}
    gateway = world.gateway(config=config)
    client = world.connect(gateway)
    client.send(request_bytes("POST", TARGET, [("Content-Length", "1001")]))
    response = client.read_response()
    assert assert_error(response, 413)["code"] == "request_too_large"
    assert figures(response)[:2] == [1, 1]
    chunked = world.connect(gateway)
    chunked.send(request_bytes("POST", TARGET, [("Transfer-Encoding", "chunked")]))
    chunked.send(chunk(b"x" * 1001))
    response = chunked.read_response()
    assert assert_error(response, 413)["code"] == "request_too_large"
    assert figures(response)[:2] == [1, 0]
    assert_limited(world.connect(gateway).request("GET", TARGET))

"""Which endpoint is asked, and what happens when one of them fails."""

import json
import threading
import time

import pytest

from harness.environment import scaled
from harness.errors import assert_error
from harness.message import LAST_CHUNK, chunk, json_request, request_bytes

CHAT = "/olla/vllm/v1/chat/completions"
BODY = {"model": "tiny", "messages": [{"role": "user", "content": "again \u00e9"}], "n": 1}


def ask(client, count=1):
    """The names of the backends that answered `count` chats in a row."""
    names = []
    for _ in range(count):
        response = client.post(CHAT, BODY)
        assert response.status == 200, response
        names.append(response.header("x-olla-endpoint"))
    return names


@pytest.fixture
def pair(world):
    return world.backend(name="first"), world.backend(name="second")


# --- the choice ---


def test_takes_equals_in_turn(world):
    backends = [world.backend(name=name) for name in "abc"]
    names = ask(world.connect(world.gateway(*backends)), 9)
    assert sorted(names[:3]) == ["a", "b", "c"]
    assert names[3:6] == names[:3] and names[6:] == names[:3]


def test_takes_the_endpoint_with_the_fewest_requests_in_flight(world, pair):
    release = threading.Event()

    def hold(exchange):
        if exchange.request.target.endswith("hold"):
            assert release.wait(scaled(20))
        exchange.reply()

    for backend in pair:
        backend.handler = hold
    gateway = world.gateway(*pair)
    held = world.connect(gateway)
    held.send(request_bytes("GET", "/olla/vllm/v1/audio/hold"))
    backend_with_load = next_with_request(pair)
    others = set(ask(world.connect(gateway), 6))
    assert others == {backend.name for backend in pair if backend is not backend_with_load}
    release.set()
    assert held.read_response().status == 200
    assert set(ask(world.connect(gateway), 6)) == {"first", "second"}


def next_with_request(backends):
    backends[0].wait_until(lambda: any(b.requests for b in backends), "a request at any of them")
    return next(backend for backend in backends if backend.requests)


def test_sends_a_route_to_endpoints_of_its_type_alone(world):
    vllm, other = world.backend(name="vllm-one"), world.backend(name="other-one")
    gateway = world.gateway(
        vllm,
        other,
        config={"endpoints": [vllm.endpoint(), other.endpoint(type="openai-compatible")]},
    )
    client = world.connect(gateway)
    assert set(ask(client, 4)) == {"vllm-one"}
    for prefix in ("/olla/openai", "/olla/proxy"):
        answers = [client.request("GET", prefix + "/v1/audio/x") for _ in range(4)]
        used = {answer.header("x-olla-endpoint") for answer in answers}
        assert used == {"vllm-one", "other-one"}


# --- before the first byte: another endpoint ---


def test_goes_to_the_next_endpoint_when_a_connection_is_refused(world, pair):
    gateway = world.gateway(*pair)
    pair[0].refuse()
    assert set(ask(world.connect(gateway), 6)) == {"second"}


@pytest.mark.parametrize("how", ["reset", "close"])
def test_replays_the_body_when_the_connection_ends_before_the_answer(world, pair, how):
    pair[0].handler = lambda exchange: getattr(exchange, how)()
    client = world.connect(world.gateway(*pair))
    assert set(ask(client, 2)) == {"second"}
    assert pair[0].requests, "the failing endpoint was never tried"
    bodies = {request.body for request in pair[0].requests + pair[1].requests}
    assert [json.loads(body) for body in bodies] == [BODY]


def test_replays_a_chunked_body_whole(world, pair):
    pair[0].handler = lambda exchange: exchange.reset()
    pair[1].handler = lambda exchange: exchange.reply(200, exchange.request.body)
    client = world.connect(world.gateway(*pair))
    for _ in range(2):
        client.send(
            request_bytes("POST", "/olla/vllm/v1/audio/x", [("Transfer-Encoding", "chunked")])
            + chunk(b"one ")
            + chunk(b"two")
            + LAST_CHUNK
        )
        assert client.read_response().body == b"one two"
    assert pair[0].requests and {r.body for r in pair[0].requests} == {b"one two"}


def test_replays_a_large_body_whole(world, pair):
    body = bytes(range(256)) * 8000
    pair[0].handler = lambda exchange: exchange.reset()
    pair[1].handler = lambda exchange: exchange.reply(200, exchange.request.body)
    client = world.connect(world.gateway(*pair))
    for _ in range(2):
        assert client.request("POST", "/olla/vllm/v1/audio/x", body=body).body == body
    assert pair[0].requests


def test_keeps_the_request_id_over_a_retry(world, pair):
    pair[0].handler = lambda exchange: exchange.reset()
    client = world.connect(world.gateway(*pair))
    for number in range(2):
        response = client.post(CHAT, BODY, [("X-Olla-Request-ID", f"same-{number}")])
        assert response.header("x-olla-request-id") == f"same-{number}"
    for backend in pair:
        for request in backend.requests:
            assert request.header("x-olla-request-id").startswith("same-")
    assert pair[0].requests


def test_goes_on_when_the_head_of_an_answer_breaks_off(world, pair):
    def half_a_head(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nx-a: b\r\n")
        exchange.reset()

    pair[0].handler = half_a_head
    assert set(ask(world.connect(world.gateway(*pair)), 2)) == {"second"}


def test_does_not_ask_twice_because_of_an_error_status(world, pair):
    for backend in pair:
        backend.handler = lambda exchange: exchange.reply(500, b"as it came")
    response = world.connect(world.gateway(*pair)).post(CHAT, BODY)
    assert (response.status, response.body) == (500, b"as it came")
    assert len(pair[0].requests) + len(pair[1].requests) == 1


# --- pooled connections ---


def test_reuses_a_connection_to_the_backend(world):
    backend = world.backend()
    client = world.connect(world.gateway(backend))
    ask(client, 5)
    assert len({request.connection for request in backend.requests}) == 1


def test_replaces_a_pooled_connection_that_the_backend_closed(world):
    backend = world.backend()

    def answer_and_close(exchange):
        exchange.reply()
        exchange.close()

    backend.handler = answer_and_close
    client = world.connect(world.gateway(backend))
    ask(client, 20)
    assert len({request.connection for request in backend.requests}) == 20


@pytest.mark.parametrize("how", ["reset", "close"])
def test_replaces_a_pooled_connection_that_ends_when_it_is_used(world, how):
    """The race that an idle time-out of the backend makes: the request meets the close."""
    backend = world.backend()

    def second_use_ends(exchange):
        used = [r.connection for r in backend.requests].count(exchange.request.connection)
        if used > 1:
            getattr(exchange, how)()
        else:
            exchange.reply(200, exchange.request.body)

    backend.handler = second_use_ends
    client = world.connect(world.gateway(backend))
    for number in range(5):
        body = b"body %d" % number
        assert client.request("POST", "/olla/vllm/v1/audio/x", body=body).body == body


def test_heeds_a_backend_that_says_it_closes(world):
    backend = world.backend()
    backend.handler = lambda exchange: exchange.reply(headers=[("Connection", "close")])
    ask(world.connect(world.gateway(backend)), 3)
    assert len({request.connection for request in backend.requests}) == 3


def test_does_not_reuse_a_connection_whose_answer_was_cut_short(world):
    backend = world.backend()
    gateway = world.gateway(backend)
    client = world.connect(gateway)
    gone = threading.Event()

    def wait(exchange):
        exchange.begin_stream()
        exchange.wait_for_close()
        gone.set()

    backend.handler = wait
    client.send(json_request(CHAT, BODY))
    client.read_head()
    client.close()
    assert gone.wait(scaled(10))
    backend.handler = lambda exchange: exchange.reply(body=b"mine")
    assert world.connect(gateway).request("GET", "/olla/vllm/v1/audio/x").body == b"mine"
    assert backend.requests[-1].connection != backend.requests[-2].connection


# --- after the first byte: never ---


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("content_type", ["text/event-stream", "application/json"])
def test_never_asks_again_after_the_first_byte(world, pair, how, content_type):
    got = threading.Event()

    def break_off(exchange):
        exchange.begin_stream(content_type)
        exchange.event("part")
        assert got.wait(scaled(10))
        getattr(exchange, how)()

    for backend in pair:
        backend.handler = break_off
    client = world.connect(world.gateway(*pair))
    client.send(json_request(CHAT, BODY))
    assert client.read_head().status == 200
    client.reader.through(b"data: part\n\n\r\n")
    got.set()
    assert not client.read_rest().endswith(LAST_CHUNK), "a truncated answer looks complete"
    assert len(pair[0].requests) + len(pair[1].requests) == 1


# --- none left ---


def assert_unavailable(response):
    assert_error(response, 503)
    assert int(response.header("retry-after")) >= 1
    assert response.header("x-olla-request-id")


def test_answers_503_when_every_endpoint_refuses(world, pair):
    gateway = world.gateway(*pair)
    for backend in pair:
        backend.refuse()
    client = world.connect(gateway)
    for _ in range(3):
        assert_unavailable(client.post(CHAT, BODY))
    assert str(pair[0].port) not in client.post(CHAT, BODY).body.decode(), "an address leaks out"


def test_answers_404_when_there_is_no_endpoint_at_all(world):
    gateway = world.gateway()
    assert_error(world.connect(gateway).post(CHAT, BODY), 404)


def test_answers_503_when_every_endpoint_is_unhealthy(world, pair):
    for backend in pair:
        backend.health = 500
    gateway = world.gateway(*pair, ready=[])
    for backend in pair:
        backend.wait_until(lambda b=backend: b.health_times, "a health check")
    client = world.connect(gateway)
    # The check's answer is on its way to the gateway when the backend has counted it.
    deadline = time.monotonic() + scaled(5)
    while (response := client.post(CHAT, BODY)).status != 503 and time.monotonic() < deadline:
        pass
    assert_unavailable(response)


# --- health checks ---

FAST = {"check_interval": "200ms", "check_timeout": "100ms"}


def test_checks_health_as_often_as_it_is_told(world):
    backend = world.backend()
    world.gateway(backend, endpoint=FAST)
    backend.wait_until(lambda: len(backend.health_times) >= 11, "eleven health checks", 20)
    span = backend.health_times[10] - backend.health_times[0]
    assert 1.5 <= span < scaled(4), f"ten intervals of 0.2 s took {span:.2f} s"


def test_checks_health_with_the_endpoints_own_headers(world):
    backend = world.backend()
    world.gateway(backend, endpoint={"headers": {"X-Key": "for-checks-too"}})
    assert backend.health_requests[0].header("x-key") == "for-checks-too"


def test_sends_nothing_to_an_endpoint_that_says_it_is_unhealthy(world, pair):
    pair[0].health = 503
    gateway = world.gateway(*pair, endpoint=FAST, ready=[pair[1]])
    pair[0].wait_until(lambda: len(pair[0].health_times) >= 2, "two health checks")
    assert set(ask(world.connect(gateway), 6)) == {"second"}
    assert pair[0].requests == []


def test_an_endpoint_that_turns_unhealthy_gets_no_more(world, pair):
    gateway = world.gateway(*pair, endpoint=FAST)
    pair[0].health = 500
    checks = len(pair[0].health_times)
    pair[0].wait_until(lambda: len(pair[0].health_times) >= checks + 2, "two health checks")
    asked = len(pair[0].requests)
    assert set(ask(world.connect(gateway), 6)) == {"second"}
    assert len(pair[0].requests) == asked


@pytest.mark.parametrize("fault", ["unhealthy", "refused"])
def test_an_endpoint_that_recovers_is_used_within_a_check_interval(world, fault):
    backend = world.backend()
    interval = {"check_interval": "1s", "check_timeout": "500ms"}
    gateway = world.gateway(backend, endpoint=interval)
    client = world.connect(gateway)
    if fault == "refused":
        backend.refuse()
    else:
        backend.health = 500
    deadline = time.monotonic() + scaled(10)
    while client.post(CHAT, BODY).status != 503:
        assert time.monotonic() < deadline, "the fault was never noticed"
    if fault == "refused":
        backend.listen_again()
    else:
        backend.health = 200
    back_at = time.monotonic()
    assert world.wait_until_used(gateway, backend) - back_at < 1 + scaled(0.75)


def test_a_check_that_gets_no_answer_counts_as_a_failure(world, pair):
    gateway = world.gateway(*pair, endpoint=FAST, config={"proxy": {"connection_timeout": "500ms"}})
    fillers = pair[0].swallow_connects()
    deadline = time.monotonic() + scaled(10)
    client = world.connect(gateway)
    while set(ask(client, 4)) != {"second"}:
        assert time.monotonic() < deadline
    for filler in fillers:
        filler.close()

"""What becomes of requests whose endpoint fails: another one, and when not."""

import signal
import threading
import time

import pytest

from harness.backend import Exchange
from harness.client import Client
from harness.environment import scaled
from harness.fleet import CHAT, FAST, MESSAGES
from harness.message import LAST_CHUNK, Truncated, json_request, request_bytes
from harness.world import World

PATH = "/olla/vllm" + CHAT
BODY = {"model": "tiny", "messages": MESSAGES}


# --- requests that kill ---


def test_a_request_that_kills_takes_down_two_of_three(world: World):
    dead: list[str] = []
    lock = threading.Lock()

    def handler_of(name: str):
        def handler(exchange: Exchange):
            if b"poison" not in exchange.request.body:
                return exchange.json(b"{}")
            with lock:
                dead.append(name)
            backend = next(backend for backend in backends if backend.name == name)
            backend.refuse()
            exchange.reset()

        return handler

    backends = [world.backend(name=name) for name in "abc"]
    for backend in backends:
        backend.handler = handler_of(backend.name)
    gateway = world.gateway(*backends)
    client = world.connect(gateway)
    response = client.post(PATH, {**BODY, "user": "poison"})
    assert response.status == 502
    assert response.json()["error"]["code"] == "request_kills_endpoint"
    assert len(dead) == 2
    (alive,) = {"a", "b", "c"} - set(dead)
    for _ in range(5):
        response = client.post(PATH, BODY)
        assert (response.status, response.header("x-olla-endpoint")) == (200, alive)


# --- endpoints that freeze ---


def test_requests_that_wait_on_a_frozen_server_move_to_another(world: World):
    frozen = world.sim("--ttft", "600s", "--enable-server-load-tracking")
    other = world.backend(name="other")
    release = threading.Event()

    def hold(exchange: Exchange):
        assert release.wait(scaled(30))
        exchange.json(b"{}")

    other.handler, other.models = hold, ["tiny"]
    fleet = world.fleet(frozen.endpoint(name="frozen", **FAST), other.endpoint(**FAST))
    clients = [world.connect(fleet.gateway, timeout=30) for _ in range(10)]
    for client in clients:
        client.send(json_request(PATH, BODY))
    direct = world.connect(frozen)

    def frozen_load() -> int:
        return direct.request("GET", "/load").json()["server_load"]

    # About half of them; threads that choose at the same moment do not see each other's choice.
    fleet.until(lambda: len(other.requests) + frozen_load() == 10, "all of the requests")
    assert frozen_load() > 0
    frozen.signal(signal.SIGSTOP)
    try:
        other.wait_for_requests(10, timeout=20)
        release.set()
        for client in clients:
            response = client.read_response()
            assert (response.status, response.header("x-olla-endpoint")) == (200, "other")
    finally:
        frozen.signal(signal.SIGCONT)


# --- the queue ---


def test_requests_wait_over_the_restart_of_the_only_server(world: World):
    backend = world.backend(name="only")
    gateway = world.gateway(backend, endpoint=FAST, config={"queue": {"wait": "60s"}})
    backend.refuse()
    clients = [world.connect(gateway, timeout=60) for _ in range(8)]
    for client in clients[:4]:
        client.send(json_request(PATH, BODY))  # These meet the end of the old server.
    gateway.wait_for_record(lambda record: record["msg"] == "endpoint is unhealthy", "its end")
    for client in clients[4:]:
        client.send(json_request(PATH, BODY))  # These find none.
    leaving = Client(gateway.port)
    leaving.send(json_request(PATH, BODY))
    leaving.close()
    gateway.access(status=499)
    backend.listen_again()
    for client in clients:
        assert client.read_response().status == 200
    lines = gateway.access(count=8, status=200, path=PATH)
    assert all(line["queued_ms"] > 0 for line in lines)
    assert max(line.get("tries", 1) for line in lines) >= 2


def test_the_overflow_of_a_limited_endpoint_waits_in_line(world: World):
    most = 0
    running: set[int] = set()
    lock = threading.Lock()

    def count(exchange: Exchange):
        nonlocal most
        with lock:
            running.add(exchange.number)
            most = max(most, len(running))
        time.sleep(0.02)
        with lock:
            running.discard(exchange.number)
        exchange.json(b"{}")

    backend = world.backend(count)
    gateway = world.gateway(
        backend, endpoint={"max_concurrent": 3}, config={"queue": {"wait": "60s"}}
    )
    clients = [world.connect(gateway, timeout=60) for _ in range(40)]
    for client in clients:
        client.send(json_request(PATH, BODY))
    for client in clients:
        assert client.read_response().status == 200
    assert 1 < most <= 3


def test_the_overflow_is_refused_when_nothing_may_wait(world: World):
    release = threading.Event()

    def hold(exchange: Exchange):
        assert release.wait(scaled(20))
        exchange.json(b"{}")

    backend = world.backend(hold)
    gateway = world.gateway(backend, endpoint={"max_concurrent": 1})
    held = world.connect(gateway)
    held.send(json_request(PATH, BODY))
    backend.wait_for_requests(1)
    response = world.connect(gateway).post(PATH, BODY)
    assert response.status == 503 and response.header("retry-after") == "1"
    assert response.json()["error"]["code"] == "endpoints_full"
    release.set()
    assert held.read_response().status == 200


# --- w03, w06, w07: behind the first byte ---


@pytest.mark.parametrize("how", ["close", "reset"])
def test_olla_w03_a_break_in_mid_stream_is_visible(world: World, how: str):
    def breaks(exchange: Exchange):
        exchange.begin_stream()
        exchange.event("first")
        if how == "close":
            exchange.close()
        else:
            exchange.reset()

    client = world.connect(world.gateway(world.backend(breaks)))
    client.send(json_request(PATH, {**BODY, "stream": True}))
    assert client.read_head().status == 200
    rest = client.read_rest()
    assert b"data: first" in rest and b'"error"' in rest
    assert not rest.endswith(LAST_CHUNK), "the end must not look like a good one"


def test_olla_w06_a_get_is_not_continued_with_the_bytes_of_another_endpoint(world: World):
    def breaks(exchange: Exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nt0\r\n")
        exchange.reset()

    backends = [world.backend(breaks, name) for name in "ab"]
    client = world.connect(world.gateway(*backends))
    client.send(request_bytes("GET", "/olla/vllm/v1/audio/t"))
    with pytest.raises(Truncated):
        client.read_response("GET")
    assert sum(len(backend.requests) for backend in backends) == 1


def test_olla_w07_a_stream_that_stalls_is_cut_and_one_that_recovers_is_not(world: World):
    go_on = threading.Event()

    def recovers(exchange: Exchange):
        exchange.begin_stream()
        exchange.event("first")
        assert go_on.wait(scaled(20))
        exchange.event("second")
        exchange.end_stream()

    def stalls(exchange: Exchange):
        exchange.begin_stream()
        exchange.event("first")
        exchange.wait_for_close(20)

    handlers = {b"recovers": recovers, b"stalls": stalls}
    backend = world.backend(
        lambda exchange: next(
            handler for word, handler in handlers.items() if word in exchange.request.body
        )(exchange)
    )
    limit = scaled(2)
    gateway = world.gateway(backend, config={"proxy": {"read_timeout": f"{limit:.0f}s"}})
    clients = {}
    for word in handlers:
        clients[word] = world.connect(gateway, timeout=30)
        request = {**BODY, "stream": True, "user": word.decode()}
        clients[word].send(json_request(PATH, request))
        clients[word].reader.through(b"data: first\n\n\r\n")
    began = time.monotonic()
    time.sleep(limit / 2)
    go_on.set()
    rest = clients[b"recovers"].reader.through(LAST_CHUNK)
    assert b"data: second" in rest and b'"error"' not in rest
    rest = clients[b"stalls"].read_rest()
    assert time.monotonic() - began >= limit * 0.9
    assert b"went silent" in rest and not rest.endswith(LAST_CHUNK)


# --- w15, w16: what is tried elsewhere ---


def test_olla_w15_an_end_before_the_answer_is_tried_elsewhere(world: World):
    closing, good = world.backend(lambda exchange: exchange.close()), world.backend(name="good")
    client = world.connect(world.gateway(closing, good))
    for _ in range(4):
        response = client.post(PATH, BODY)
        assert (response.status, response.header("x-olla-endpoint")) == (200, "good")
    assert closing.requests


@pytest.mark.parametrize("status", [502, 503, 504, 429])
def test_olla_w16_an_answer_that_says_not_here_is_asked_for_elsewhere(world: World, status: int):
    def not_here(exchange: Exchange):
        exchange.reply(status, b"no", [("retry-after", "7")])

    refusing, good = world.backend(not_here, "refusing"), world.backend(name="good")
    client = world.connect(world.gateway(refusing, good))
    for _ in range(4):
        response = client.post(PATH, BODY)
        assert (response.status, response.header("x-olla-endpoint")) == (200, "good")
    assert refusing.requests
    good.handler = not_here
    response = client.post(PATH, BODY)
    assert (response.status, response.body) == (status, b"no")
    assert response.header("retry-after") == "7"


# --- w17: no silent limit ---


def test_olla_w17_sixty_requests_reach_one_backend_at_once(world: World):
    together = threading.Barrier(60)

    def hold(exchange: Exchange):
        together.wait(scaled(20))
        exchange.begin_stream()
        exchange.end_stream()

    gateway = world.gateway(world.backend(hold))
    clients = [Client(gateway.port, timeout=30) for _ in range(60)]
    for client in clients:
        client.send(json_request(PATH, {**BODY, "stream": True}))
    for client in clients:
        assert client.read_response().status == 200
        client.close()


# --- w18: the end of the gateway ---


def refuses(port: int) -> bool:
    deadline = time.monotonic() + scaled(5)
    while time.monotonic() < deadline:
        try:
            Client(port).close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            pass  # It was in the queue of the listener that closes.
    return False


def test_olla_w18_streams_come_to_their_end_when_the_gateway_stops(world: World):
    go_on = threading.Event()

    def stream(exchange: Exchange):
        exchange.begin_stream()
        exchange.event("first")
        assert go_on.wait(scaled(20))
        exchange.event("last")
        exchange.end_stream()

    backend = world.backend(stream)
    gateway = world.gateway(backend, config={"server": {"shutdown_timeout": "60s"}})
    client = world.connect(gateway, timeout=30)
    client.send(json_request(PATH, {**BODY, "stream": True}))
    client.reader.through(b"data: first\n\n\r\n")
    gateway.signal(signal.SIGTERM)
    gateway.wait_for_record(lambda record: "stop" in record.get("msg", ""), "that it stops")
    # A balancer in front of the gateway sees it go, by the health document as by a connection.
    assert refuses(gateway.port)
    go_on.set()
    assert client.read_rest().endswith(b"data: last\n\n\r\n" + LAST_CHUNK)
    assert gateway.wait() == 0

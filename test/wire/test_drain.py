"""An endpoint that the operator takes out of service and back into it."""

import threading

import pytest

from harness.errors import assert_error
from harness.fleet import FAST
from harness.message import json_request

CHAT = "/olla/vllm/v1/chat/completions"
BODY = {"model": "tiny", "messages": []}


@pytest.fixture
def pair(world):
    return world.backend(name="first"), world.backend(name="second")


def command(world, gateway, name, verb, method="POST"):
    return world.connect(gateway).request(method, f"/internal/endpoints/{name}/{verb}")


def state(world, gateway, name, verb):
    response = command(world, gateway, name, verb)
    assert response.status == 200, response
    assert response.header("content-type") == "application/json"
    return response.json()


def answered_by(world, gateway, count):
    """The endpoints of `count` requests, each on a connection of its own."""
    names = []
    for _ in range(count):
        response = world.connect(gateway).post(CHAT, BODY, [("Connection", "close")])
        assert response.status == 200, response
        names.append(response.header("x-olla-endpoint"))
    return names


def test_olla_w48_a_drained_endpoint_finishes_what_it_has_and_gets_no_more(world, pair):
    go_on = threading.Event()

    def stream(exchange):
        exchange.begin_stream()
        exchange.event("one")
        go_on.wait(20)
        exchange.event("two")
        exchange.end_stream()

    pair[0].handler = stream
    gateway = world.gateway(*pair, config={"server": {"threads": 4}})
    command(world, gateway, "second", "drain")
    client = world.connect(gateway)
    client.send(json_request(CHAT, {**BODY, "stream": True}))
    head = client.read_head()
    assert dict(head.headers)["X-Olla-Endpoint"] == "first"
    assert state(world, gateway, "second", "undrain")["status"] == "healthy"

    expected = {"name": "first", "status": "draining", "drained": True, "active_connections": 1}
    assert state(world, gateway, "first", "drain") == expected
    # The answer came when every thread knew.
    assert set(answered_by(world, gateway, 24)) == {"second"}
    assert state(world, gateway, "first", "drain") == expected
    go_on.set()
    assert client.read_body(head, "POST").body == b"data: one\n\ndata: two\n\n"

    assert state(world, gateway, "first", "undrain")["drained"] is False
    assert set(answered_by(world, gateway, 6)) == {"first", "second"}
    told = lambda text: sum(record["msg"] == text for record in gateway.records())
    gateway.wait_for(lambda: told("endpoint is no longer drained") == 2, "the end of the drains")
    assert told("endpoint is drained") == 2


def test_a_drained_endpoint_stays_so_when_its_server_is_restarted(world, pair):
    gateway = world.gateway(*pair, endpoint={**FAST, "type": "openai-compatible"})
    state(world, gateway, "first", "drain")

    def is_now(message):
        return lambda r: r.get("msg") == message and r.get("endpoint") == "first"

    pair[0].refuse()
    gateway.wait_for_record(is_now("endpoint is unhealthy"), "the endpoint's failure")
    pair[0].listen_again()
    gateway.wait_for(
        lambda: sum(map(is_now("endpoint is healthy"), gateway.records())) == 2, "its recovery"
    )
    names = [
        world.connect(gateway).post("/olla/openai/v1/chat/completions", BODY) for _ in range(6)
    ]
    assert {name.header("x-olla-endpoint") for name in names} == {"second"}
    assert state(world, gateway, "first", "undrain")["status"] in ("warming", "healthy")
    world.wait_until_used(gateway, pair[0])


def test_with_every_endpoint_drained_there_is_none(world, pair):
    gateway = world.gateway(*pair)
    for backend in pair:
        state(world, gateway, backend.name, "drain")
    response = world.connect(gateway).post(CHAT, BODY)
    assert_error(response, 503)
    assert response.header("retry-after")
    document = world.connect(gateway).request("GET", "/olla/vllm/health").json()
    assert [part["status"] for part in document["endpoints"]] == ["draining", "draining"]


def test_an_endpoint_can_be_drained_before_its_first_check(world, pair):
    pair[0].health = 500
    gateway = world.gateway(*pair, ready=[])
    state(world, gateway, "second", "drain")
    response = world.connect(gateway).post(CHAT, BODY)
    assert response.header("x-olla-endpoint") != "second"


def test_commands_that_are_none(world, pair):
    gateway = world.gateway(*pair)
    assert assert_error(command(world, gateway, "third", "drain"), 404)["code"] == (
        "endpoint_not_found"
    )
    assert_error(command(world, gateway, "first", "stop"), 404)
    refused = command(world, gateway, "first", "drain", method="GET")
    assert_error(refused, 405)
    assert refused.header("allow") == "POST"
    assert set(answered_by(world, gateway, 4)) == {"first", "second"}


def test_a_name_may_be_escaped(world):
    backend = world.backend(name="rack/1?%20 a")
    gateway = world.gateway(backend)
    assert answered_by(world, gateway, 1) == ["rack/1?%20 a"]
    assert state(world, gateway, "rack%2F1%3F%2520%20a", "drain")["drained"] is True
    assert state(world, gateway, "rack/1%3F%2520%20a", "undrain")["drained"] is False

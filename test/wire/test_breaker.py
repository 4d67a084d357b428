"""An endpoint that is healthy by its checks and fails its requests."""

import time

import pytest

from harness.environment import scaled
from harness.errors import assert_error
from harness.message import json_request

CHAT = "/olla/openai/v1/chat/completions"
BODY = {"model": "tiny", "messages": []}
KIND = {"type": "openai-compatible"}
# The endpoint that is preferred is the one that fails.
PRIORITY = {"load_balancer": "priority"}


def config(**breaker):
    return {"proxy": PRIORITY, "breaker": breaker}


def fleet(world, handler, **breaker):
    first, second = world.backend(handler, name="first"), world.backend(name="second")
    gateway = world.gateway(
        config={
            **config(**breaker),
            "endpoints": [
                first.endpoint(priority=100, **KIND),
                second.endpoint(priority=50, **KIND),
            ],
        },
        ready=[],
    )
    # The second one is asked when the first one fails; it has to be known by then.
    gateway.wait_for_record(
        lambda r: r.get("msg") == "endpoint is healthy" and r["endpoint"] == "second", "its check"
    )
    world.wait_until_used(gateway, first)
    return gateway, first, second


def ask(world, gateway):
    response = world.connect(gateway).post(CHAT, BODY)
    assert response.status == 200, response
    return response.header("x-olla-endpoint")


def test_olla_w01_clients_that_leave_never_open_it(world):
    def slow(exchange):
        if exchange.number < 5:
            exchange.wait_for_close()
        else:
            exchange.reply()

    gateway, first, _ = fleet(world, slow)
    for count in range(1, 6):
        client = world.connect(gateway)
        client.send(json_request(CHAT, BODY))
        first.wait_for_requests(count)
        client.close()
        gateway.access(count, status=499)
    assert [ask(world, gateway) for _ in range(3)] == ["first"] * 3


def test_olla_w02_requests_go_past_an_open_one(world):
    gateway, first, _ = fleet(world, lambda exchange: exchange.reset())
    # Also the failures that open it are no client's: another endpoint answers.
    assert [ask(world, gateway) for _ in range(12)] == ["second"] * 12
    assert len(first.requests) == 5
    assert len(gateway.access(12, status=200, path=CHAT)) == 12
    (record,) = [record for record in gateway.records() if record["msg"] == "breaker opened"]
    assert record["endpoint"] == "first"


@pytest.mark.parametrize("status, opens", [(500, True), (501, False), (429, False), (400, False)])
def test_which_answers_open_it(world, status, opens):
    gateway, first, _ = fleet(world, lambda exchange: exchange.reply(status), failures=3)
    for _ in range(6):
        world.connect(gateway).post(CHAT, BODY)
    assert (len(first.requests) == 3) == opens
    assert gateway.running()


def test_one_request_goes_through_when_it_is_half_open(world):
    broken = True

    def handler(exchange):
        if broken:
            exchange.reset()
        else:
            exchange.reply()

    gateway, first, _ = fleet(world, handler, failures=2, open_for="500ms")
    assert [ask(world, gateway) for _ in range(4)] == ["second"] * 4
    assert len(first.requests) == 2
    time.sleep(0.6)
    # It fails once more, and is open for as long again.
    assert [ask(world, gateway) for _ in range(4)] == ["second"] * 4
    assert len(first.requests) == 3
    broken = False
    deadline = time.monotonic() + scaled(10)
    while ask(world, gateway) != "first":
        assert time.monotonic() < deadline, "it is never tried"
    assert [ask(world, gateway) for _ in range(4)] == ["first"] * 4


def test_where_nobody_else_is_left_it_is_tried_early(world):
    broken = True

    def handler(exchange):
        if broken:
            exchange.reset()
        else:
            exchange.reply()

    backend = world.backend(handler, name="only")
    gateway = world.gateway(backend, endpoint=KIND, config=config(failures=2))
    for _ in range(2):
        world.connect(gateway).post(CHAT, BODY)
    refused = world.connect(gateway).post(CHAT, BODY)
    assert_error(refused, 503)
    assert refused.header("retry-after")
    assert len(backend.requests) == 2
    broken = False
    deadline = time.monotonic() + scaled(10)  # Not the 30 s for which it is open.
    while world.connect(gateway).post(CHAT, BODY).status != 200:
        assert time.monotonic() < deadline, "it is never tried"


def test_it_can_be_turned_off(world):
    gateway, first, _ = fleet(world, lambda exchange: exchange.reset(), enabled=False)
    for _ in range(8):
        assert ask(world, gateway) == "second"
    assert len(first.requests) == 8

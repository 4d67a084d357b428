"""When endpoints go out and come back, and what their status is called."""

import time

import pytest

from harness.environment import SLOW, scaled

CHAT = "/olla/openai/v1/chat/completions"
BODY = {"model": "tiny", "messages": []}
# A slow program that misses a check in a row is no test's subject.
INTERVAL = 0.4 * SLOW
TIMEOUT = 0.2 * SLOW
OFTEN = {
    "type": "openai-compatible",
    "check_interval": f"{INTERVAL * 1000:.0f}ms",
    "check_timeout": f"{TIMEOUT * 1000:.0f}ms",
}


def status(world, gateway, name):
    """The endpoint's status word; the command changes nothing."""
    response = world.connect(gateway).request("POST", f"/internal/endpoints/{name}/undrain")
    assert response.status == 200, response
    return response.json()["status"]


def wait_for_status(world, gateway, name, *words, timeout=10):
    deadline = time.monotonic() + scaled(timeout)
    while (word := status(world, gateway, name)) not in words:
        assert time.monotonic() < deadline, f"{name} is {word}, never {words}"
        time.sleep(0.01)
    return time.monotonic()


def answered_by(world, gateway, count=6):
    client = world.connect(gateway)
    return {client.post(CHAT, BODY).header("x-olla-endpoint") for _ in range(count)}


@pytest.mark.parametrize(
    "code, word", [(401, "config_error"), (403, "config_error"), (500, "unhealthy")]
)
def test_the_first_check_decides_and_its_reason_is_told(world, code, word):
    bad, good = world.backend(name="bad"), world.backend(name="good")
    bad.health = code
    gateway = world.gateway(bad, good, endpoint=OFTEN, ready=[good])
    wait_for_status(world, gateway, "bad", word)
    assert answered_by(world, gateway) == {"good"}
    record = gateway.wait_for_record(
        lambda r: r.get("msg") == "endpoint is unhealthy" and r["endpoint"] == "bad", "the reason"
    )
    assert record["status"] == word and record["error"] == f"status {code}"
    bad.health = 200
    wait_for_status(world, gateway, "bad", "warming", "healthy")


def test_as_many_failures_and_successes_as_the_config_says(world):
    backend = world.backend(name="a")
    rules = {"unhealthy_after": 4, "healthy_after": 3, "slow_start": "0s"}
    gateway = world.gateway(backend, endpoint={**OFTEN, **rules})
    for code, word, needed in [(401, "config_error", 4), (200, "healthy", 3)]:
        before = len(backend.health_times)
        backend.health = code
        wait_for_status(world, gateway, "a", word)
        # One may have been answered before the change, and one after it was noticed.
        assert needed <= len(backend.health_times) - before <= needed + 2


def test_an_endpoint_that_comes_back_warms_up(world):
    backend = world.backend(name="a")
    slow_start = 1.5 * SLOW
    endpoint = {**OFTEN, "slow_start": f"{slow_start * 1000:.0f}ms"}
    gateway = world.gateway(backend, endpoint=endpoint)
    assert status(world, gateway, "a") == "healthy"  # The gateway's start is no coming back.
    backend.refuse()
    wait_for_status(world, gateway, "a", "offline")
    backend.listen_again()
    began = wait_for_status(world, gateway, "a", "warming")
    assert answered_by(world, gateway) == {"a"}
    assert wait_for_status(world, gateway, "a", "healthy") - began > slow_start / 2


def test_an_endpoint_that_is_asked_too_often_is_left_alone(world):
    backend = world.backend(name="a")
    gateway = world.gateway(backend, endpoint=OFTEN)
    backend.health_headers = [("Retry-After", "2")]
    backend.health = 429
    wait_for_status(world, gateway, "a", "rate_limited")
    backend.health = 200
    wait_for_status(world, gateway, "a", "warming", "healthy")
    gaps = [b - a for a, b in zip(backend.health_times, backend.health_times[1:])]
    # One check is enough, and it is the last for two seconds.
    assert sum(gap > 1.9 for gap in gaps) == 1, gaps


@pytest.mark.parametrize("fault", ["refused", "silent"])
def test_olla_w13_out_within_two_intervals_and_back_within_one(world, fault):
    backend = world.backend(name="a")
    gateway = world.gateway(backend, endpoint=OFTEN)
    slack = scaled(0.3)  # For the threads of this test.
    for _ in range(3):
        gone_at = time.monotonic()
        if fault == "refused":
            backend.refuse()
            fillers = []
        else:
            fillers = backend.swallow_connects()
        out_at = wait_for_status(world, gateway, "a", "offline")
        assert out_at - gone_at <= 2 * INTERVAL + TIMEOUT + slack
        for filler in fillers:
            filler.close()
        if fillers:
            backend.refuse()
        backend.listen_again()
        back_at = time.monotonic()
        up_at = wait_for_status(world, gateway, "a", "warming", "healthy")
        assert up_at - back_at <= INTERVAL + slack


def test_olla_w14_one_reset_takes_nobody_out(world):
    def reset_once(exchange):
        if exchange.number == 0:
            exchange.reset()
        else:
            exchange.reply()

    backends = [world.backend(reset_once, name=name) for name in ("a", "b")]
    # Its checks come every 30 s: what follows is the work of the one that the failure asks for.
    gateway = world.gateway(*backends, endpoint={"type": "openai-compatible"})
    checks = [len(backend.health_times) for backend in backends]
    client = world.connect(gateway)
    # Both fail once; the client sees one failure at most, where nobody else is left.
    for _ in range(2):
        client.post(CHAT, BODY)
    for backend, before in zip(backends, checks):
        backend.wait_until(lambda b=backend, n=before: len(b.health_times) > n, "a health check")
    assert answered_by(world, gateway) == {"a", "b"}
    assert [status(world, gateway, name) for name in "ab"] == ["healthy", "healthy"]

"""How often the engines are asked for their metrics: never because of a client."""

import time

from harness.engine_metrics import METRICS
from harness.fleet import FAST, Fleet


def scraped(world, interval: str, **endpoint):
    backend = world.backend(name="a")
    backend.documents["/metrics"] = METRICS
    fleet = world.fleet(
        backend.endpoint(**endpoint), config={"vllm": {"metrics_interval": interval}}
    )
    return backend, fleet


def read_everything(fleet: Fleet) -> None:
    for path in ("/metrics", "/health", "/metrics?endpoint=a", "/health?endpoint=a", "/ping"):
        assert fleet.get(path).status == 200


def test_a_client_that_reads_metrics_costs_the_engines_nothing(world):
    backend, fleet = scraped(world, "24h")
    fleet.until(lambda: fleet.endpoints()["a"]["age_seconds"], "figures")
    for _ in range(10):
        read_everything(fleet)
    assert b"vllm:num_requests_running" in fleet.get("/metrics").body
    assert len(backend.times_asked("/metrics")) == 1
    assert backend.requests == []


def test_scrapes_once_in_an_interval(world):
    began = time.monotonic()
    backend, fleet = scraped(world, "200ms")
    while len(times := backend.times_asked("/metrics")) < 5:
        read_everything(fleet)
    # However late the backend notes them: the gateway cannot have sent more.
    assert len(times) <= 2 + (time.monotonic() - began) / 0.2


def test_scrapes_less_often_while_it_fails(world):
    backend, fleet = scraped(world, "100ms")
    fleet.until(lambda: fleet.endpoints()["a"]["age_seconds"], "figures")
    began = time.monotonic()
    del backend.documents["/metrics"]
    failed = fleet.gateway.wait_for_record(
        lambda record: record["msg"] == "cannot read the metrics", "that it cannot read them"
    )
    assert failed["endpoint"] == "a" and "404" in failed["error"]
    count = len(backend.times_asked("/metrics"))
    age = fleet.endpoints()["a"]["age_seconds"]
    backend.wait_until(lambda: len(backend.times_asked("/metrics")) > count, "one more try")
    assert time.monotonic() - began > 0.9, "it is repeated after ten intervals, one second"
    # The last figures stay, and their age tells.
    part = fleet.endpoints()["a"]
    assert part["age_seconds"] > age and part["num_requests_running"] == 7
    backend.documents["/metrics"] = METRICS.replace(b"11.0", b"12.0")
    fleet.until(lambda: fleet.health()["num_requests_waiting"] == 12, "new figures")


def test_never_scrapes_when_it_is_switched_off(world):
    backend, fleet = scraped(world, "0", **FAST)
    checks = len(backend.health_times)
    backend.wait_until(lambda: len(backend.health_times) >= checks + 2, "two health checks")
    read_everything(fleet)
    part = fleet.endpoints()["a"]
    assert part["status"] == "healthy"
    assert part["age_seconds"] is None and part["num_requests_running"] is None
    assert backend.times_asked("/metrics") == []

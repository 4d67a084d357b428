"""GET /metrics of a simulated server: the families of a real one, and figures that move."""

import re
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness import recorded
from harness.environment import scaled
from harness.message import json_request

CHAT = "/v1/chat/completions"
BODY = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}
FAST = ("--kind", "generate", "--ttft", "0", "--itl", "0")


def page(at) -> str:
    response = at.request("GET", "/metrics")
    assert response.header("content-type") == "text/plain; version=1.0.0; charset=utf-8"
    return response.body.decode()


def parsed(text: str) -> dict[str, tuple[str, set[str], str]]:
    """Type, labels and help of each family that has samples, in the official parser's reading, by
    its name in the text."""
    out = {}
    for family in text_string_to_metric_families(text):
        total = family.type == "counter"
        name = family.name + ("_total" if total else "")
        labels = {label for sample in family.samples for label in sample.labels}
        if family.type == "summary":
            labels.discard("quantile")
        if family.samples:
            out[name] = (family.type, labels, family.documentation)
    return out


def real(version: str) -> dict[str, tuple[str, set[str], str]]:
    out = {}
    for line in (recorded.FOLDER / "metrics" / f"{version}.tsv").read_text().splitlines():
        name, kind, labels, text = line.split("\t")
        out[name] = (kind, set(labels.split(",")) - {""}, text)
    return out


@pytest.mark.parametrize("version", ["0.32.0", "0.11.0"])
def test_shows_the_families_of_a_real_server(world, version):
    at = world.connect(world.sim("--vllm-version", version, *FAST))
    assert at.post(CHAT, BODY).status == 200
    here, there = parsed(page(at)), real(version)
    assert list(here) == list(there), "other families, or in another order"
    for name, (kind, labels, text) in there.items():
        assert here[name][:2] == (kind, labels), name
        assert here[name][2].strip() == text.strip(), name


def test_shows_families_without_series_before_the_first_request(world):
    text = page(world.connect(world.sim(*FAST)))
    types = re.findall(r"^# TYPE (http_\S+) (\S+)$", text, re.M)
    assert types == [
        ("http_requests_total", "counter"),
        ("http_request_size_bytes", "summary"),
        ("http_response_size_bytes", "summary"),
        ("http_request_duration_highr_seconds", "histogram"),
        ("http_request_duration_highr_seconds_created", "gauge"),
        ("http_request_duration_seconds", "histogram"),
    ]


def value(at, series: str) -> float | None:
    found = re.search(rf"^{re.escape(series)} (\S+)$", page(at), re.M)
    return float(found.group(1)) if found else None


def test_counts_requests_over_http(world):
    at = world.connect(world.sim(*FAST, "--api-key", "k"))
    key = [("Authorization", "Bearer k")]
    for stream in (False, True, True):
        at.post(CHAT, {**BODY, "stream": stream}, key)
    at.post(CHAT, {**BODY, "model": "nope"}, key)
    at.post("/v1/nothing", {}, key)
    at.request("GET", "/v1/models/", key)
    at.request("GET", "/v1/responses/resp_1", key)
    at.request("GET", "/health")
    assert at.post(CHAT, BODY).status == 401, "which is not counted"
    counts = {
        ("/v1/chat/completions", "POST", "2xx"): 3,
        ("/v1/chat/completions", "POST", "4xx"): 1,
        ("none", "POST", "4xx"): 1,
        ("/v1/models/", "GET", "3xx"): 1,
        ("/v1/responses/{response_id}", "GET", "4xx"): 1,
    }
    told = re.findall(
        r'^http_requests_total{handler="(.*)",method="(.*)",status="(.*)"} (\S+)$', page(at), re.M
    )
    assert {tuple(labels): float(count) for *labels, count in told} == counts
    size = len(json_request(CHAT, BODY).partition(b"\r\n\r\n")[2])
    sizes = 'http_request_size_bytes_sum{handler="/v1/chat/completions"}'
    assert value(at, sizes) > 4 * size
    assert value(at, "http_request_duration_highr_seconds_count") == sum(counts.values())


def test_tells_what_its_process_costs(world):
    sim = world.sim(*FAST)
    at = world.connect(sim)
    assert value(at, "process_resident_memory_bytes") == pytest.approx(
        sim.resident_kb() * 1024, rel=0.2
    )
    assert abs(value(at, "process_start_time_seconds") - time.time()) < scaled(60)
    before = value(at, "process_open_fds")
    others = [world.connect(sim) for _ in range(5)]
    for other in others:
        assert other.request("GET", "/health").status == 200
    assert value(at, "process_open_fds") == before + len(others)
    assert value(at, "process_max_fds") > before
    cpu, deadline = value(at, "process_cpu_seconds_total"), time.monotonic() + scaled(20)
    while value(at, "process_cpu_seconds_total") == cpu:
        assert time.monotonic() < deadline, "no time was spent"

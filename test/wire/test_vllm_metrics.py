"""GET /olla/vllm/metrics: one valid exposition for the whole fleet."""

import gzip
import math

import pytest

from harness.engine_metrics import METRICS
from harness.errors import assert_error
from harness.exposition import assert_same, check_exposition, official_samples, series
from harness.fleet import CHAT, ENDLESS, FAST, PREFIX
from harness.message import json_request

OFTEN = {"vllm": {"metrics_interval": "100ms"}}
QUICK = ("--ttft", "0", "--itl", "0")
# vLLM's own name, of a histogram.
MISNAMED = ("vllm:iteration_tokens_total",)
E2E = "vllm:e2e_request_latency_seconds"
DURATION = "vllm_request_duration_seconds"

DCGM = b"""\
# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-0a",modelName="NVIDIA H100"} 97
# HELP DCGM_FI_DEV_FB_USED Framebuffer memory used (in MiB).
# TYPE DCGM_FI_DEV_FB_USED gauge
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-0a",modelName="NVIDIA H100"} 12288
DCGM_FI_DEV_FB_USED{gpu="1",UUID="GPU-1b",modelName="NVIDIA H100"} 12289
"""


def read(fleet, query=""):
    """All samples of a valid exposition, on which the official parser agrees."""
    response = fleet.get("/metrics" + query)
    assert response.status == 200
    assert response.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    text = response.body.decode()
    samples = check_exposition(text, MISNAMED)
    assert_same(official_samples(text), samples)
    return samples


def read_all(fleet, *names):
    """The same, once there are figures of these endpoints."""
    ages = [series("olla_endpoint_scrape_age_seconds", endpoint=name) for name in names]
    return fleet.until(
        lambda: (samples := read(fleet)) and all(age in samples for age in ages) and samples,
        "figures of " + ", ".join(names),
    )


def labelled(samples, endpoint):
    """An engine's own samples as the fleet should tell them."""
    return {
        (name, labels | {("endpoint", endpoint)}): value
        for (name, labels), value in samples.items()
    }


@pytest.fixture(scope="module")
def mixed(shared):
    """Two versions, one of them with two engines, both of one model; nine requests are over."""
    new = shared.sim(*QUICK, "--data-parallel-size", "2")
    old = shared.sim(*QUICK, "--vllm-version", "0.11.0")
    fleet = shared.fleet(new.endpoint(name="new"), old.endpoint(name="old"), config=OFTEN)
    for _ in range(9):
        assert fleet.chat(max_tokens=4).status == 200
    count = series(DURATION + "_count", model="tiny")
    fleet.until(lambda: read(fleet).get(count) == 9, "nine requests in the metrics")
    return fleet, {"new": new, "old": old}


def test_has_every_family_of_every_engine_with_its_endpoint(shared, mixed):
    fleet, sims = mixed
    samples = read(fleet)
    for name, sim in sims.items():
        engine = official_samples(shared.connect(sim).request("GET", "/metrics").body.decode())
        wanted = labelled(engine, name)
        assert set(wanted) <= set(samples)
        # What the process costs goes on between two looks.
        still = [key for key in wanted if not key[0].startswith("process_")]
        assert {key: samples[key] for key in still} == {key: wanted[key] for key in still}
        told = {
            key for key in samples if key[0].startswith("vllm:") and ("endpoint", name) in key[1]
        }
        assert told == {key for key in wanted if key[0].startswith("vllm:")}
    names = {name for name, _ in samples}
    assert "vllm:engine_sleep_state" in names, "a family that only the new one has"
    assert (
        "vllm:time_per_output_token_seconds_bucket" in names
    ), "a family that only the old one has"


def test_merges_the_latencies_of_all_engines_exactly(mixed):
    samples = read(mixed[0])

    def buckets(family):
        sums = {}
        for (name, labels), value in samples.items():
            if name == family + "_bucket":
                bound = float(dict(labels)["le"])
                sums[bound] = sums.get(bound, 0) + value
        return sums

    merged = buckets(DURATION)
    assert merged == buckets(E2E) and merged[math.inf] == 9
    assert samples[series(DURATION + "_count", model="tiny")] == 9
    total = sum(value for (name, _), value in samples.items() if name == E2E + "_sum")
    assert samples[series(DURATION + "_sum", model="tiny")] == pytest.approx(total)
    assert {labels for name, labels in samples if name == DURATION + "_sum"} == {
        frozenset([("model", "tiny")])
    }


def test_counts_what_runs_and_waits_by_model(world):
    slow = ("--itl", "1s", "--max-num-seqs", "1")
    sims = [
        world.sim(*slow, model="x"),
        world.sim(*slow, "--data-parallel-size", "2", model="x"),
        world.sim(*slow, model="y"),
    ]
    fleet = world.fleet(*(s.endpoint(name=n) for s, n in zip(sims, "abc")), config=OFTEN)
    # The fewest in flight get the next one: two of "x" go to each of its endpoints.
    clients = [world.connect(fleet.gateway) for _ in range(5)]
    for client, model in zip(clients, "xxxxy"):
        client.send(json_request(PREFIX + CHAT, {"model": model, **ENDLESS}))
        assert client.read_head().status == 200
    busy = {
        series("vllm_num_requests_running", model="x"): 3,
        series("vllm_num_requests_waiting", model="x"): 1,
        series("vllm_num_requests_running", model="y"): 1,
        series("vllm_num_requests_waiting", model="y"): 0,
    }

    def shows(wanted):
        samples = read(fleet)
        return {key: samples.get(key) for key in wanted} == wanted

    fleet.until(lambda: shows(busy), "four requests running and one waiting")
    for client in clients:
        client.close()
    fleet.until(lambda: shows(dict.fromkeys(busy, 0)), "the end of all requests")


def test_tells_the_memory_of_gpus_that_an_exporter_tells(world):
    exporter = world.backend(name="exporter")
    exporter.documents["/gpu"] = DCGM
    engines = [world.backend(name=name) for name in "ab"]
    for engine in engines:
        engine.documents["/metrics"] = METRICS
    fleet = world.fleet(
        engines[0].endpoint(gpu_metrics_url=exporter.url + "/gpu"), engines[1].endpoint()
    )
    family = "vllm_gpu_memory_usage_bytes"
    samples = fleet.until(
        lambda: (samples := read_all(fleet, "a", "b"))
        and any(name == family for name, _ in samples)
        and samples,
        "the memory of the GPUs",
    )
    memory = {key: value for key, value in samples.items() if key[0] == family}
    assert memory == {
        series("vllm_gpu_memory_usage_bytes", endpoint="a", gpu="0"): 12288 * 2**20,
        series("vllm_gpu_memory_usage_bytes", endpoint="a", gpu="1"): 12289 * 2**20,
    }
    assert not any(name.startswith("DCGM") for name, _ in samples)


def test_invents_no_memory(world):
    exporter, engine = world.backend(name="exporter"), world.backend(name="a")
    engine.documents["/metrics"] = METRICS
    fleet = world.fleet(engine.endpoint(gpu_metrics_url=exporter.url + "/gpu"))
    assert not any("gpu_memory" in name for name, _ in read_all(fleet, "a"))
    fleet.until(lambda: exporter.times_asked("/gpu"), "a question to the exporter")
    assert not any("gpu_memory" in name for name, _ in read_all(fleet, "a"))
    without = world.fleet(engine.endpoint())
    assert not any("gpu_memory" in name for name, _ in read_all(without, "a"))


def test_is_valid_whatever_the_engines_tell(world):
    texts = {
        "a": METRICS,
        # Another order, other words of help, a label `endpoint` of its own, a series twice.
        "b": b"""\
# HELP vllm:x_total Wrong here: it is a gauge on another one.
# TYPE vllm:x_total counter
vllm:x_total{endpoint="mine"} 1
vllm:x_total{endpoint="mine"} 2
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{model_name="q\\"uo\\\\te\\n",engine="0"} 4
garbage { here
""",
        "c": b"# TYPE vllm:num_requests_running counter\nvllm:num_requests_running 1\n" + METRICS,
    }
    backends = []
    for name, text in texts.items():
        backend = world.backend(name=name)
        backend.documents["/metrics"] = text
        backends.append(backend)
    fleet = world.fleet(*(backend.endpoint() for backend in backends))
    for name in "abc":
        fleet.until(lambda n=name: fleet.endpoints()[n]["age_seconds"] is not None, name)
    text = fleet.get("/metrics").body.decode()
    samples = official_samples(text)
    assert samples[series("vllm:x_total", endpoint="b", exported_endpoint="mine")] == 1
    assert samples[series("vllm_num_requests_running", model='q"uo\\te\n')] == 4
    assert samples[series("vllm_num_requests_running", model="x")] >= 10
    types = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(types) == len(set(types))


def test_compresses_when_asked(mixed):
    fleet, _ = mixed
    for accepted in ("gzip", "deflate, gzip;q=0.5", "*"):
        response = fleet.get("/metrics", [("Accept-Encoding", accepted)])
        assert response.header("content-encoding") == "gzip", accepted
        assert response.header("vary") == "Accept-Encoding"
        text = gzip.decompress(response.body).decode()
        assert check_exposition(text, MISNAMED).keys() == read(fleet).keys()
        assert len(response.body) < len(text) / 3
    for refused in ("identity", "gzip;q=0", "br"):
        plain = fleet.get("/metrics", [("Accept-Encoding", refused)])
        assert plain.header("content-encoding") is None, refused
        assert plain.header("vary") == "Accept-Encoding"
        check_exposition(plain.body.decode(), MISNAMED)
    head = fleet.request("HEAD", "/metrics")
    assert head.status == 200 and head.body == b""


def test_asks_for_one_endpoint(mixed):
    fleet, _ = mixed
    samples = read(fleet, "?endpoint=old")
    endpoints = {dict(labels).get("endpoint") for _, labels in samples}
    assert endpoints == {"old", None}, "None: of the families of the page"
    own = sum(v for (name, _), v in samples.items() if name == E2E + "_count")
    assert samples[series(DURATION + "_count", model="tiny")] == own < 9
    assert_error(fleet.get("/metrics?endpoint=nobody"), 404)


def test_an_endpoint_that_is_down_keeps_nothing_but_its_age(world):
    backends = [world.backend(name=name) for name in "ab"]
    for backend in backends:
        backend.documents["/metrics"] = METRICS
    fleet = world.fleet(*(backend.endpoint(**FAST) for backend in backends))
    assert read_all(fleet, "a", "b")[series("vllm_num_requests_running", model="x")] == 10
    backends[0].health = 500
    fleet.until_status("a", "unhealthy")
    # A page is made anew after half a second.
    running = series("vllm_num_requests_running", model="x")
    samples = fleet.until(
        lambda: (samples := read(fleet)) and samples[running] == 5 and samples,
        "a page without the endpoint that is down",
    )
    of_the_lost = {name for name, labels in samples if ("endpoint", "a") in labels}
    assert of_the_lost == {"olla_endpoint_scrape_age_seconds"}


def test_an_empty_fleet_has_an_empty_exposition(world):
    assert world.fleet().get("/metrics").body == b""

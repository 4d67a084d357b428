"""Health and metrics of the gateway while streams run, beside the server's own metrics."""

import json
import threading
import time
from typing import Callable

import exposition
from cases import CHAT, PAGE_CHAT_MODEL, fixed
from check import Unmet, Way, expect
from compare import Result
from harness.client import Client
from harness.message import json_request

STREAMS = 8
TOKENS = 1900  # Under the context of 2048; some seconds for a batch of eight.
PATIENCE_SECONDS = 10  # The gateway reads the metrics once in a second.
MODEL = PAGE_CHAT_MODEL  # The label of all requests is the first served name.


class Streams:
    """Streams that run until they are read to their end."""

    def __init__(self, way: Way):
        self.ended = []
        self._threads = [threading.Thread(target=self._read, args=(way,)) for _ in range(STREAMS)]
        for thread in self._threads:
            thread.start()

    def _read(self, way: Way) -> None:
        client = Client(way.port, timeout=180)
        request = fixed(max_tokens=TOKENS, ignore_eos=True, stream=True)
        client.send(json_request(way.prefix + CHAT, request))
        response = client.read_response("POST")
        whole = response.status == 200 and response.body.endswith(b"data: [DONE]\n\n")
        self.ended.append(whole)
        client.close()

    def running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()


def health(way: Way, query: str = "") -> dict:
    response = way.ask("GET", "/health" + query)
    expect(response.status == 200, f"{response.status}, {response.body!r:.120}")
    return json.loads(response.body)


def metrics(way: Way, query: str = "") -> dict:
    response = way.ask("GET", "/metrics" + query)
    expect(response.status == 200, f"{response.status}, {response.body!r:.120}")
    return exposition.families(response.body.decode())


def engine_gauge(way: Way, name: str) -> float:
    return exposition.total(metrics(way.server()), f"vllm:{name}")


def _poll(look: Callable[[], str], go_on: Callable[[], bool]) -> str:
    """What `look` sees when it sees no fault; its last fault when `go_on` ends the polling."""
    while True:
        more = go_on()
        try:
            return look()
        except Unmet:
            if not more:
                raise
        time.sleep(0.05)


def _expect_running(number: float, wanted: int) -> str:
    expect(number == wanted, f"{number:g} running")
    return f"{number:g} running"


def _loads(way: Way) -> dict[str, tuple[Callable[[], str], Callable[[], str]]]:
    """What to look for while the streams run: at the server, and at the gateway."""

    def engine() -> str:
        return _expect_running(engine_gauge(way, "num_requests_running"), STREAMS)

    def engine_cache() -> str:
        usage = engine_gauge(way, "kv_cache_usage_perc")
        expect(0 < usage <= 1, f"usage {usage}")
        return f"kv_cache_usage_perc {usage:.3f}"

    def of_health(query: str = "") -> str:
        return _expect_running(health(way, query)["num_requests_running"], STREAMS)

    def of_endpoint() -> str:
        (endpoint,) = health(way)["endpoints"]
        return _expect_running(endpoint["num_requests_running"], STREAMS)

    def cache() -> str:
        usage = health(way)["gpu_memory_usage"]
        expect(isinstance(usage, float) and 0 < usage <= 1, f"usage {usage}")
        return f"gpu_memory_usage {usage:.3f}"

    def of_metrics(query: str = "") -> str:
        found = metrics(way, query)
        return _expect_running(
            exposition.total(found, "vllm_num_requests_running", model=MODEL), STREAMS
        )

    def passed_on() -> str:
        labels = {"endpoint": "vllm-server", "model_name": MODEL}
        found = metrics(way)
        return _expect_running(
            exposition.total(found, "vllm:num_requests_running", **labels), STREAMS
        )

    one = "?endpoint=vllm-server"
    return {
        "health: `num_requests_running`": (engine, of_health),
        f"health`{one}`": (engine, lambda: of_health(one)),
        "health: `endpoints[0].num_requests_running`": (engine, of_endpoint),
        "health: `gpu_memory_usage`": (engine_cache, cache),
        "metrics: `vllm_num_requests_running{model}`": (engine, of_metrics),
        f"metrics`{one}`": (engine, lambda: of_metrics(one)),
        "metrics: `vllm:num_requests_running{endpoint,...}`": (engine, passed_on),
    }


def _result(name: str, direct: Callable[[], str], through: Callable[[], str]) -> Result:
    differences, seen = [], []
    for look in (direct, through):
        try:
            seen.append(look())
        except (Unmet, KeyError, ValueError, TypeError) as fault:
            seen.append(f"no: {fault}")
            differences.append(seen[-1])
    return Result(name, *seen, differences)


def _afterwards(way: Way, before: float) -> list[Result]:
    """What is there when all is over."""
    until = time.monotonic() + PATIENCE_SECONDS

    def engine() -> str:
        return _expect_running(engine_gauge(way, "num_requests_running"), 0)

    def of_health() -> str:
        document = health(way)
        expect(document["num_requests_waiting"] == 0, document)
        return _expect_running(document["num_requests_running"], 0)

    def of_metrics() -> str:
        number = exposition.total(metrics(way), "vllm_num_requests_running", model=MODEL)
        return _expect_running(number, 0)

    def counted(family: str, at: Way, **labels: str) -> str:
        name = f"{family}_seconds"
        samples = metrics(at)[name].samples
        samples = [sample for sample in samples if sample.name == f"{name}_count"]
        count = sum(s.value for s in samples if labels.items() <= s.labels.items())
        expect(count == before + STREAMS, f"{count:g} requests, {before + STREAMS:g} expected")
        return f"{count:g} requests"

    def patiently(look: Callable[[], str]) -> Callable[[], str]:
        return lambda: _poll(look, lambda: time.monotonic() < until)

    return [
        _result("after the end: health", patiently(engine), patiently(of_health)),
        _result("after the end: metrics", patiently(engine), patiently(of_metrics)),
        _result(
            "`vllm_request_duration_seconds` has counted the streams",
            patiently(lambda: counted("vllm:e2e_request_latency", way.server())),
            patiently(lambda: counted("vllm_request_duration", way, model=MODEL)),
        ),
    ]


def compare_load(way: Way) -> list[Result]:
    samples = metrics(way.server())["vllm:e2e_request_latency_seconds"].samples
    before = sum(s.value for s in samples if s.name.endswith("_count"))
    streams = Streams(way)

    def while_running(look: Callable[[], str]) -> Callable[[], str]:
        return lambda: _poll(look, streams.running)

    results = [
        _result(name, while_running(direct), while_running(through))
        for name, (direct, through) in _loads(way).items()
    ]
    streams.join()
    whole = sum(streams.ended)
    faults = [] if whole == STREAMS else [f"{whole} of {STREAMS} whole"]
    results.append(Result("the streams themselves", "-", f"{whole} of {STREAMS} whole", faults))
    return results + _afterwards(way, before)

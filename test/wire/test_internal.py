"""The gateway's own documents: what it tells of the requests that it served."""

import gzip
import json
import time

import pytest

from harness.client import Client
from harness.environment import scaled
from harness.errors import assert_error
from harness.exposition import check_exposition, official_samples, series
from harness.message import json_request
from harness.world import World

CHAT = "/olla/vllm/v1/chat/completions"
# Olla's names, which dashboards know: gauges that end in _total, and counters that do not.
MISNAMED = {
    "olla_endpoints_total",
    "olla_models_total",
    "olla_endpoint_traffic_bytes",
    "olla_models_traffic_bytes",
    "olla_model_traffic_bytes",
}
DOCUMENTS = [
    "/internal/status",
    "/internal/status/endpoints",
    "/internal/stats/models",
    "/internal/stats/translators",
    "/internal/process",
]


def question(model: str = "m1", content: str = "ok", **more) -> dict:
    return {"model": model, "messages": [{"role": "user", "content": content}], **more}


def answer(exchange) -> None:
    """Does what the message says."""
    content = json.loads(exchange.request.body)["messages"][0]["content"]
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    if content == "fail":
        exchange.reply(500, b'{"error":{"message":"no","code":500}}')
    elif content == "complain":
        exchange.reply(400, b'{"error":{"message":"what?","code":400}}')
    elif content == "break":
        exchange.begin_stream()
        exchange.event('{"choices":[]}')
        exchange.reset()
    elif content == "wait":
        exchange.wait_for_close()
    else:
        exchange.json(json.dumps({"object": "chat.completion", "usage": usage}).encode())


class Watched:
    """A gateway before one scripted backend, and what it tells."""

    def __init__(self, world: World, *models: str, config: dict | None = None):
        self.backend = world.backend(answer, name="b1")
        self.backend.models = list(models)
        self.gateway = world.gateway(self.backend, config=config, ready=[])
        self.until(
            lambda: self.document("/internal/status")["endpoints"][0]["models"]["count"],
            "the models of the backend",
        )

    def get(self, path: str, headers=(), method: str = "GET"):
        client = Client(self.gateway.port)
        try:
            return client.request(method, path, headers)
        finally:
            client.close()

    def document(self, path: str) -> dict:
        response = self.get(path)
        assert response.status == 200, response
        return response.json()

    def ask(self, document: dict, status: int = 200, headers=()) -> None:
        client = Client(self.gateway.port)
        try:
            assert client.post(CHAT, document, headers).status == status
        finally:
            client.close()

    def metrics(self) -> dict:
        response = self.get("/internal/metrics")
        assert response.status == 200
        assert response.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"
        text = response.body.decode()
        samples = check_exposition(text, MISNAMED)
        official = official_samples(text)
        for key, value in samples.items():
            if key[0] not in MISNAMED:
                assert official[key] == value, key
        return samples

    def until(self, condition, what: str):
        deadline = time.monotonic() + scaled(15)
        while not (hit := condition()):
            assert time.monotonic() < deadline, f"never came: {what}"
            time.sleep(0.02)
        return hit

    def counted(self, requests: int) -> dict:
        """The metrics, once so many requests were counted: a client has its answer before."""
        total = series("olla_requests_total")
        return self.until(
            lambda: (samples := self.metrics())[total] >= requests and samples,
            f"{requests} requests",
        )


def test_olla_w33_and_w35_count_each_request_once_and_right(world: World):
    watched = Watched(world, "m1", config={"server": {"request_limits": {"max_body_size": 5000}}})
    for _ in range(7):
        watched.ask(question())
    for _ in range(3):
        watched.ask(question(content="fail"), 500)
    for _ in range(2):
        watched.ask(question(content="complain"), 400)
    for _ in range(4):
        watched.ask(question(model="nobody-has-it"), 404)
    watched.ask(question(content="x" * 6000), 413)
    assert watched.get("/nowhere").status == 404
    broken = world.connect(watched.gateway)
    broken.send(json_request(CHAT, question(content="break", stream=True)))
    broken.read_rest()
    leaver = world.connect(watched.gateway)
    leaver.send(json_request(CHAT, question(content="wait")))
    watched.backend.wait_for_requests(14)
    leaver.close()
    samples = watched.counted(20)

    def value(name: str, **labels: str) -> float:
        return samples[series(name, **labels)]

    assert value("olla_requests_total") == 20
    assert value("olla_failures_total") == 4
    assert value("olla_client_disconnects_total") == 1
    assert value("olla_requests_rejected_total", reason="model_not_found") == 4
    assert value("olla_requests_rejected_total", reason="request_too_large") == 1
    assert value("olla_requests_rejected_total", reason="unknown_route") == 1
    assert value("olla_request_failures_total", reason="endpoint_error") == 3
    assert value("olla_request_failures_total", reason="answer_broken") == 1
    assert value("olla_endpoint_requests_total", endpoint="b1") == 14
    assert value("olla_endpoint_failures_total", endpoint="b1") == 4
    assert value("olla_endpoint_responses_total", endpoint="b1", **{"class": "5xx"}) == 3
    assert value("olla_endpoint_responses_total", endpoint="b1", **{"class": "4xx"}) == 2
    assert value("olla_model_requests_total", model="m1") == 14
    assert value("olla_model_successful_requests_total", model="m1") == 9
    assert value("olla_prompt_tokens_total", model="m1", endpoint="b1") == 49
    system = watched.document("/internal/status")["system"]
    assert (system["total_requests"], system["total_failures"]) == (20, 4)
    assert system["rejected"] == {"model_not_found": 4, "request_too_large": 1, "unknown_route": 1}
    (endpoint,) = watched.document("/internal/status/endpoints")["endpoints"]
    assert endpoint["request_count"] == 14


def test_olla_w34_streams_have_tokens_and_times_and_models_their_endpoints(world: World):
    sim = world.sim("--ttft", "50ms", "--itl", "5ms")
    fleet = world.fleet(sim.endpoint(name="gpu"))
    for _ in range(3):
        response = fleet.chat(stream=True, stream_options={"include_usage": True}, max_tokens=20)
        assert response.status == 200

    def told():
        entries = fleet_json(fleet, "/internal/stats/models")["models"]
        return entries and entries[0]["total_requests"] == 3 and entries[0]

    model = fleet.until(told, "three requests")
    assert model["name"] == "tiny"
    assert model["unique_clients"] == 1
    assert (model["routing_hits"], model["routing_misses"]) == (3, 0)
    assert model["endpoint_breakdown"]["gpu"]["total_requests"] == 3
    assert model["completion_tokens"] == 60
    document = fleet_json(fleet, "/internal/stats/models")
    assert document["endpoints"]["gpu"]["tiny"]["total_requests"] == 3
    client = world.connect(fleet.gateway)
    text = client.request("GET", "/internal/metrics").body.decode()
    samples = check_exposition(text, MISNAMED)
    labels = {"endpoint": "gpu", "model": "tiny"}
    assert samples[series("olla_completion_tokens_total", **labels)] == 60
    assert samples[series("olla_time_to_first_token_seconds_count", **labels)] == 3
    assert samples[series("olla_time_to_first_token_seconds_sum", **labels)] >= 0.15
    # The first of 20 tokens has no gap before it; tokens that come together have none either.
    assert 3 <= samples[series("olla_inter_token_latency_seconds_count", **labels)] <= 3 * 22
    assert samples[series("olla_request_duration_seconds_count", **labels)] == 3


def fleet_json(fleet, path: str) -> dict:
    client = Client(fleet.gateway.port)
    try:
        return client.request("GET", path).json()
    finally:
        client.close()


def test_olla_w36_junk_models_make_no_series(world: World):
    watched = Watched(world, "m1")
    client = world.connect(watched.gateway)
    for number in range(300):
        assert client.post(CHAT, question(model=f"junk-{number}")).status == 404
    watched.ask(question())
    watched.ask(question(model="M1"))
    samples = watched.counted(302)
    models = {dict(labels)["model"] for _, labels in samples if "model" in dict(labels)}
    assert models == {"m1"}
    assert samples[series("olla_model_requests_total", model="m1")] == 2


def test_a_model_of_an_endpoint_that_tells_none_is_unknown(world: World):
    backend = world.backend(answer, name="b1")
    gateway = world.gateway(backend)
    client = world.connect(gateway)
    for number in range(20):
        assert client.post(CHAT, question(model=f"some-{number}")).status == 200

    def models() -> dict[str, int]:
        document = client.request("GET", "/internal/stats/models").json()
        return {entry["name"]: entry["total_requests"] for entry in document["models"]}

    deadline = time.monotonic() + scaled(10)
    while models() != {"_unknown": 20}:
        assert time.monotonic() < deadline, models()


@pytest.mark.parametrize("path", ["/internal/status", "/internal/status/endpoints"])
def test_a_status_that_did_not_change_is_not_sent_again(world: World, path: str):
    watched = Watched(world, "m1")
    first = watched.get(path)
    tag = first.header("etag")
    assert tag.startswith('W/"')
    assert first.header("cache-control") == "private, no-cache"
    assert first.header("vary") == "Accept-Encoding"

    def unchanged():
        """The health check that comes in between may make a difference, but not for long."""
        nonlocal tag
        response = watched.get(path, [("If-None-Match", f'"other", {tag}')])
        if response.status == 304:
            return response
        tag = response.header("etag")
        return None

    response = watched.until(unchanged, "304")
    assert response.body == b"" and response.header("etag") == tag
    assert response.header("content-length") is None
    watched.ask(question())
    watched.counted(1)
    assert watched.get(path, [("If-None-Match", tag)]).status == 200


def test_the_models_status_is_sent_again_when_models_came(world: World):
    path = "/internal/status/models"
    watched = Watched(world, "m1")
    first = watched.get(path)
    assert [one["name"] for one in first.json()["recent_models"]] == ["m1"]
    tag = first.header("etag")
    assert tag.startswith('W/"')
    assert first.header("cache-control") == "private, no-cache"
    assert first.header("vary") == "Accept-Encoding"
    for known in (tag, "*", f"{tag}, {tag}"):
        response = watched.get(path, [("If-None-Match", known)])
        assert response.status == 304 and response.body == b""
    # A list that is too long to be ours is not looked at.
    assert watched.get(path, [("If-None-Match", f'"{"x" * 1024}", {tag}')]).status == 200
    watched.backend.models = ["m1", "m2"]
    client = world.connect(watched.gateway)
    assert client.request("POST", "/internal/discovery/refresh").status == 200
    response = watched.get(path, [("If-None-Match", tag), ("Accept-Encoding", "gzip")])
    assert response.status == 200 and response.header("etag") != tag
    assert response.header("content-encoding") == "gzip"
    assert json.loads(gzip.decompress(response.body))["total_models"] == 2


def test_documents_are_compressed_for_those_who_take_it(world: World):
    watched = Watched(world, "m1")
    for path in ("/internal/status", "/internal/status/endpoints", "/internal/metrics"):
        response = watched.get(path, [("Accept-Encoding", "br, gzip")])
        assert response.header("content-encoding") == "gzip"
        plain = watched.get(path)
        assert plain.header("content-encoding") is None
        assert len(gzip.decompress(response.body)) == pytest.approx(len(plain.body), abs=100)


@pytest.mark.parametrize("path", [*DOCUMENTS, "/internal/metrics", "/version"])
def test_documents_are_read_with_get_and_head_alone(world: World, path: str):
    gateway = world.gateway()
    client = world.connect(gateway)
    refused = client.request("POST", path, body=b"{}")
    assert_error(refused, 405)
    assert refused.header("allow") == "GET, HEAD"
    head = client.request("HEAD", path)
    assert head.status == 200 and head.body == b""
    assert client.request("GET", path).header("x-olla-request-id")


def test_times_in_documents_are_times(world: World):
    document = Watched(world, "m1").document("/internal/status")
    assert document["timestamp"].endswith("Z")
    (endpoint,) = document["endpoints"]
    assert endpoint["last_check"] == "never" or endpoint["last_check"].endswith(" ago")
    assert endpoint["status"] == "healthy" and endpoint["breaker"] == "closed"
    assert document["system"]["start_time"] < document["timestamp"]


def told_of(world: World, gateway, name: str) -> tuple[dict, dict, dict]:
    """What the two status documents and the metrics say of one endpoint."""
    client = world.connect(gateway)
    found = []
    for path in ("/internal/status", "/internal/status/endpoints"):
        endpoints = client.request("GET", path).json()["endpoints"]
        found.append(next(one for one in endpoints if one["name"] == name))
    text = client.request("GET", "/internal/metrics").body.decode()
    samples = {
        metric: value
        for (metric, labels), value in check_exposition(text, MISNAMED).items()
        if ("endpoint", name) in labels and "class" not in dict(labels)
    }
    return found[0], found[1], samples


def test_olla_w36_an_open_breaker_is_told_everywhere(world: World):
    backend = world.backend(answer, name="b1")
    gateway = world.gateway(backend, config={"breaker": {"failures": 3}})
    client = world.connect(gateway)
    status, listed, samples = told_of(world, gateway, "b1")
    assert (status["breaker"], listed["breaker"], status["issues"]) == ("closed", "closed", "")
    assert samples["olla_endpoint_breaker_state"] == 0
    for _ in range(3):
        assert client.post(CHAT, question(content="fail")).status == 500
    status, listed, samples = told_of(world, gateway, "b1")
    for entry in (status, listed):
        assert (entry["breaker"], entry["breaker_opened"]) == ("open", 1)
        # Its checks pass, and it gets no requests all the same.
        assert (entry["status"], entry["routable"]) == ("healthy", False)
    assert "consecutive failures" in status["issues"] and listed["issues"] == "unstable"
    assert samples["olla_endpoint_breaker_state"] == 2
    assert samples["olla_endpoint_breaker_opened_total"] == 1
    assert (samples["olla_endpoint_routable"], samples["olla_endpoint_up"]) == (0, 1)
    totals = client.request("GET", "/internal/status/endpoints").json()
    assert (totals["healthy_count"], totals["routable_count"]) == (1, 0)


@pytest.mark.parametrize(
    ("code", "word"),
    [(200, "healthy"), (401, "config_error"), (429, "rate_limited"), (500, "unhealthy")],
)
def test_checks_are_told_everywhere(world: World, code: int, word: str):
    backend = world.backend(answer, name="b1")
    backend.health = code
    gateway = world.gateway(backend, ready=[])
    deadline = time.monotonic() + scaled(10)
    while (told := told_of(world, gateway, "b1"))[0]["status"] == "unknown":
        assert time.monotonic() < deadline
    status, listed, samples = told
    up = word == "healthy"
    assert (status["status"], listed["status"]) == (word, word)
    for entry in (status, listed):
        assert entry["health_check_at"] < entry["next_check_at"]
        assert entry["routable"] == up
    assert status["last_check"].endswith("s ago") and status["next_check"].startswith("in ")
    assert listed["health_check"].endswith("s ago") and listed["response_time"].endswith("ms")
    assert status["issues"] == ("" if up else "unavailable")
    assert listed.get("issues") == (None if up else "unavailable")
    assert samples["olla_endpoint_up"] == samples["olla_endpoint_routable"] == up
    assert samples["olla_endpoint_health_check_failures"] == (not up)
    assert samples["olla_endpoint_health_check_seconds"] > 0
    text = world.connect(gateway).request("GET", "/internal/metrics").body.decode()
    assert f'olla_endpoint_up{{endpoint="b1",status="{word}"}} {int(up)}\n' in text
    counted = 'olla_health_checks_total{endpoint="b1",outcome="%s"} '
    said = {"healthy": "passed"}.get(word, word)
    assert counted % said in text and counted % said + "0\n" not in text
    assert counted % ("busy" if up else "passed") + "0\n" in text


def test_olla_w46_the_configured_profile_is_told(world: World):
    gateway = world.gateway(world.backend(), config={"proxy": {"profile": "streaming"}})
    client = world.connect(gateway)
    status = client.request("GET", "/internal/status").json()
    assert status["proxy"]["profile"] == "streaming"
    metrics = client.request("GET", "/internal/metrics").body.decode()
    assert 'profile="streaming"' in metrics


def test_picks_are_counted_by_what_made_them(world: World):
    config = {"proxy": {"load_balancer": "round-robin", "sticky_sessions": {"enabled": True}}}
    watched = Watched(world, "m1", config=config)
    for _ in range(4):
        watched.ask(question(), headers=[("X-Olla-Session-ID", "s")])
    samples = watched.counted(4)
    assert samples[series("olla_picks_total", policy="round-robin")] == 1
    assert samples[series("olla_picks_total", policy="sticky")] == 3
    assert samples[series("olla_sticky_hits_total")] == 3


def test_a_refusal_of_its_own_documents_is_no_request(world: World):
    watched = Watched(world, "m1")
    for path in ("/internal", "/internal/", "/internal/status", "/internal/none"):
        assert watched.get(path, [("Host", "evil.example")]).status == 403
    watched.ask(question())
    samples = watched.counted(1)
    assert samples[series("olla_requests_total")] == 1
    assert samples[series("olla_internal_access_violations_total")] == 4
    assert not watched.document("/internal/status")["system"]["rejected"]

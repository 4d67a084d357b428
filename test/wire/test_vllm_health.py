"""GET /olla/vllm/health and ping: one document for the whole fleet."""

import pytest

from harness.engine_metrics import METRICS, SLEEP_STATE
from harness.errors import assert_error
from harness.fleet import CHAT, ENDLESS, FAST, MESSAGES, PREFIX, answered_by
from harness.message import json_request, request_bytes

KEYS = [
    "status",
    "model_loaded",
    "gpu_memory_usage",
    "num_requests_running",
    "num_requests_waiting",
    "endpoints",
]
OFTEN = {"vllm": {"metrics_interval": "100ms"}}


def has_figures(fleet):
    return all(part["age_seconds"] is not None for part in fleet.endpoints().values())


def test_has_the_five_keys_of_the_page_and_the_endpoints(world):
    sim = world.sim("--model", "alias", "--vllm-version", "0.11.0")
    fleet = world.fleet(sim.endpoint(name="one"))
    fleet.until(lambda: has_figures(fleet), "figures")
    response = fleet.get("/health")
    assert response.status == 200
    assert response.header("content-type") == "application/json"
    document = response.json()
    assert list(document) == KEYS
    assert document["status"] == "healthy" and document["model_loaded"] is True
    assert document["gpu_memory_usage"] == 0
    assert document["num_requests_running"] == document["num_requests_waiting"] == 0
    (part,) = document["endpoints"]
    age = part.pop("age_seconds")
    assert 0 <= age < 60
    assert part == {
        "name": "one",
        "status": "healthy",
        "models": ["alias", "tiny"],
        "version": "0.11.0",
        "model_loaded": True,
        "gpu_memory_usage": 0,
        "num_requests_running": 0,
        "num_requests_waiting": 0,
    }


def test_says_whether_all_some_or_none_are_up(world):
    pair = world.backend(name="a"), world.backend(name="b")
    pair[0].models, pair[1].models = ["x"], []
    fleet = world.fleet(*(backend.endpoint(**FAST) for backend in pair))
    document = fleet.health()
    assert document["status"] == "healthy" and document["model_loaded"] is True
    # Nobody told figures: none is better than an invented one.
    assert document["gpu_memory_usage"] is None
    assert {part["num_requests_running"] for part in document["endpoints"]} == {None}

    pair[0].health = 500
    fleet.until_status("a", "unhealthy")
    response = fleet.get("/health")
    assert response.status == 200 and response.json()["status"] == "degraded"
    assert response.json()["model_loaded"] is False, "the one with a model is down"
    assert fleet.get("/ping").status == 200

    pair[1].health = 500
    fleet.until_status("b", "unhealthy")
    for path in ("/health", "/ping"):
        assert fleet.get(path).status == 503
        assert fleet.request("HEAD", path).status == 503
    document = fleet.health()
    assert list(document) == KEYS and document["status"] == "unhealthy"
    assert document["model_loaded"] is False and document["gpu_memory_usage"] is None

    pair[0].health = 200
    fleet.until_status("a", "healthy")
    assert fleet.health()["status"] == "degraded"


def test_asks_for_one_endpoint(world):
    pair = world.backend(name="a"), world.backend(name="b")
    pair[1].health = 500
    entries = [pair[0].endpoint(name="a:1/&"), pair[1].endpoint()]
    fleet = world.fleet(*entries, settled=False)
    fleet.until_status("b", "unhealthy")
    fleet.until_status("a:1/&", "healthy")
    assert fleet.health()["status"] == "degraded"
    one = fleet.get("/health?x=1&endpoint=a%3A1%2F%26")
    assert one.status == 200 and one.json()["status"] == "healthy"
    assert [part["name"] for part in one.json()["endpoints"]] == ["a:1/&"]
    other = fleet.get("/health?endpoint=b")
    assert other.status == 503 and other.json()["status"] == "unhealthy"
    assert fleet.get("/ping?endpoint=b").status == 503
    assert fleet.get("/ping?endpoint=a:1/%26").status == 200
    error = assert_error(fleet.get("/health?endpoint=nobody"), 404)
    assert "nobody" in error["message"] and "a:1/&, b" in error["message"]


def test_answers_head_and_ping_as_it_answers_get(world):
    fleet = world.fleet(world.backend().endpoint())
    whole = fleet.get("/health")
    head = fleet.request("HEAD", "/health")
    assert head.status == 200 and head.body == b""
    assert head.header("content-type") == whole.header("content-type")
    for method in ("GET", "HEAD", "POST"):
        ping = fleet.request(method, "/ping")
        assert ping.status == 200 and ping.body == b"" and ping.header("content-type") is None
    refused = fleet.post("/health", {})
    assert_error(refused, 405)
    assert refused.header("allow") == "GET, HEAD"


def test_keeps_the_connection_after_head(world):
    client = world.connect(world.fleet(world.backend().endpoint()).gateway)
    client.send(request_bytes("HEAD", PREFIX + "/health") + request_bytes("GET", PREFIX + "/ping"))
    for method in ("HEAD", "GET"):
        assert client.read_response(method).status == 200
    client.assert_open()


def test_adds_up_endpoints_and_their_engines_while_streams_run(world):
    slow = ("--itl", "1s", "--max-num-seqs", "1")
    double = world.sim(*slow, "--data-parallel-size", "2")
    single = world.sim(*slow, "--vllm-version", "0.11.0")
    fleet = world.fleet(
        double.endpoint(name="double"), single.endpoint(name="single"), config=OFTEN
    )
    # The fewest in flight get the next one: four streams each. The head of an answer comes also
    # to a request that waits.
    clients = [world.connect(fleet.gateway) for _ in range(8)]
    for client in clients:
        client.send(json_request(PREFIX + CHAT, {"model": "tiny", **ENDLESS}))
        assert client.read_head().status == 200

    def counts():
        parts = fleet.endpoints()
        return [
            (parts[name]["num_requests_running"], parts[name]["num_requests_waiting"])
            for name in ("double", "single")
        ]

    fleet.until(lambda: counts() == [(2, 2), (1, 3)], "three running and five waiting requests")
    document = fleet.health()
    assert (document["num_requests_running"], document["num_requests_waiting"]) == (3, 5)
    assert document["status"] == "healthy"
    usages = [part["gpu_memory_usage"] for part in document["endpoints"]]
    assert all(0 < usage < 1 for usage in usages)
    assert document["gpu_memory_usage"] == pytest.approx(sum(usages) / 2)

    for client in clients:
        client.close()
    fleet.until(lambda: counts() == [(0, 0), (0, 0)], "the end of all requests")
    assert fleet.health()["gpu_memory_usage"] == 0


def test_tells_how_old_the_figures_are(world):
    backend = world.backend(name="a")
    backend.documents["/metrics"] = METRICS
    fleet = world.fleet(backend.endpoint(), config={"vllm": {"metrics_interval": "24h"}})
    first = fleet.until(lambda: fleet.endpoints()["a"]["age_seconds"], "an age")
    later = fleet.until(
        lambda: (age := fleet.endpoints()["a"]["age_seconds"]) > first and age, "a greater age"
    )
    assert later > first and len(backend.times_asked("/metrics")) == 1
    part = fleet.endpoints()["a"]
    assert (part["num_requests_running"], part["num_requests_waiting"]) == (7, 11)


@pytest.mark.parametrize("prefix", [b"vllm:", b"vllm_"])
def test_understands_older_names_and_several_models(world, prefix):
    backend, silent = world.backend(name="a"), world.backend(name="b")
    backend.documents["/metrics"] = METRICS.replace(b"vllm:", prefix)
    fleet = world.fleet(backend.endpoint(), silent.endpoint())
    fleet.until(lambda: fleet.endpoints()["a"]["age_seconds"] is not None, "figures")
    document = fleet.health()
    assert (document["num_requests_running"], document["num_requests_waiting"]) == (7, 11)
    assert document["gpu_memory_usage"] == pytest.approx(0.375), "the silent one counts for nothing"


def test_a_sleeping_engine_gets_no_traffic(world):
    sims = [world.sim("--ttft", "0", "--itl", "0", "--dev-mode") for _ in range(2)]
    entries = [sim.endpoint(name=name) for sim, name in zip(sims, "ab")]
    fleet = world.fleet(*entries, config=OFTEN)
    owner = world.connect(sims[0])
    assert owner.request("POST", "/sleep?level=1").status == 200
    fleet.until_status("a", "asleep")
    assert fleet.get("/health").status == 200 and fleet.health()["status"] == "degraded"
    assert {answered_by(fleet.chat(max_tokens=2)) for _ in range(6)} == {"b"}
    assert fleet.get("/ping?endpoint=a").status == 503

    # Asleep are all: nobody waits for an engine that does not answer.
    assert world.connect(sims[1]).request("POST", "/sleep?level=2").status == 200
    fleet.until_status("b", "asleep")
    assert fleet.get("/health").status == 503
    refused = fleet.chat()
    assert_error(refused, 503)
    assert int(refused.header("retry-after")) >= 1

    assert owner.request("POST", "/wake_up").status == 200
    fleet.until_status("a", "healthy")
    assert {answered_by(fleet.chat(max_tokens=2)) for _ in range(4)} == {"a"}


def test_the_sleeper_itself_is_asked_nothing(world):
    sleeper, other = world.backend(name="a"), world.backend(name="b")
    sleeper.documents["/metrics"] = METRICS + SLEEP_STATE
    fleet = world.fleet(sleeper.endpoint(), other.endpoint())
    fleet.until_status("a", "asleep")
    for _ in range(4):
        assert answered_by(fleet.post(CHAT, {"messages": MESSAGES})) == "b"
    assert sleeper.requests == []

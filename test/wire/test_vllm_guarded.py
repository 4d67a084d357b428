"""Routes that change or expose a server, and paths that are none."""

import pytest

from harness.errors import assert_error
from harness.fleet import CHAT, PREFIX, answered_by
from harness.message import request_bytes

PREFIXES = ("/olla/vllm", "/olla/openai", "/olla/proxy")
GUARDED = [
    "/sleep",
    "/sleep?level=2",
    "/wake_up",
    "/is_sleeping",
    "/pause",
    "/pause?mode=abort",
    "/resume",
    "/is_paused",
    "/abort_requests",
    "/reset_prefix_cache",
    "/reset_mm_cache",
    "/reset_encoder_cache",
    "/server_info",
    "/collective_rpc",
    "/v1/load_lora_adapter",
    "/v1/unload_lora_adapter",
    "/docs",
    "/redoc",
    "/openapi.json",
    "/start_profile",
    "/stop_profile",
    "/scale_elastic_ep",
    "/inference/v1/unknown",
    "/v1/unknown",
    "/v1/models-x",
    "/",
    "/anything/else",
]
# Other spellings of routes, some of which a server would take for them.
SPELLINGS = [
    "/%73leep",
    "/sl%65ep?level=1",
    "/%73%6c%65%65%70",
    "/SLEEP",
    "/sleep/",
    "/%2fsleep",
    "/sleep%3Flevel=1",
    "/sleep%00",
    "/sleep;x",
    "/sleep%20",
    "/v1%2fload_lora_adapter",
    "/v1/load%5flora_adapter",
    "/docs/",
    "/%64ocs",
    "/openapi%2ejson",
    "/v1/chat/completions/",
    "/v1/chat/completions%2f",
    "/V1/chat/completions",
    "/v1/audio/a/b",
    "/v1/responses/a/b",
]


@pytest.fixture(scope="module")
def backend(shared):
    return shared.backend(name="a")


@pytest.fixture(scope="module")
def fleet(shared, backend):
    return shared.fleet(backend.endpoint())


@pytest.mark.parametrize("path", GUARDED + SPELLINGS)
def test_a_guarded_route_is_refused_however_it_is_written(fleet, backend, path):
    for prefix in PREFIXES:
        for method in ("POST", "GET"):
            response = fleet.raw(request_bytes(method, prefix + path, body=b"{}"), method)
            error = assert_error(response, 403)
            assert "vllm.admin_routes" in error["message"], error
    assert backend.requests == []


@pytest.mark.parametrize("path", ["//sleep", "/./sleep", "/v1//load_lora_adapter"])
def test_a_guarded_route_is_refused_behind_the_redirect_to_its_clean_path(fleet, backend, path):
    for prefix in PREFIXES:
        moved = fleet.raw(request_bytes("POST", prefix + path, body=b"{}"), "POST")
        assert moved.status == 307
        clean = moved.header("location")
        assert clean == prefix + path.replace("//", "/").replace("/./", "/")
        assert_error(fleet.raw(request_bytes("POST", clean, body=b"{}"), "POST"), 403)
    assert backend.requests == []


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_no_method_gets_by(fleet, backend, method):
    assert fleet.request(method, "/sleep").status == 403
    assert backend.requests == []


def test_an_absolute_target_gets_not_by(fleet, backend):
    response = fleet.raw(request_bytes("POST", f"http://x{PREFIX}/sleep", body=b""), "POST")
    assert_error(response, 403)
    assert backend.requests == []


PARENTS = [
    "/../sleep",
    "/v1/../sleep",
    "/v1/chat/completions/../../../sleep",
    "/%2e%2e/sleep",
    "/.%2E/sleep",
    "/v1/%2e./sleep",
    "/v1/responses/..",
    "/v1/responses/..%2f..%2fsleep",
    "/v1/responses/%2e%2e%2fsleep",
    "/v1/models/..",
    "/v1/models/..%2f..%2fsleep",
    "/v1/audio/..",
    "/v1/audio/..%5c..%5csleep",
    "/v1/audio/..\\..\\sleep",
    "/health/..",
    "/..",
]


@pytest.mark.parametrize("path", PARENTS)
def test_no_path_leaves_the_endpoint(fleet, backend, path):
    for prefix in PREFIXES:
        for method in ("GET", "POST"):
            response = fleet.raw(request_bytes(method, prefix + path, body=b"{}"), method)
            assert_error(response, 400)
    assert backend.requests == []


def test_no_path_gets_to_the_gateways_own_routes_around_the_prefix(fleet, backend):
    for path in ("/olla/vllm/../../internal/status", "/olla/x/../vllm/sleep", "/olla/x//../vllm"):
        response = fleet.raw(request_bytes("GET", path), "GET")
        assert response.status in (307, 400, 403, 404)
        if response.status == 307:
            location = response.header("location")
            assert fleet.raw(request_bytes("GET", location), "GET").status in (400, 403, 404)
    assert backend.requests == []


@pytest.mark.parametrize("path", ["/v1/audio/x?a=../../sleep", "/v1/audio/...", "/v1/audio/a..b"])
def test_dots_that_mean_nothing_go_through(world, path):
    backend = world.backend()
    assert world.fleet(backend.endpoint()).get(path).status == 200
    assert backend.requests[-1].target == path


def test_what_is_encoded_twice_stays_encoded(world):
    backend = world.backend()
    path = "/v1/audio/%252e%252e%252fsleep"
    assert world.fleet(backend.endpoint()).get(path).status == 200
    assert backend.requests[-1].target == path


# --- those that the config lists ---


def admin(world, *endpoints, routes):
    return world.fleet(*endpoints, config={"vllm": {"admin_routes": routes}})


def test_a_listed_route_goes_to_the_endpoint_that_is_named(world):
    backends = [world.backend(name=name) for name in "ab"]
    fleet = admin(
        world, *(backend.endpoint() for backend in backends), routes=["/sleep", "/reset_*"]
    )
    response = fleet.request("POST", "/sleep?level=2&endpoint=b&x=%20", body=b"")
    assert answered_by(response) == "b"
    assert backends[1].requests[-1].target == "/sleep?level=2&x=%20"
    assert answered_by(fleet.request("POST", "/reset_mm_cache?endpoint=a")) == "a"
    assert answered_by(fleet.request("POST", "/%72eset_mm_cache?endpoint=a")) == "a"
    assert [request.target.split("?")[0] for request in backends[0].requests] == [
        "/reset_mm_cache",
        "/%72eset_mm_cache",
    ]
    error = assert_error(fleet.request("POST", "/sleep"), 400)
    assert "?endpoint=" in error["message"] and "a, b" in error["message"]
    error = assert_error(fleet.request("POST", "/sleep?endpoint=c"), 404)
    assert "a, b" in error["message"]
    # What is not listed stays guarded, and so does everything under the other prefixes.
    assert_error(fleet.request("POST", "/wake_up?endpoint=a"), 403)
    assert_error(fleet.request("POST", "/sleep/x?endpoint=a"), 403)
    for prefix in ("/olla/openai", "/olla/proxy"):
        assert_error(fleet.raw(request_bytes("POST", prefix + "/sleep?endpoint=a")), 403)
    assert len(backends[0].requests) == 2 and len(backends[1].requests) == 1


def test_an_administrator_reaches_an_endpoint_in_whatever_state_it_is(world):
    sims = [world.sim("--dev-mode") for _ in range(2)]
    entries = [sim.endpoint(name=name) for sim, name in zip(sims, "ab")]
    fleet = world.fleet(
        *entries,
        config={"vllm": {"admin_routes": ["/*"], "metrics_interval": "100ms"}},
    )
    assert fleet.request("POST", "/sleep?level=1&endpoint=a").json()["status"] == "sleeping"
    fleet.until_status("a", "asleep")
    assert {answered_by(fleet.chat(max_tokens=2)) for _ in range(3)} == {"b"}
    assert fleet.get("/is_sleeping?endpoint=a").json() == {"is_sleeping": True}
    assert fleet.get("/is_sleeping?endpoint=b").json() == {"is_sleeping": False}
    assert fleet.request("POST", "/wake_up?endpoint=a").json()["status"] == "awake"
    fleet.until_status("a", "healthy")
    info = fleet.get("/server_info?endpoint=b")
    assert answered_by(info) == "b" and "vllm_config" in info.json()
    # A route that the server does not have is its own 404.
    assert fleet.get("/nothing?endpoint=a").status == 404


def test_the_only_endpoint_needs_no_name(world):
    backend = world.backend(name="a")
    fleet = admin(world, backend.endpoint(), routes=["/docs"])
    assert answered_by(fleet.get("/docs")) == "a"


# --- adapters ---

UPDATING = ("--dev-mode", "--allow-runtime-lora-updating")
LORA = ["/v1/load_lora_adapter", "/v1/unload_lora_adapter"]
SQL = {"lora_name": "sql", "lora_path": "/adapters/sql"}


def parts(response, status=200):
    """What each endpoint answered, by its name."""
    assert response.status == status, response.body
    document = response.json()
    assert document["object"] == "list"
    assert all(set(part) == {"endpoint", "status", "answer"} for part in document["data"])
    return {part["endpoint"]: (part["status"], part["answer"]) for part in document["data"]}


def test_an_adapter_is_loaded_on_all_that_serve_its_model_with_one_answer(world):
    names = ("a", "b", "c")
    sims = [world.sim(*UPDATING, "--ttft", "0", "--itl", "0") for _ in names]
    fleet = admin(world, *(s.endpoint(name=n) for s, n in zip(sims, names)), routes=LORA)
    added = "Success: LoRA adapter 'sql' added successfully."
    assert parts(fleet.post(LORA[0], SQL)) == dict.fromkeys(names, (200, added))
    fleet.until(
        lambda: all("sql" in part["models"] for part in fleet.endpoints().values()),
        "the adapter in every endpoint's list",
    )
    entry = {model["id"]: model for model in fleet.models()}["sql"]
    assert entry["parent"] == "tiny" and entry["root"] == "/adapters/sql"
    used = set()
    for _ in names:
        response = fleet.chat("sql", max_tokens=2)
        assert response.json()["model"] == "sql"
        used.add(answered_by(response))
    assert used == set(names)

    # One that differs is told apart.
    assert fleet.post(LORA[1] + "?endpoint=b", {"lora_name": "sql"}).status == 200
    answers = parts(fleet.post(LORA[0], SQL), status=400)
    assert {name: status for name, (status, _) in answers.items()} == {"a": 400, "b": 200, "c": 400}
    assert "already been loaded" in answers["a"][1]

    removed = "Success: LoRA adapter 'sql' removed successfully."
    fleet.until(lambda: "sql" in fleet.endpoints()["b"]["models"], "b's list anew")
    answers = parts(fleet.post(LORA[1], {"lora_name": "sql"}))
    assert answers == dict.fromkeys(names, (200, removed))
    fleet.until(lambda: fleet.ids() == ["tiny"], "the list without the adapter")
    assert_error(fleet.chat("sql"), 404)
    assert {status for status, _ in parts(fleet.post(LORA[1], SQL), status=404).values()} == {404}


def test_an_adapter_of_one_of_several_models(world):
    sims = [
        world.sim(*UPDATING, model="x"),
        world.sim(*UPDATING, model="y"),
        world.sim(*UPDATING, "--vllm-version", "0.11.0", model="x"),
    ]
    fleet = admin(world, *(s.endpoint(name=n) for s, n in zip(sims, "abc")), routes=LORA)
    error = assert_error(fleet.post(LORA[0], SQL), 400)
    assert "?model=" in error["message"] and "a, b, c" in error["message"]
    assert_error(fleet.post(LORA[0] + "?model=z", SQL), 404)
    assert fleet.ids() == ["x", "y"]

    assert set(parts(fleet.post(LORA[0] + "?model=x", SQL))) == {"a", "c"}
    fleet.until(
        lambda: {n for n, part in fleet.endpoints().items() if "sql" in part["models"]}
        == {"a", "c"},
        "the adapter in two lists",
    )
    assert answered_by(fleet.chat("sql", max_tokens=2)) in ("a", "c")
    # Who has an adapter is known: it is unloaded there.
    assert set(parts(fleet.post(LORA[1], {"lora_name": "sql"}))) == {"a", "c"}
    fleet.until(lambda: sorted(fleet.ids()) == ["x", "y"], "the list without the adapter")


def test_adapters_are_guarded_without_the_config(fleet):
    for path in LORA:
        assert_error(fleet.post(path, SQL), 403)


def test_a_bad_adapter_is_refused_by_each(world):
    sims = [world.sim(*UPDATING) for _ in range(2)]
    fleet = admin(world, *(s.endpoint(name=n) for s, n in zip(sims, "ab")), routes=["/v1/*"])
    answers = parts(fleet.post(LORA[0], {"lora_name": "sql"}), status=400)
    assert all("lora_path" in said for _, said in answers.values())
    # A pattern opens no more than it says.
    assert_error(fleet.request("POST", "/sleep?endpoint=a"), 403)
    assert fleet.chat(max_tokens=2).status == 200
    assert fleet.post(CHAT, {"model": "nope"}).status == 404

"""GET /olla/vllm/v1/models: the union of what the endpoints serve."""

import json
import time

import openai
import pytest

from harness.backend import MODELS_PATH
from harness.errors import assert_error
from harness.fleet import FAST, PREFIX
from harness.message import request_bytes

FIELDS = [
    "id",
    "object",
    "created",
    "owned_by",
    "root",
    "parent",
    "max_model_len",
    "permission",
]
PREFIXES = ("/olla/vllm", "/olla/openai", "/olla/proxy")


def by_id(models):
    assert len({model["id"] for model in models}) == len(models)
    return {model["id"]: model for model in models}


@pytest.fixture(scope="module")
def fleet(shared):
    """Two servers of org/tiny: one with an alias and an adapter, one with a shorter context."""
    began = int(time.time())
    sims = [
        shared.sim("--model", "alias", "--lora", "sql", model="org/tiny"),
        shared.sim("--max-model-len", "4096", "--vllm-version", "0.11.0", model="org/tiny"),
        shared.sim(model="Other"),
    ]
    made = shared.fleet(*(sim.endpoint(name=name) for sim, name in zip(sims, "abc")))
    made.began = began
    return made


def test_lists_every_model_once_with_the_fields_of_vllm(fleet):
    models = fleet.models()
    assert sorted(model["id"] for model in models) == ["Other", "alias", "org/tiny", "sql"]
    for model in models:
        assert list(model)[: len(FIELDS)] == FIELDS
        assert model["object"] == "model" and model["owned_by"] == "vllm"
        assert fleet.began <= model["created"] <= time.time()
        assert model["permission"][0]["object"] == "model_permission"
    named = by_id(models)
    assert named["org/tiny"]["root"] == "org/tiny" and named["org/tiny"]["parent"] is None
    assert named["alias"]["root"] == "org/tiny" and named["alias"]["max_model_len"] == 8192
    assert named["sql"]["parent"] == "org/tiny" and named["sql"]["max_model_len"] is None
    assert [name for name in named if "olla" in named[name]] == ["org/tiny"]


def test_shows_the_smallest_context_and_what_each_has(fleet):
    model = by_id(fleet.models())["org/tiny"]
    assert model["max_model_len"] == 4096
    assert model["olla"] == {
        "endpoints": [{"name": "a", "max_model_len": 8192}, {"name": "b", "max_model_len": 4096}]
    }


def test_says_the_same_under_all_prefixes_and_each_time(fleet):
    first = fleet.models()
    for prefix in PREFIXES:
        assert fleet.models(prefix) == first
    head = fleet.request("HEAD", "/v1/models")
    assert head.status == 200 and head.body == b""
    assert_error(fleet.post("/v1/models", {}), 405)


@pytest.mark.parametrize(
    "written", ["org/tiny", "org%2Ftiny", "org%2ftiny", "%6Frg/tiny", "ORG/tiny"]
)
def test_gives_one_model_however_its_id_is_written(fleet, written):
    for prefix in PREFIXES:
        target = f"{prefix}/v1/models/{written}"
        response = fleet.raw(request_bytes("GET", target), "GET")
        assert response.status == 200 and response.json() == by_id(fleet.models())["org/tiny"]
    assert fleet.request("HEAD", "/v1/models/" + written).status == 200


def test_decodes_the_rest_of_the_path_too(fleet):
    for path in ("/v1/%6Dodels/org%2Ftiny", "/v1%2Fmodels%2Forg/tiny", "/%76%31/models/org/tiny"):
        assert fleet.get(path).json()["id"] == "org/tiny"
    assert {model["id"] for model in fleet.get("/%761/model%73").json()["data"]} == set(fleet.ids())


@pytest.mark.parametrize("written", ["nope", "org", "org/tiny/x", "org%252Ftiny", "tiny"])
def test_says_which_models_there_are_when_asked_for_another(fleet, written):
    response = fleet.get("/v1/models/" + written)
    error = assert_error(response, 404)
    assert error["type"] == "NotFoundError" and error["param"] == "model"
    assert "does not exist" in error["message"]
    for name in ("org/tiny", "alias", "sql", "Other"):
        assert name in error["message"]


def test_the_sdk_lists_and_retrieves(fleet):
    with fleet.openai() as client:
        models = client.models.list().data
        assert [model.id for model in models] == fleet.ids()
        one = client.models.retrieve("org/tiny")
        assert one.id == "org/tiny" and one.created == models[fleet.ids().index(one.id)].created
        assert one.max_model_len == 4096
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("nope")


def test_an_endpoint_that_is_down_takes_its_models_with_it(world):
    backends = [world.backend(name=name) for name in "ab"]
    backends[0].models, backends[1].models = ["x", "both"], ["both", "y"]
    fleet = world.fleet(*(backend.endpoint(**FAST) for backend in backends))
    before = fleet.models()
    assert sorted(by_id(before)) == ["both", "x", "y"]
    backends[0].health = 500
    fleet.until_status("a", "unhealthy")
    assert fleet.models() == [model for model in before if model["id"] != "x"]
    backends[0].health = 200
    fleet.until_status("a", "healthy")
    assert fleet.models() == before, "neither order nor dates change when an endpoint comes back"


def listing(*ids, created):
    entries = [
        {"id": name, "object": "model", "created": created, "owned_by": "vllm"} for name in ids
    ]
    return json.dumps({"object": "list", "data": entries}).encode()


def test_a_model_that_left_is_gone_at_the_next_discovery(world):
    backends = [world.backend(name=name) for name in "ab"]
    for backend in backends:
        backend.documents[MODELS_PATH] = listing("stays", "leaves", created=1)
    fleet = world.fleet(*(backend.endpoint() for backend in backends))
    before = by_id(fleet.models())
    assert set(before) == {"stays", "leaves"}
    assert before["stays"]["created"] > 1, "when the gateway first saw it"

    backends[0].documents[MODELS_PATH] = listing("stays", created=2)
    rediscover(fleet, backends)
    fleet.until(lambda: fleet.endpoints()["a"]["models"] == ["stays"], "a's new list")
    assert set(by_id(fleet.models())) == {"stays", "leaves"}, "the other one has it still"
    backends[1].documents[MODELS_PATH] = listing("new", "stays", created=3)
    rediscover(fleet, backends)
    fleet.until(lambda: "leaves" not in fleet.ids(), "the end of the model that left")
    after = by_id(fleet.models())
    assert list(after) == ["stays", "new"] and after["stays"] == before["stays"]
    response = fleet.chat("leaves")
    assert_error(response, 404)
    assert backends[0].requests == backends[1].requests == []


def rediscover(fleet, backends):
    """A question for an unknown model makes the gateway read the lists anew."""
    counts = [len(backend.times_asked(MODELS_PATH)) for backend in backends]
    assert_error(fleet.chat("who knows"), 404)
    for backend, count in zip(backends, counts):
        backend.wait_until(
            lambda b=backend, c=count: len(b.times_asked(MODELS_PATH)) > c, "the next discovery"
        )


def test_a_server_that_is_replaced_shows_its_models_when_it_is_back(world):
    backend = world.backend(name="a")
    backend.models = ["old"]
    fleet = world.fleet(backend.endpoint(**FAST))
    assert fleet.ids() == ["old"]
    backend.health = 500
    fleet.until_status("a", "unhealthy")
    assert fleet.models() == []
    backend.models, backend.health = ["new"], 200
    fleet.until(lambda: fleet.ids() == ["new"], "the new server's models")


def test_lists_what_servers_of_other_types_serve_outside_of_vllm(world):
    vllm, other = world.backend(name="v"), world.backend(name="o")
    vllm.models, other.models = ["x"], ["y"]
    fleet = world.fleet(vllm.endpoint(), other.endpoint(type="openai-compatible"), settled=False)
    for prefix in PREFIXES:
        wanted = ["x"] if prefix == PREFIX else ["x", "y"]
        fleet.until(
            lambda p=prefix, w=wanted: sorted(by_id(fleet.models(p))) == w, f"{wanted} at {prefix}"
        )

"""The models of servers of several kinds, in the formats of each."""

import json
import time

import openai
import pytest

from harness.environment import scaled
from harness.errors import assert_error
from harness.fleet import FAST

DIGEST = "sha256:0000000000000000000000000000000000000000000000000000000511095393"
LISTS = {
    "vllm-a": (
        "vllm",
        "/v1/models",
        {
            "object": "list",
            "data": [
                {
                    "id": name,
                    "object": "model",
                    "created": 1,
                    "owned_by": "vllm",
                    "root": name,
                    "parent": None,
                    "max_model_len": 8192,
                    "permission": [{"id": "modelperm-1"}],
                }
                for name in ("meta-llama/Meta-Llama-3-8B-Instruct", "shared-model")
            ],
        },
    ),
    "ollama-a": (
        "ollama",
        "/api/tags",
        {
            "models": [
                {
                    "name": name,
                    "model": name,
                    "modified_at": "2026-11-01T01:02:03Z",
                    "size": 4000000000,
                    "digest": digest,
                    "details": {
                        "format": "gguf",
                        "family": "llama",
                        "families": ["llama"],
                        "parameter_size": "8B",
                        "quantization_level": "Q4_K_M",
                    },
                }
                for name, digest in (
                    ("llama3:latest", DIGEST),
                    ("llama3:8b", DIGEST),
                    ("shared-model", "sha256:2"),
                )
            ]
        },
    ),
    "oai-a": (
        "openai-compatible",
        "/v1/models",
        {"object": "list", "data": [{"id": "gpt-x"}, {"id": "text-embedding-small"}]},
    ),
    "lms-a": (
        "lm-studio",
        "/api/v0/models",
        {
            "object": "list",
            "data": [
                {
                    "id": "qwen2-vl-7b",
                    "object": "model",
                    "type": "vlm",
                    "publisher": "pub",
                    "arch": "qwen2_vl",
                    "quantization": "4bit",
                    "state": "loaded",
                    "max_context_length": 131072,
                }
            ],
        },
    ),
    "dmr-a": (
        "docker-model-runner",
        "/engines/v1/models",
        {"object": "list", "data": [{"id": "ai/smollm2", "owned_by": "docker"}]},
    ),
    "lemonade-a": (
        "lemonade",
        "/api/v1/models",
        {
            "object": "list",
            "data": [
                {
                    "id": "Qwen3-GGUF",
                    "owned_by": "lemonade",
                    "checkpoint": "unsloth/Qwen3:Q4_0",
                    "recipe": "llamacpp",
                    "downloaded": True,
                }
            ],
        },
    ),
}
IDS = {
    "meta-llama/Meta-Llama-3-8B-Instruct",
    "shared-model",
    "llama3:latest",
    "llama3:8b",
    "gpt-x",
    "text-embedding-small",
    "qwen2-vl-7b",
    "ai/smollm2",
    "Qwen3-GGUF",
    "Best",
}
UNIFIED = IDS - {"llama3:8b"}  # The same file as llama3:latest.


class Asked:
    """Questions to a gateway, each on a connection of its own."""

    def __init__(self, world, gateway):
        self.world, self.gateway = world, gateway

    def request(self, method, path):
        client = self.world.connect(self.gateway)
        response = client.request(method, path)
        client.close()
        return response

    def get(self, path):
        response = self.request("GET", path)
        assert response.status == 200, response
        assert response.header("content-type") == "application/json"
        return response.json()

    def ids(self, path):
        document = self.get(path)
        assert document["object"] == "list"
        return [model["id"] for model in document["data"]]

    def until_ids(self, path, wanted, timeout=15):
        deadline = time.monotonic() + scaled(timeout)
        while set(seen := self.ids(path)) != wanted:
            assert time.monotonic() < deadline, f"{path} has {seen}, not {wanted}"
            time.sleep(0.02)


def listing_backend(world, name, models, **more):
    kind, path, document = models
    backend = world.backend(name=name)
    backend.documents[path] = json.dumps(document).encode()
    return backend, backend.endpoint(type=kind, model_url=path, **more)


@pytest.fixture(scope="module")
def gateway(shared):
    pairs = [listing_backend(shared, name, models) for name, models in LISTS.items()]
    config = {
        "endpoints": [endpoint for _, endpoint in pairs],
        "model_aliases": {"Best": ["missing", "shared-model"]},
    }
    gateway = shared.gateway(config=config)
    Asked(shared, gateway).until_ids("/olla/models", UNIFIED)
    gateway.urls = {backend.name: backend.url for backend, _ in pairs}
    return gateway


@pytest.fixture
def asked(world, gateway):
    return Asked(world, gateway)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/olla/proxy/v1/models", IDS),
        ("/olla/openai/v1/models", IDS),
        ("/v1/models", IDS),
        (
            "/olla/vllm/v1/models",
            {"meta-llama/Meta-Llama-3-8B-Instruct", "shared-model", "Best"},
        ),
        ("/olla/ollama/v1/models", {"llama3:latest", "llama3:8b", "shared-model", "Best"}),
        ("/olla/lmstudio/v1/models", {"qwen2-vl-7b"}),
        ("/olla/lm_studio/api/v1/models", {"qwen2-vl-7b"}),
        ("/olla/dmr/v1/models", {"ai/smollm2"}),
        ("/olla/lemonade/v1/models", {"Qwen3-GGUF"}),
        ("/olla/sglang/v1/models", set()),
    ],
)
def test_lists_the_models_of_a_provider_as_openai_does(asked, path, wanted):
    assert set(asked.ids(path)) == wanted
    assert len(asked.ids(path)) == len(wanted)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/olla/dmr/engines/v1/models", {"ai/smollm2"}),
        ("/olla/lemonade/api/v1/models", {"Qwen3-GGUF"}),
    ],
)
def test_olla_w25_lists_at_the_paths_of_docker_and_lemonade(asked, path, wanted):
    assert set(asked.ids(path)) == wanted


def test_olla_w23_lists_are_right_and_do_not_move(asked):
    began = time.time()
    for path in ("/olla/vllm/v1/models", "/olla/models?format=vllm&endpoint=vllm-a"):
        document = asked.get(path)
        name = "meta-llama/Meta-Llama-3-8B-Instruct"
        (llama,) = [model for model in document["data"] if model["id"] == name]
        assert llama["root"] == name
        assert llama["owned_by"] == "vllm" and llama["max_model_len"] == 8192
        assert llama["permission"] == [{"id": "modelperm-1"}]
        assert 0 < llama["created"] <= began
        assert all(asked.get(path) == document for _ in range(3))
    (vlm,) = asked.get("/olla/lmstudio/api/v0/models")["data"]
    assert vlm == {
        "id": "qwen2-vl-7b",
        "object": "model",
        "type": "vlm",
        "publisher": "pub",
        "arch": "qwen2_vl",
        "quantization": "4bit",
        "state": "loaded",
        "max_context_length": 131072,
    }


def test_lists_for_ollama_what_ollama_servers_have(asked):
    document = asked.get("/olla/ollama/api/tags")
    names = [model["name"] for model in document["models"]]
    assert sorted(names) == ["Best", "llama3:8b", "llama3:latest", "shared-model"]
    one = document["models"][names.index("llama3:latest")]
    assert one["digest"] == DIGEST and one["size"] == 4000000000
    assert one["modified_at"] == "2026-11-01T01:02:03Z"
    assert one["details"]["quantization_level"] == "Q4_K_M"


def test_aliases_are_listed_as_models(asked):
    (alias,) = [m for m in asked.get("/olla/models")["data"] if m["id"] == "Best"]
    assert {part["endpoint"] for part in alias["olla"]["availability"]} == {"vllm-a", "ollama-a"}
    assert asked.get("/olla/models/best")["id"] == "Best"
    assert asked.get("/olla/vllm/v1/models/best")["id"] == "Best"


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("format=openai", UNIFIED),
        ("format=unified&family=LLAMA", {"meta-llama/Meta-Llama-3-8B-Instruct"}),
        ("endpoint=vllm-a", {"meta-llama/Meta-Llama-3-8B-Instruct", "shared-model", "Best"}),
        ("type=vlm", {"qwen2-vl-7b"}),
        ("type=embeddings", {"text-embedding-small"}),
        ("capability=embedding", {"text-embedding-small"}),
        ("capability=vision", {"qwen2-vl-7b"}),
        ("endpoint=lms-a&available=true", {"qwen2-vl-7b"}),
        ("endpoint=oai-a&available=true", set()),
        ("format=lmstudio", {"qwen2-vl-7b"}),
        ("format=lemonade&endpoint=lemonade-a", {"Qwen3-GGUF"}),
        ("format=docker-model-runner&endpoint=dmr-a&include_unavailable=true", {"ai/smollm2"}),
    ],
)
def test_the_list_of_all_models_takes_olla_s_parameters(asked, query, wanted):
    seen = set(asked.ids("/olla/models?" + query))
    if "family" in query:
        assert wanted <= seen and "gpt-x" not in seen
    else:
        assert seen == wanted


def test_an_endpoint_may_be_named_by_its_url(asked, gateway):
    assert asked.ids("/olla/models?endpoint=" + gateway.urls["lms-a"]) == ["qwen2-vl-7b"]
    assert_error(asked.request("GET", "/olla/models?endpoint=nope"), 404)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("format=bogus", ["unified", "openai", "ollama", "docker-model-runner"]),
        ("available=maybe", ["true", "false"]),
        ("include_unavailable=2", ["true", "false"]),
        ("type=model", ["llm", "vlm", "embeddings"]),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_with_those_that_are(asked, query, names):
    error = assert_error(asked.request("GET", "/olla/models?" + query), 400)
    assert all(name in error["message"] for name in names)


@pytest.mark.parametrize(
    "written",
    [
        "meta-llama/Meta-Llama-3-8B-Instruct",
        "meta-llama%2FMeta-Llama-3-8B-Instruct",
        "META-LLAMA/meta-llama-3-8b-instruct",
    ],
)
def test_olla_w24_shows_models_whose_id_has_a_slash(asked, written):
    model = asked.get("/olla/models/" + written)
    assert model["id"] == "meta-llama/Meta-Llama-3-8B-Instruct"
    assert model["family"] == "llama" and model["variant"] == "3"
    assert model["parameter_size"] == "8b" and model["parameter_count"] == 8_000_000_000
    assert model["endpoints"] == model["loaded_endpoints"] == ["vllm-a"]
    assert model["max_context_length"] == 8192


def test_shows_one_model_as_olla_does(asked):
    model = asked.get("/olla/models/llama3:8b")
    assert model.pop("last_seen").endswith(" ago")
    assert model == {
        "id": model["id"],
        "family": "llama",
        "variant": "3",
        "parameter_size": "8b",
        "quantization": "q4km",
        "format": "gguf",
        "total_disk_size": "7.45 GB",
        "aliases": model["aliases"],
        "endpoints": ["ollama-a"],
        "loaded_endpoints": [],
        "capabilities": ["text-generation"],
        "parameter_count": 8_000_000_000,
    }
    assert sorted(model["aliases"]) == ["llama3:8b", "llama3:latest"]
    assert_error(asked.request("GET", "/olla/models/nope"), 404)
    assert_error(asked.request("GET", "/olla/models/"), 400)
    assert_error(asked.request("POST", "/olla/models"), 405)


def test_olla_w38_the_status_names_all_models(asked):
    status = asked.get("/internal/status/models")
    recent = {model["name"]: model for model in status["recent_models"]}
    assert set(recent) == UNIFIED - {"Best"}
    assert status["total_models"] == len(recent) and status["total_endpoints"] == len(LISTS)
    assert recent["shared-model"]["endpoints"] == ["ollama-a", "vllm-a"]
    assert recent["shared-model"]["aliases"] == ["Best"]
    assert "gpt-x" in status["models_by_family"]["gpt"]
    assert "model_groups" not in status
    grouped = asked.get("/internal/status/models?detailed=true&group=family")
    assert sum(group["model_count"] for group in grouped["model_groups"]) == len(recent)


def test_the_openai_sdk_lists_and_retrieves_an_alias(gateway):
    base = f"http://127.0.0.1:{gateway.port}/v1"
    with openai.OpenAI(base_url=base, api_key="x", timeout=scaled(20)) as client:
        assert {model.id for model in client.models.list().data} == IDS
        assert client.models.retrieve("Best").id == "Best"


def test_a_refresh_reads_the_lists_and_says_what_became_of_it(world):
    good, good_endpoint = listing_backend(world, "good", LISTS["oai-a"])
    bad, bad_endpoint = listing_backend(world, "bad", LISTS["oai-a"])
    del bad.documents["/v1/models"]
    gateway = world.gateway(config={"endpoints": [good_endpoint, bad_endpoint]})
    asked = Asked(world, gateway)
    asked.until_ids("/olla/models", {"gpt-x", "text-embedding-small"})
    good.documents["/v1/models"] = json.dumps({"data": [{"id": "new"}]}).encode()
    response = asked.request("POST", "/internal/discovery/refresh")
    assert response.status == 200
    assert response.json()["endpoints"] == [
        {"name": "good", "status": "read", "models": 1},
        {"name": "bad", "status": "failed", "models": 0, "reason": "status 404"},
    ]
    assert asked.ids("/olla/models") == ["new"]
    assert_error(asked.request("GET", "/internal/discovery/refresh"), 405)


def test_olla_w11_a_model_that_was_removed_is_gone(world):
    backend, endpoint = listing_backend(world, "a", LISTS["oai-a"])
    discovery = {"model_discovery": {"interval": "100ms"}}
    gateway = world.gateway(config={"endpoints": [endpoint], "discovery": discovery})
    asked = Asked(world, gateway)
    asked.until_ids("/v1/models", {"gpt-x", "text-embedding-small"})
    backend.documents["/v1/models"] = json.dumps({"data": [{"id": "gpt-x"}]}).encode()
    asked.until_ids("/v1/models", {"gpt-x"})
    client = world.connect(gateway)
    gone = client.post("/v1/embeddings", {"model": "text-embedding-small", "input": "x"})
    assert_error(gone, 404)


def test_olla_w12_a_list_that_could_not_be_read_is_tried_again(world):
    backend, endpoint = listing_backend(world, "a", LISTS["oai-a"])
    there = backend.documents.pop("/v1/models")
    discovery = {"model_discovery": {"interval": "200ms", "retry_backoff": "10ms"}}
    gateway = world.gateway(config={"endpoints": [endpoint], "discovery": discovery})
    backend.wait_until(lambda: len(backend.times_asked("/v1/models")) >= 6, "many tries")
    backend.documents["/v1/models"] = there
    Asked(world, gateway).until_ids("/v1/models", {"gpt-x", "text-embedding-small"})


def test_olla_w13_models_of_an_endpoint_that_is_down_are_unavailable(world):
    down, down_endpoint = listing_backend(world, "down", LISTS["oai-a"], **FAST)
    up, up_endpoint = listing_backend(world, "up", LISTS["dmr-a"], **FAST)
    down.health = 500
    gateway = world.gateway(config={"endpoints": [down_endpoint, up_endpoint]}, ready=[up])
    Asked(world, gateway).until_ids("/olla/models", {"ai/smollm2"})
    client = world.connect(gateway)
    body = {"model": "gpt-x", "messages": []}
    assert_error(client.post("/olla/proxy/v1/chat/completions", body), 503)


def test_a_miss_reads_the_lists_before_the_request_goes_where_no_list_is_known(world):
    good, good_endpoint = listing_backend(world, "good", LISTS["oai-a"])
    bad, bad_endpoint = listing_backend(world, "bad", LISTS["oai-a"])
    del bad.documents["/v1/models"]
    gateway = world.gateway(config={"endpoints": [good_endpoint, bad_endpoint]})
    Asked(world, gateway).until_ids("/olla/models", {"gpt-x", "text-embedding-small"})
    bad.wait_until(lambda: bad.times_asked("/v1/models"), "a try to read the list")
    good.documents["/v1/models"] = json.dumps({"data": [{"id": "new"}]}).encode()
    client = world.connect(gateway)
    for model, name in (("new", "good"), ("nobody-s", "bad")):
        response = client.post("/v1/chat/completions", {"model": model, "messages": []})
        assert response.header("x-olla-endpoint") == name


def test_a_model_filter_hides_models(world):
    backend, endpoint = listing_backend(
        world, "a", LISTS["oai-a"], model_filter={"include": ["GPT*"]}
    )
    gateway = world.gateway(config={"endpoints": [endpoint]})
    Asked(world, gateway).until_ids("/v1/models", {"gpt-x"})
    assert backend.times_asked("/v1/models")


def test_without_the_unifier_each_name_is_a_model(world):
    _, endpoint = listing_backend(world, "a", LISTS["ollama-a"])
    config = {"endpoints": [endpoint], "model_registry": {"enable_unifier": False}}
    gateway = world.gateway(config=config)
    Asked(world, gateway).until_ids(
        "/olla/models?format=openai", {"llama3:latest", "llama3:8b", "shared-model"}
    )

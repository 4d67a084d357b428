"""Endpoints of type `auto`: the gateway finds out what they are."""

import json

import pytest

from harness.backend import Backend
from harness.message import json_request, request_bytes


def entry(backend: Backend, **more) -> dict:
    """As in a file that says nothing but the address."""
    kept = ("url", "name")
    config = {key: text for key, text in backend.endpoint().items() if key in kept}
    return {**config, "check_interval": "100ms", "check_timeout": "100ms", **more}


def openai_list(owner: str, *ids: str) -> bytes:
    data = [{"id": model, "object": "model", "owned_by": owner} for model in ids]
    return json.dumps({"object": "list", "data": data}).encode()


OLLAMA = {
    "/": b"Ollama is running",
    "/v1/models": openai_list("library", "llama3:latest"),
    "/api/version": b'{"version":"0.5.1"}',
    "/api/tags": b'{"models":[{"name":"llama3:latest","model":"llama3:latest"}]}',
}
LM_STUDIO = {
    "/v1/models": openai_list("organization_owner", "m"),
    "/api/v0/models": b'{"data":[{"id":"m","object":"model","type":"llm","state":"loaded"}]}',
}
SERVERS = {
    "ollama": (OLLAMA, "llama3:latest"),
    "lm-studio": (LM_STUDIO, "m"),
    "sglang": ({"/health": b"", "/v1/models": openai_list("sglang", "m")}, "m"),
    "openai-compatible": ({"/v1/models": openai_list("somebody", "m")}, "m"),
    "docker-model-runner": ({"/engines/v1/models": openai_list("x", "m")}, "m"),
}
CHAT = "/v1/chat/completions"


def gateway_before(world, backend, **more):
    return world.fleet(entry(backend, **more), settled=False)


def kind_of(fleet, model: str) -> str | None:
    """By an answer, once there is one."""
    request = json_request("/olla/proxy" + CHAT, {"model": model, "messages": []})
    response = fleet.raw(request)
    return response.header("x-olla-backend-type") if response.status == 200 else None


@pytest.mark.parametrize("spelled", [{}, {"type": "auto"}], ids=["no type", "auto"])
@pytest.mark.parametrize("kind", SERVERS)
def test_olla_w09_finds_out_what_an_endpoint_is_and_has(world, kind, spelled):
    documents, model = SERVERS[kind]
    backend = world.backend()
    backend.documents = documents
    fleet = gateway_before(world, backend, **spelled)
    fleet.until(lambda: kind_of(fleet, model) == kind, f"that it is {kind}")
    fleet.until(lambda: [one["id"] for one in fleet.models("/olla/proxy")] == [model], "its models")
    document = fleet.raw(request_bytes("GET", "/internal/status/endpoints"), "GET").json()
    assert [told["type"] for told in document["endpoints"]] == [kind]


def test_olla_w09_a_vllm_is_treated_as_one(world):
    sim = world.sim()
    endpoint = {"url": f"http://127.0.0.1:{sim.port}", "name": "sim", "check_interval": "100ms"}
    fleet = world.fleet(endpoint, settled=False)
    fleet.until(lambda: fleet.endpoints().get("sim", {}).get("version"), "its version")
    fleet.until_status("sim", "healthy")
    fleet.until(lambda: fleet.ids() == ["tiny"], "its models")
    metrics = request_bytes("GET", "/olla/vllm/metrics")
    fleet.until(lambda: b"vllm:" in fleet.raw(metrics, "GET").body, "its metrics")


def test_asks_at_the_paths_of_the_type_from_then_on(world):
    backend = world.backend()
    backend.documents = OLLAMA
    fleet = gateway_before(world, backend)
    fleet.until(lambda: len(backend.times_asked("/")) > 2, "health checks at /")
    fleet.until(lambda: backend.times_asked("/api/tags"), "its own list of models")


def test_keeps_the_paths_that_the_config_gives(world):
    backend = world.backend()
    backend.documents = {**OLLAMA, "/up": b"", "/list": OLLAMA["/api/tags"]}
    fleet = gateway_before(world, backend, health_check_url="/up", model_url="/list")
    fleet.until(lambda: kind_of(fleet, "llama3:latest") == "ollama", "that it is an Ollama")
    fleet.until(lambda: len(backend.times_asked("/up")) > 2, "health checks")
    assert not backend.times_asked("/") and not backend.times_asked("/api/tags")


def test_finds_out_anew_what_comes_back(world):
    backend = world.backend()
    backend.documents = OLLAMA
    fleet = gateway_before(world, backend)
    fleet.until(lambda: kind_of(fleet, "llama3:latest") == "ollama", "that it is an Ollama")
    backend.documents = {}  # Of whatever kind, it is down.
    fleet.until(lambda: kind_of(fleet, "llama3:latest") is None, "that it is down")
    backend.documents = SERVERS["sglang"][0]
    fleet.until(lambda: kind_of(fleet, "m") == "sglang", "that it is an SGLang now")


def test_a_server_that_tells_nothing_stays_what_asks_the_least(world):
    backend = world.backend()
    backend.documents = {"/up": b""}
    fleet = gateway_before(world, backend, health_check_url="/up")
    fleet.until(lambda: kind_of(fleet, "x") == "openai-compatible", "an answer")

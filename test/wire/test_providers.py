"""Which endpoints a path may reach: a provider for each kind of server."""

import openai
import pytest

from harness.errors import assert_error

PREFIXES = {
    "docker-model-runner": ["dmr"],
    "lemonade": ["lemonade"],
    "litellm": ["litellm"],
    "llamacpp": ["llamacpp"],
    "lm-studio": ["lmstudio", "lm-studio", "lm_studio"],
    "lmdeploy": ["lmdeploy"],
    "ollama": ["ollama"],
    "omlx": ["omlx"],
    "sglang": ["sglang"],
    "vllm": ["vllm"],
    "vllm-mlx": ["vllm-mlx"],
}
CHAT = "/v1/chat/completions"
BODY = {"model": "tiny", "messages": []}


@pytest.fixture(scope="module")
def fleet(shared):
    """One backend of each type; its name is the type."""
    backends = {name: shared.backend(name=name) for name in PREFIXES}
    config = {"endpoints": [backend.endpoint(type=name) for name, backend in backends.items()]}
    return shared.gateway(*backends.values(), config=config)


@pytest.fixture
def client(world, fleet):
    return world.connect(fleet)


@pytest.mark.parametrize(
    ("kind", "prefix"), [(kind, prefix) for kind, list_ in PREFIXES.items() for prefix in list_]
)
def test_each_prefix_reaches_endpoints_of_its_type(client, kind, prefix):
    for _ in range(2):
        response = client.post(f"/olla/{prefix}{CHAT}", BODY)
        assert response.status == 200
        assert response.header("x-olla-endpoint") == kind
        assert response.header("x-olla-backend-type") == kind


@pytest.mark.parametrize("prefix", ["/olla/openai", "/olla/openai-compatible", "/olla/proxy", ""])
def test_openai_and_the_bare_path_reach_every_type(client, prefix):
    seen = {
        client.post(prefix + CHAT, BODY).header("x-olla-endpoint") for _ in range(3 * len(PREFIXES))
    }
    assert seen == set(PREFIXES)


@pytest.mark.parametrize("spelling", ["dmr", "DMR", "docker-model-runner", "docker_model_runner"])
def test_a_type_in_another_spelling_is_behind_the_same_prefix(world, spelling):
    backend = world.backend()
    gateway = world.gateway(backend, endpoint={"type": spelling})
    response = world.connect(gateway).post(f"/olla/dmr{CHAT}", BODY)
    assert response.status == 200
    assert response.header("x-olla-backend-type") == "docker-model-runner"


def test_a_provider_without_endpoints_says_so(world):
    gateway = world.gateway(world.backend())
    response = world.connect(gateway).post(f"/olla/sglang{CHAT}", BODY)
    assert_error(response, 404)
    assert response.json()["error"]["code"] == "no_endpoints"
    assert "No sglang endpoints available" in response.json()["error"]["message"]


def test_an_unknown_provider_is_told_which_there_are(client):
    response = client.post(f"/olla/nope{CHAT}", BODY)
    assert_error(response, 404)
    error = response.json()["error"]
    assert error["code"] == "unknown_provider"
    assert "lm_studio" in error["message"] and "proxy" in error["message"]


@pytest.mark.parametrize("target", ["/olla/vllm", "/olla/lm_studio", "/olla/proxy"])
@pytest.mark.parametrize("query", ["", "?a=b&c"])
def test_a_prefix_without_its_slash_is_redirected_behind_it(client, target, query):
    response = client.request("GET", target + query)
    assert response.status == 307
    assert response.header("location") == target + "/" + query


def test_the_openai_sdk_needs_only_the_host(world):
    sim = world.sim()
    gateway = world.gateway_before(sim)
    base_url = f"http://127.0.0.1:{gateway.port}/v1"
    with openai.OpenAI(base_url=base_url, api_key="x", max_retries=0) as sdk:
        assert [model.id for model in sdk.models.list()] == ["tiny"]
        answer = sdk.chat.completions.create(
            model="tiny", messages=[{"role": "user", "content": "Hi"}], max_tokens=3
        )
    assert answer.choices[0].message.content

"""Which endpoints a path may reach: a provider for each kind of server."""

import openai
import pytest

from harness.errors import assert_error
from harness.process import run

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
@pytest.mark.parametrize(
    ("path", "others"),
    [
        ("/v1/audio/x", set()),  # Nobody knows it, so that everybody may.
        (CHAT, {"docker-model-runner", "lemonade"}),  # They have it elsewhere.
    ],
)
def test_openai_and_the_bare_path_reach_every_type(client, prefix, path, others):
    seen = {
        client.post(prefix + path, BODY).header("x-olla-endpoint") for _ in range(3 * len(PREFIXES))
    }
    assert seen == set(PREFIXES) - others


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


# --- methods and routes that are no client's business ---


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "target",
    [
        "/olla/vllm/v1/chat/completions",
        "/olla/vllm/tokenize",
        "/olla/proxy/v1/embeddings",
        "/olla/sglang/v1/completions",
        "/v1/responses",
    ],
)
def test_olla_w30_an_inference_route_takes_post(client, method, target):
    response = client.request(method, target)
    assert response.status == 405 and response.header("allow") == "POST"
    if method != "HEAD":
        assert response.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("target", ["/v1/models", "/olla/dmr/v1/models", "/internal/health"])
def test_olla_w30_a_document_is_read(client, method, target):
    response = client.request(method, target, body=b"" if method == "POST" else None)
    assert_error(response, 405)
    assert response.header("allow") == "GET, HEAD"


def test_a_path_that_nobody_knows_takes_any_method(client):
    for method in ("GET", "DELETE", "PATCH"):
        assert client.request(method, "/olla/sglang/anything").status == 200


@pytest.mark.parametrize("operation", ["pull", "push", "create", "copy", "delete", "blobs/x"])
@pytest.mark.parametrize("prefix", ["/olla/ollama", "/olla/proxy", "/olla/openai"])
def test_olla_w42_models_of_ollama_are_not_managed(client, operation, prefix):
    response = client.post(f"{prefix}/api/{operation}", {"model": "x"})
    assert_error(response, 501)
    error = response.json()["error"]
    assert error["code"] == "not_implemented"
    assert error["message"] == "model management operations not supported by proxy"


@pytest.mark.parametrize(
    "target",
    [
        "/olla/lemonade/api/v1/delete",
        "/olla/proxy/api/v1/pull",
        "/olla/sglang/flush_cache",
        "/olla/openai/key/generate",
    ],
)
def test_olla_w42_no_client_manages_a_server(client, target):
    response = client.post(target, {})
    assert_error(response, 403)
    assert response.json()["error"]["code"] == "route_not_allowed"


def test_olla_w42_one_ollama_shows_its_models(client):
    assert client.post("/olla/ollama/api/show", {"name": "x"}).status == 200


def test_olla_w42_of_several_ollamas_the_one_with_the_model_shows_it(world):
    first, second = world.backend(name="first"), world.backend(name="second")
    gateway = world.gateway(first, second, endpoint={"type": "ollama"})
    client = world.connect(gateway)
    assert client.post("/olla/ollama/api/show", {"model": "x"}).status == 200
    response = client.post("/olla/ollama/api/show", {"name": "x"})
    assert response.status == 501
    assert "not supported in multi-instance proxy" in response.json()["error"]["message"]
    assert client.request("GET", "/olla/ollama/api/list").status == 501


# --- which of several kinds of servers ---


@pytest.mark.parametrize("prefix", ["/olla/proxy", "/olla/openai"])
def test_a_path_goes_to_the_kinds_of_servers_that_have_it(client, prefix):
    for path, kinds in (("/api/chat", {"ollama"}), ("/generate", {"sglang", "lmdeploy"})):
        seen = {
            client.post(prefix + path, BODY).header("x-olla-endpoint")
            for _ in range(2 * len(kinds))
        }
        assert seen == kinds


# --- profiles of the operator's own ---

PROFILE = """
name: my-server
routing: {prefixes: [my-server, mine]}
api: {health_check_path: /up, anthropic_support: {enabled: true, messages_path: /m}}
"""


def write_profile(folder, text: str) -> str:
    (folder / "mine.yaml").write_text(text)
    return str(folder)


def test_a_profile_makes_a_provider(world, tmp_path):
    backend = world.backend(name="own")
    folder = tmp_path / "kinds"
    folder.mkdir()
    config = {"profiles_dir": write_profile(folder, PROFILE)}
    gateway = world.gateway(backend, endpoint={"type": "mine"}, config=config)
    client = world.connect(gateway)
    for prefix in ("/olla/mine", "/olla/my-server", "/olla/openai"):
        response = client.post(prefix + CHAT, BODY)
        assert response.status == 200
        assert response.header("x-olla-backend-type") == "my-server"
    message = {"model": "x", "max_tokens": 1, "messages": []}
    assert client.post("/olla/anthropic/v1/messages", message).status == 200
    assert backend.requests[-1].target == "/m"


def test_a_broken_profile_stops_the_start(tmp_path):
    config = tmp_path / "olla.yaml"
    config.write_text("endpoints: [{url: 'http://h'}]\n")
    (tmp_path / "profiles").mkdir()
    write_profile(tmp_path / "profiles", "name: a\napi: {paths: [x]}\n")
    ended = run("check", str(config))
    assert ended.returncode == 2
    assert "mine.yaml:2: api.paths: must begin with /" in ended.stdout

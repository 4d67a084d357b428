"""Which paths the gateway answers itself, which it passes on, and how it leaves them alone."""

import pytest

from harness.errors import assert_error
from harness.world import World


@pytest.fixture(scope="module")
def backend(shared: World):
    return shared.backend()


@pytest.fixture(scope="module")
def gateway(shared: World, backend):
    return shared.gateway(backend)


@pytest.fixture
def client(gateway, world):
    return world.connect(gateway)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/foo",
        "/v1",
        "/olla/nope/v1/models",
        "/olla/VLLM/v1/audio/x",
        "/olla/docker-model-runner/v1/models",
        "/internal/nope",
        "/olla",
    ],
)
def test_answers_404_as_json_to_any_other_path(client, method, target):
    response = client.request(method, target, body=b"" if method == "POST" else None)
    assert_error(response, 404)


def test_answers_its_own_health(client):
    response = client.request("GET", "/internal/health")
    assert response.status == 200
    assert response.header("content-type").startswith("application/json")
    assert response.json() == {"status": "healthy"}


def test_answers_its_own_version(client):
    response = client.request("GET", "/version")
    assert response.status == 200
    document = response.json()
    assert document["name"] and document["version"]


def test_gives_its_own_answers_a_request_id(client):
    for target in ("/internal/health", "/version"):
        response = client.request("GET", target, [("X-Olla-Request-ID", "mine-1")])
        assert response.header("x-olla-request-id") == "mine-1"


def test_does_not_name_an_endpoint_in_its_own_answers(client):
    for target in ("/internal/health", "/nowhere"):
        assert client.request("GET", target).header("x-olla-endpoint") is None


@pytest.mark.parametrize(
    "prefix", ["/olla/vllm", "/olla/openai", "/olla/openai-compatible", "/olla/proxy"]
)
@pytest.mark.parametrize(
    "rest",
    [
        "/version",
        "/vers%69on",
        "/v1/audio/a%20c",
        "/v1/audio/%61%C3%A9%zz",
        "/v1/audio/x?",
        "/v1/audio/x?a=b&c=%20+d&a=%2F/?&d=../..",
        "/v1/audio/x;p=1?q=a?b",
        "/v1/audio/~user!$&'()*+,;=:@",
    ],
)
def test_keeps_path_and_query_byte_for_byte(client, backend, prefix, rest):
    before = len(backend.requests)
    assert client.request("GET", prefix + rest).status == 200
    assert [request.target for request in backend.requests[before:]] == [rest]


@pytest.mark.parametrize("prefix", ["/olla/openai", "/olla/proxy"])
@pytest.mark.parametrize(
    "rest", ["/", "/v1/a%2Fb%20c", "/v1/a%2F%2Fb", "/v1/x/", "/api/tags?x=//y"]
)
def test_keeps_any_path_towards_a_server_that_is_no_vllm(world, prefix, rest):
    backend = world.backend()
    gateway = world.gateway(backend, endpoint={"type": "openai-compatible"})
    assert world.connect(gateway).request("GET", prefix + rest).status == 200
    assert backend.requests[-1].target == rest


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("/olla/proxy//v1/models", "/olla/proxy/v1/models"),
        ("//olla//vllm/./v1/models?a=//b", "/olla/vllm/v1/models?a=//b"),
        ("//v1/models", "/v1/models"),
        ("//internal/health", "/internal/health"),
        ("/internal//status?x", "/internal/status?x"),
        ("//version", "/version"),
        ("/olla/vllm/v1/audio//", "/olla/vllm/v1/audio/"),
    ],
)
def test_a_path_with_empty_segments_is_redirected_to_the_clean_one(client, written, clean):
    for method in ("GET", "POST"):
        response = client.request(method, written, body=b"{}" if method == "POST" else None)
        assert response.status == 307 and response.header("location") == clean


@pytest.mark.parametrize("path", ["//evil.test/v1/models", "//evil.test", "///"])
def test_nobody_is_redirected_to_another_host(client, path):
    assert client.request("GET", path).status == 404


def test_accepts_a_target_in_absolute_form(client, backend):
    assert client.request("GET", "http://other.test:8080/olla/vllm/v1/audio/x?y").status == 200
    assert backend.requests[-1].target == "/v1/audio/x?y"


def test_takes_the_host_of_a_target_in_absolute_form(client, backend):
    # RFC 9112, section 3.2.2: the target's host is the one that was asked for, not the field's.
    client.request("GET", "http://other.test:8080/olla/vllm/v1/audio/x", [("Host", "field.test")])
    assert backend.requests[-1].header("x-forwarded-host") == "other.test:8080"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_passes_every_method_on(client, backend, method):
    body = None if method in ("GET", "OPTIONS") else b"some bytes"
    assert client.request(method, "/olla/vllm/v1/audio/thing", body=body).status == 200
    request = backend.requests[-1]
    assert request.method == method and request.body == (body or b"")

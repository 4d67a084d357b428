"""Pages of other origins: what a browser is told about who may read what."""

import pytest

from harness.message import request_bytes

CHAT = "/olla/vllm/v1/chat/completions"
TARGET = "/olla/vllm/v1/audio/echo"
APP = "http://app.example"
CORS = {"server": {"cors": {"enabled": True, "allowed_origins": [APP, "https://*.our.example"]}}}


def asking(origin: str, method: str = "POST", headers: str | None = None):
    fields = [("Origin", origin), ("Access-Control-Request-Method", method)]
    return fields + ([("Access-Control-Request-Headers", headers)] if headers else [])


def access_fields(response) -> dict:
    return {
        name.lower(): text
        for name, text in response.headers
        if name.lower().startswith("access-control-")
    }


@pytest.fixture(scope="module")
def backend(shared):
    return shared.backend()


@pytest.fixture(scope="module")
def gateway(shared, backend):
    return shared.gateway(backend, config=CORS)


@pytest.fixture
def client(world, gateway):
    return world.connect(gateway)


@pytest.mark.parametrize(
    "path", [CHAT, "/olla/proxy/x", "/v1/models", "/nowhere", "/internal/status", "/version"]
)
def test_answers_a_preflight_as_olla_does(client, backend, path):
    before = len(backend.requests)
    response = client.request("OPTIONS", path, asking(APP, headers="content-type"))
    assert response.status == 204 and response.body == b""
    assert response.header("content-length") is None
    assert access_fields(response) == {
        "access-control-allow-origin": APP,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "content-type",
        "access-control-max-age": "300",
    }
    assert response.header_values("vary") == [
        "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    ]
    assert len(backend.requests) == before
    assert client.request("GET", "/internal/health").status == 200  # On the same connection.


@pytest.mark.parametrize(
    "fields",
    [asking("http://other.example"), asking(APP, "DELETE"), asking("null")],
    ids=["origin", "method", "null"],
)
def test_a_preflight_that_is_not_allowed_gets_no_permission(client, fields):
    response = client.request("OPTIONS", CHAT, fields)
    assert response.status == 204 and access_fields(response) == {}
    assert response.header("vary").startswith("Origin, ")


@pytest.mark.parametrize("origin", [APP, "https://chat.our.example"])
def test_an_endpoints_answer_may_be_read(client, origin):
    response = client.request("GET", TARGET, [("Origin", origin)])
    assert response.status == 200 and response.header("x-olla-endpoint")
    fields = access_fields(response)
    assert fields["access-control-allow-origin"] == origin
    exposed = fields["access-control-expose-headers"].lower().split(", ")
    told = {name.lower() for name, _ in response.headers if name.lower().startswith("x-olla-")}
    assert told <= set(exposed) and "x-ratelimit-remaining" in exposed
    assert "Origin" in response.header_values("vary")


@pytest.mark.parametrize(
    ("path", "status"), [("/internal/health", 200), ("/nowhere", 404), ("/olla/vllm/../x", 400)]
)
def test_the_gateways_own_answers_may_be_read(client, path, status):
    response = client.request("GET", path, [("Origin", APP)])
    assert response.status == status
    assert access_fields(response)["access-control-allow-origin"] == APP


def test_a_refusal_may_be_read(client):
    client.send(request_bytes("POST", CHAT, [("Origin", APP), ("Content-Length", "9" * 12)]))
    response = client.read_response()
    assert response.status == 413
    assert access_fields(response)["access-control-allow-origin"] == APP


def test_other_origins_are_served_without_a_word(client):
    response = client.request("GET", TARGET, [("Origin", "http://other.example")])
    assert response.status == 200 and access_fields(response) == {}
    assert response.header_values("vary") == ["Origin"]


def test_the_gateways_word_stands_for_the_endpoints(world):
    own = [("Access-Control-Allow-Origin", "*"), ("access-control-allow-methods", "PUT")]
    backend = world.backend(lambda exchange: exchange.reply(headers=own))
    client = world.connect(world.gateway(backend, config=CORS))
    response = client.request("GET", TARGET, [("Origin", APP)])
    assert response.header_values("access-control-allow-origin") == [APP]
    assert response.header("access-control-allow-methods") is None
    response = client.request("GET", TARGET, [("Origin", "http://other.example")])
    assert access_fields(response) == {}


def test_without_it_everything_is_the_endpoints(world):
    own = [("Access-Control-Allow-Origin", "*")]
    backend = world.backend(lambda exchange: exchange.reply(headers=own))
    client = world.connect(world.gateway(backend))
    response = client.request("OPTIONS", TARGET, asking(APP))
    assert response.status == 200 and backend.requests[-1].method == "OPTIONS"
    assert access_fields(response) == {"access-control-allow-origin": "*"}
    assert response.header("vary") is None


def test_credentials_and_what_is_exposed_can_be_configured(world):
    more = {"allow_credentials": True, "exposed_headers": ["X-A", "X-B"], "max_age": 10}
    config = {"server": {"cors": {**CORS["server"]["cors"], **more}}}
    client = world.connect(world.gateway(config=config))
    fields = access_fields(client.request("GET", "/version", [("Origin", APP)]))
    assert fields["access-control-allow-credentials"] == "true"
    assert fields["access-control-expose-headers"] == "X-A, X-B"
    fields = access_fields(client.request("OPTIONS", CHAT, asking(APP)))
    assert fields["access-control-allow-credentials"] == "true"
    assert fields["access-control-max-age"] == "10"

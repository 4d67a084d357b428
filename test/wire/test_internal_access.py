"""Who may ask for the gateway's own documents, and send it commands."""

import pytest

from harness.errors import assert_error

COMMAND = "/internal/endpoints/x/drain"


def policy(**lists) -> dict:
    return {"internal": {"access_policy": lists}}


@pytest.fixture(scope="module")
def gateway(shared):
    return shared.gateway()


@pytest.fixture
def client(world, gateway):
    return world.connect(gateway)


def assert_denied(response, *words: str) -> None:
    error = assert_error(response, 403)
    assert error["code"] == "access_denied"
    for word in words:
        assert word in error["message"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:40114", "127.0.0.1", "[::1]:40114"])
def test_this_machine_may_ask_by_an_address_or_its_name(client, host):
    assert client.request("GET", "/internal/status", [("Host", host)]).status != 403


@pytest.mark.parametrize("path", ["/internal/status", "/internal/metrics", "/internal/none"])
def test_olla_w40_a_name_of_somebody_elses_is_refused(client, path):
    response = client.request("GET", path, [("Host", "evil.example:80")])
    assert_denied(response, "host not accepted (ip=127.0.0.1, host=evil.example)")
    assert_denied(response, "internal.access_policy.allowed_hosts")


def test_olla_w40_the_policy_holds_for_documents_and_commands(world):
    client = world.connect(world.gateway(config=policy(allowed_cidrs=["10.0.0.0/8"])))
    for method, path in (("GET", "/internal/status"), ("POST", COMMAND), ("HEAD", "/internal/x")):
        response = client.request(method, path)
        assert response.status == 403, path
    message = "ip not in allowed range (ip=127.0.0.1, host=localhost)"
    assert_denied(client.request("GET", "/internal/status"), message, "allowed_cidrs")
    # What is forwarded is somebody's word, not where the connection comes from.
    forwarded = [("X-Forwarded-For", "10.0.0.1"), ("X-Real-IP", "10.0.0.1")]
    assert_denied(client.request("GET", "/internal/status", forwarded), "ip=127.0.0.1")


def test_health_and_version_are_for_everybody(world):
    client = world.connect(world.gateway(config=policy(allowed_cidrs=["10.0.0.0/8"])))
    for path in ("/internal/health", "/version"):
        assert client.request("GET", path, [("Host", "any.example")]).status == 200


def test_an_allowed_name_is_allowed(world):
    lists = {"allowed_cidrs": ["127.0.0.0/8"], "allowed_hosts": ["ops.example"]}
    client = world.connect(world.gateway(config=policy(**lists)))
    allowed = client.request("GET", "/internal/status", [("Host", "Ops.Example:40114")])
    assert allowed.status != 403
    assert_denied(client.request("GET", "/internal/status", [("Host", "localhost")]))


def test_clients_paths_need_no_permission(world):
    client = world.connect(world.gateway(config=policy(allowed_cidrs=["10.0.0.0/8"])))
    response = client.request("GET", "/olla/vllm/health", [("Host", "any.example")])
    assert response.status != 403


def test_a_page_of_another_origin_sends_no_command(client):
    for origin in ("http://evil.example", "null"):
        assert_denied(client.request("POST", COMMAND, [("Origin", origin)]), "another origin")
    own = [("Host", "localhost:1"), ("Origin", "http://localhost:1")]
    assert client.request("POST", COMMAND, own).status != 403
    assert client.request("POST", COMMAND).status != 403


def test_a_command_that_is_refused_is_not_waited_for(client):
    fields = [("Host", "evil.example"), ("Content-Length", "1000000")]
    response = client.request("POST", COMMAND, fields)
    assert_denied(response)
    assert response.header("connection") == "close"

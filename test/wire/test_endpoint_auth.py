"""An endpoint's credentials: it gets them, and nobody else; clients' own stay with the gateway."""

import base64

import pytest

TARGET = "/olla/vllm/v1/audio/echo"
CLIENTS = [
    ("Authorization", "Bearer of-the-client"),
    ("Cookie", "of-the-client"),
    ("X-Api-Key", "of-the-client"),
    ("X-Auth-Token", "of-the-client"),
    ("Proxy-Authorization", "Basic of-the-client"),
    ("X-Key", "of-the-client"),
]
BASIC = "Basic " + base64.b64encode(b"olla:s3cret").decode()
KINDS = {
    "bearer": ({"type": "bearer", "token": "s3cret"}, "Authorization", "Bearer s3cret"),
    "api_key": ({"type": "api_key", "key": "s3cret"}, "X-Api-Key", "s3cret"),
    "api_key in a header": (
        {"type": "api_key", "key": "s3cret", "header": "X-Key"},
        "X-Key",
        "s3cret",
    ),
    "basic": ({"type": "basic", "username": "olla", "password": "s3cret"}, "Authorization", BASIC),
}


@pytest.mark.parametrize(("auth", "name", "wanted"), KINDS.values(), ids=KINDS)
def test_an_endpoint_gets_its_credentials_and_not_the_clients(world, auth, name, wanted):
    backend = world.backend()
    client = world.connect(world.gateway(backend, endpoint={"auth": auth}))
    assert client.request("GET", TARGET, CLIENTS).status == 200
    request = backend.requests[-1]
    assert request.header_values(name) == [wanted]
    # A header that is no credential by its name is passed on, unless it is the endpoint's.
    passed = b"of-the-client" in request.raw_head.replace(b"X-Key: of-the-client", b"")
    assert not passed
    (health, *_) = backend.health_requests
    assert health.header_values(name) == [wanted]


@pytest.mark.parametrize(("auth", "name", "wanted"), KINDS.values(), ids=KINDS)
def test_an_endpoint_does_not_tell_its_credentials(world, auth, name, wanted):
    backend = world.backend(lambda exchange: exchange.reply(headers=[(name, wanted)]))
    client = world.connect(world.gateway(backend, endpoint={"auth": auth}))
    response = client.request("GET", TARGET)
    assert response.status == 200
    assert response.header(name) is None and b"s3cret" not in response.raw


def test_credentials_come_from_a_file(world, tmp_path):
    (tmp_path / "token").write_text("from-a-file\n")
    backend = world.backend()
    auth = {"type": "bearer", "token_file": str(tmp_path / "token")}
    client = world.connect(world.gateway(backend, endpoint={"auth": auth}))
    client.request("GET", TARGET)
    assert backend.requests[-1].header_values("authorization") == ["Bearer from-a-file"]


def test_credentials_of_clients_pass_when_the_endpoint_is_to_have_them(world):
    backend = world.backend()
    client = world.connect(world.gateway(backend, endpoint={"forward_client_auth": True}))
    client.request("GET", TARGET, CLIENTS)
    request = backend.requests[-1]
    for name, text in CLIENTS:
        hop_by_hop = name == "Proxy-Authorization"
        assert request.header_values(name) == ([] if hop_by_hop else [text])


def test_the_endpoints_credentials_win_over_the_clients(world):
    backend = world.backend()
    endpoint = {"forward_client_auth": True, "auth": {"type": "bearer", "token": "s3cret"}}
    client = world.connect(world.gateway(backend, endpoint=endpoint))
    client.request("GET", TARGET, CLIENTS)
    assert backend.requests[-1].header_values("authorization") == ["Bearer s3cret"]


def test_no_credential_is_in_the_log(world):
    auth = {"type": "bearer", "token": "s3cret"}
    gateway = world.gateway(world.backend(), endpoint={"auth": auth})
    world.connect(gateway).request("GET", TARGET + "?key=s3cret", CLIENTS)
    gateway.access(path=TARGET)
    assert "s3cret" not in gateway.output() and "of-the-client" not in gateway.output()

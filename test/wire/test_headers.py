"""Header fields on their way to the backend and back."""

import re

import pytest

from harness.message import chunk, request_bytes, values

CHAT = "/olla/vllm/v1/chat/completions"
CREDENTIALS = ["Authorization", "Cookie", "X-Api-Key", "X-Auth-Token", "Proxy-Authorization"]


@pytest.fixture(scope="module")
def backend(shared):
    return shared.backend(name="vllm-server")


@pytest.fixture(scope="module")
def gateway(shared, backend):
    headers = {"X-Team": "from-config", "X-Custom": "set-by-config"}
    return shared.gateway(backend, endpoint={"headers": headers})


@pytest.fixture
def send(world, gateway, backend):
    """One GET with these headers: what the backend saw, and the response."""

    def exchange(*headers, answer=None, target="/olla/vllm/v1/audio/x"):
        backend.handler = answer or (lambda exchange: exchange.reply())
        response = world.connect(gateway).request("GET", target, headers)
        return backend.requests[-1], response

    return exchange


# --- the request id ---


@pytest.mark.parametrize("name", ["X-Olla-Request-ID", "X-Request-ID", "x-olla-request-id"])
@pytest.mark.parametrize("value", ["a", "req-1", 'odd!"\\~{}', "x" * 128])
def test_takes_the_clients_request_id_over(send, name, value):
    request, response = send((name, value))
    assert request.header("x-olla-request-id") == value
    assert response.header("x-olla-request-id") == value


def test_prefers_its_own_name_for_the_request_id(send):
    request, response = send(("X-Request-ID", "second"), ("X-Olla-Request-ID", "first"))
    assert request.header("x-olla-request-id") == "first"
    assert request.header("x-request-id") == "first"  # From it vLLM makes the id of its answer.
    assert response.header("x-olla-request-id") == "first"


@pytest.mark.parametrize("value", ["", "a b", "x" * 129, "caf\xe9", "tab\tinside"], ids=repr)
@pytest.mark.parametrize("name", ["X-Olla-Request-ID", "X-Request-ID"])
def test_replaces_an_unfit_request_id(send, name, value):
    request, response = send((name, value))
    made = response.header("x-olla-request-id")
    assert re.fullmatch(r"[\x21-\x7e]{1,128}", made)
    assert made != value
    assert request.header("x-olla-request-id") == made


def test_makes_a_new_request_id_for_each_request(send):
    made = set()
    for _ in range(20):
        request, response = send()
        assert request.header("x-olla-request-id") == response.header("x-olla-request-id")
        made.add(response.header("x-olla-request-id"))
    assert len(made) == 20 and None not in made


# --- what a proxy says of itself and of the client ---


def test_tells_the_backend_who_asked(send, gateway, backend):
    request, _ = send(("Host", "api.example:8443"))
    assert request.header("x-forwarded-for") == "127.0.0.1"
    assert request.header("x-forwarded-proto") == "http"
    assert request.header("x-forwarded-host") == "api.example:8443"
    assert request.header("host") == f"127.0.0.1:{backend.port}"


def test_appends_to_an_existing_forwarded_for(send):
    request, _ = send(("X-Forwarded-For", "203.0.113.7"))
    assert request.header("x-forwarded-for") == "203.0.113.7, 127.0.0.1"


def test_appends_to_several_forwarded_for_fields_in_order(send):
    request, _ = send(("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-For", "198.51.100.2"))
    joined = ", ".join(request.header_values("x-forwarded-for"))
    assert joined == "203.0.113.7, 198.51.100.2, 127.0.0.1"


def test_keeps_what_an_outer_proxy_said(send):
    request, _ = send(("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "outer.example"))
    assert request.header("x-forwarded-proto") == "https"
    assert request.header("x-forwarded-host") == "outer.example"


def test_adds_itself_to_via_in_both_directions(send):
    request, response = send(
        ("Via", "1.0 outer"), answer=lambda exchange: exchange.reply(headers=[("Via", "1.1 inner")])
    )
    up = [part.strip() for part in ",".join(request.header_values("via")).split(",")]
    down = [part.strip() for part in ",".join(response.header_values("via")).split(",")]
    assert up[0] == "1.0 outer" and len(up) == 2 and re.match(r"1\.1 olla", up[1])
    assert down[0] == "1.1 inner" and len(down) == 2 and re.match(r"1\.1 olla", down[1])


PRODUCT = r"olla/v\d+\.\d+\.\d+"


def test_says_who_asked_for_which_model_through_whom(world, gateway, backend):
    backend.handler = lambda exchange: exchange.json(b"{}")
    world.connect(gateway).post(CHAT, {"model": "Meta-Llama/Odd_NAME", "messages": []})
    request = backend.requests[-1]
    assert request.header("x-real-ip") == "127.0.0.1"
    assert request.header("x-model") == "Meta-Llama/Odd_NAME"  # Olla's w21: in small letters.
    assert re.fullmatch(PRODUCT, request.header("x-proxied-by"))
    assert re.fullmatch("1.1 " + PRODUCT, request.header("via"))


def test_keeps_the_real_address_that_an_outer_proxy_told(send):
    request, _ = send(("X-Real-IP", "203.0.113.7"), ("X-Proxied-By", "me"))
    assert request.header_values("x-real-ip") == ["203.0.113.7"]
    assert re.fullmatch(PRODUCT, request.header("x-proxied-by"))
    assert request.header("x-model") is None


def test_says_who_served_the_answer(send):
    _, response = send()
    assert re.fullmatch(PRODUCT, response.header("x-served-by"))
    assert re.fullmatch("1.1 " + PRODUCT, response.header("via"))


def test_does_not_claim_to_have_served_its_own_answers(world, gateway):
    response = world.connect(gateway).request("GET", "/internal/health")
    assert response.header("x-served-by") is None and response.header("via") is None


def test_olla_w20_w26_w28_the_request_of_the_recorded_sample(world, gateway, backend):
    """What Olla made of this request, with its faults mended."""
    backend.handler = lambda exchange: exchange.json(b"{}")
    body = b'{"model":"shared-model"}'
    sent = [
        ("User-Agent", "curl/7.88.1"),
        ("Accept", "*/*"),
        ("Content-Type", "application/json"),
        ("Authorization", "Bearer secret"),
        ("X-Api-Key", "k"),
        ("Cookie", "a=b"),
        ("X-Forwarded-For", "1.2.3.4, 5.6.7.8"),
        ("Host", "127.0.0.1:41100"),
        ("X-Request-ID", "id-1"),
    ]
    world.connect(gateway).request("POST", "/olla/vllm/v1/audio/echo", sent, body)
    request = backend.requests[-1]
    own = {name.lower(): text for name, text in request.headers}
    for name in ("via", "x-proxied-by"):
        assert re.search(PRODUCT, own.pop(name))
    assert own == {
        "host": f"127.0.0.1:{backend.port}",
        "user-agent": "curl/7.88.1",
        "accept": "*/*",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "x-forwarded-for": "1.2.3.4, 5.6.7.8, 127.0.0.1",
        "x-forwarded-host": "127.0.0.1:41100",
        "x-forwarded-proto": "http",
        "x-model": "shared-model",
        "x-real-ip": "127.0.0.1",
        "x-olla-request-id": "id-1",
        "x-request-id": "id-1",
        "x-team": "from-config",
        "x-custom": "set-by-config",
    }


def test_olla_w26_the_answer_of_the_recorded_sample(world):
    """The same of an answer."""
    headers = [
        ("Connection", "keep-alive"),
        ("Keep-Alive", "timeout=5"),
        ("Via", "1.1 backend"),
        ("X-Served-By", "backend"),
        ("X-Custom", "1"),
        ("X-Custom", "2"),
        ("Set-Cookie", "a=b"),
        ("X-Olla-Endpoint", "spoof"),
    ]
    backend = world.backend(lambda exchange: exchange.json(b"{}", headers=headers), name="vllm-a")
    response = world.connect(world.gateway(backend)).request("GET", "/olla/vllm/version")
    assert response.header_values("connection") == response.header_values("keep-alive") == []
    assert response.header_values("x-custom") == ["1", "2"]
    assert response.header_values("set-cookie") == []
    assert response.header_values("x-olla-endpoint") == ["vllm-a"]
    (via,), (served,) = response.header_values("via"), response.header_values("x-served-by")
    assert re.fullmatch(f"1.1 backend, 1.1 {PRODUCT}", via)
    assert re.fullmatch(f"backend, {PRODUCT}", served)


# --- what is dropped, kept, replaced on the way up ---


@pytest.mark.parametrize("name", CREDENTIALS)
def test_does_not_send_client_credentials_upstream(send, name):
    request, _ = send((name, "secret-of-the-client"))
    assert request.header_values(name) == []
    assert b"secret-of-the-client" not in request.raw_head


def test_sends_client_credentials_to_an_endpoint_that_asks_for_them(world):
    backend = world.backend()
    gateway = world.gateway(backend, endpoint={"forward_client_auth": True})
    kept = [name for name in CREDENTIALS if name != "Proxy-Authorization"]
    sent = [(name, "mine") for name in kept]
    world.connect(gateway).request("GET", "/olla/vllm/v1/audio/x", sent)
    (request,) = backend.requests
    assert {name: request.header(name) for name in kept} == {name: "mine" for name in kept}


def send_with_trailers(client, *trailers, headers=()):
    """One chunked POST that ends with these trailers; its response."""
    lines = "".join(f"{name}: {text}\r\n" for name, text in trailers)
    fields = [("Transfer-Encoding", "chunked"), *headers]
    client.send(request_bytes("POST", "/olla/vllm/v1/audio/x", fields))
    client.send(chunk(b"body") + b"0\r\n" + lines.encode("latin-1") + b"\r\n")
    return client.read_response("POST")


def test_filters_trailers_as_it_filters_the_head(world, gateway, backend):
    backend.handler = lambda exchange: exchange.reply()
    dropped = [*CREDENTIALS, "X-Forwarded-For", "X-Forwarded-Host", "Via", "X-Olla-Request-ID"]
    dropped += ["X-Team", "X-Hop"]  # Set by the config, and listed in Connection.
    trailers = [(name, "of-the-client") for name in dropped] + [("X-Sum", "1")]
    headers = [("Connection", "X-Hop")]
    response = send_with_trailers(world.connect(gateway), *trailers, headers=headers)
    assert response.status == 200
    request = backend.requests[-1]
    assert request.body == b"body" and request.trailers == [("X-Sum", "1")]
    assert b"of-the-client" not in request.raw_head


def test_announces_only_trailers_that_may_come(world, gateway, backend):
    backend.handler = lambda exchange: exchange.reply()
    client = world.connect(gateway)
    announced = [("Trailer", "X-Sum, X-Api-Key, X-Team")]
    send_with_trailers(client, ("X-Sum", "1"), headers=announced)
    assert backend.requests[-1].header_values("trailer") == ["X-Sum"]
    # Without trailers the body goes up with its length, and nothing can follow it.
    send_with_trailers(client, headers=announced)
    assert backend.requests[-1].header("content-length") == "4"
    assert backend.requests[-1].header_values("trailer") == []


def test_lets_the_endpoints_own_headers_win(send):
    request, _ = send(("x-team", "from-client"), ("X-TEAM", "again"))
    assert request.header("x-team") == "from-config"


def test_lets_the_endpoints_own_credentials_win(world):
    backend = world.backend()
    gateway = world.gateway(
        backend,
        endpoint={"headers": {"Authorization": "Bearer of-config"}, "forward_client_auth": True},
    )
    sent = [("Authorization", "Bearer mine")]
    world.connect(gateway).request("GET", "/olla/vllm/v1/audio/x", sent)
    (request,) = backend.requests
    assert request.header("authorization") == "Bearer of-config"
    assert backend.health_requests[0].header("authorization") == "Bearer of-config"


def test_drops_hop_by_hop_fields_and_those_named_in_connection(send):
    request, _ = send(
        ("Connection", "keep-alive, X-Secret-Hop"),
        ("Connection", "x-another"),
        ("X-Secret-Hop", "1"),
        ("X-Another", "2"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        ("Upgrade", "h2c"),
        ("TE", "gzip"),
        ("X-Kept", "3"),
    )
    for name in ("x-secret-hop", "x-another", "keep-alive", "proxy-connection", "upgrade"):
        assert request.header_values(name) == [], name
    assert "gzip" not in ",".join(request.header_values("te"))
    assert "hop" not in ",".join(request.header_values("connection"))
    assert request.header("x-kept") == "3"


def test_does_not_let_connection_name_fields_that_the_gateway_needs(world, gateway, backend):
    backend.handler = lambda exchange: exchange.reply(200, exchange.request.body)
    named = "Content-Length, Host, X-Olla-Request-ID, X-Forwarded-For"
    response = world.connect(gateway).request(
        "POST", "/olla/vllm/v1/audio/x", [("Connection", named)], b"whole"
    )
    request = backend.requests[-1]
    assert response.body == b"whole" and request.body == b"whole"
    assert request.header("host") == f"127.0.0.1:{backend.port}"
    assert request.header("x-olla-request-id") == response.header("x-olla-request-id")
    assert request.header("x-forwarded-for") == "127.0.0.1"


def test_keeps_other_fields_in_order_and_byte_for_byte(send):
    fields = [
        ("X-Multi", "one"),
        ("Accept", "a;q=0.5, b"),
        ("X-Multi", "two,three"),
        ("X-Empty", ""),
        ("X-Bytes", "caf\xe9 \x80\xff"),
        ("User-Agent", 'odd "agent"/1'),
        ("Accept-Encoding", "gzip"),
        ("Content-Type", "text/x-odd"),
    ]
    request, _ = send(*fields)
    names = {name.lower() for name, _ in fields}
    kept = [(name.lower(), text) for name, text in request.headers if name.lower() in names]
    assert kept == [(name.lower(), text) for name, text in fields]


def test_sends_a_body_of_known_length_with_its_length(world, gateway, backend):
    backend.handler = lambda exchange: exchange.reply()
    world.connect(gateway).post(CHAT, {"model": "tiny", "messages": []})
    request = backend.requests[-1]
    assert int(request.header("content-length")) == len(request.body) > 0
    assert request.header_values("transfer-encoding") == []


def test_sends_no_body_framing_with_a_plain_get(send):
    request, _ = send()
    assert request.header_values("transfer-encoding") == []
    assert request.header("content-length") in (None, "0")


# --- the way down ---


def test_names_endpoint_model_type_time_and_id_in_the_response(world, gateway, backend):
    backend.handler = lambda exchange: exchange.json(b"{}")
    client = world.connect(gateway)
    response = client.post(CHAT, {"model": "Meta-Llama/Odd_NAME", "messages": []})
    assert response.header("x-olla-endpoint") == "vllm-server"
    assert response.header("x-olla-model") == "Meta-Llama/Odd_NAME"
    assert response.header("x-olla-backend-type") == "vllm"
    assert re.fullmatch(r"\d+ms", response.header("x-olla-response-time"))
    assert response.header("x-olla-request-id")


def test_names_no_model_when_the_request_has_none(send):
    _, response = send()
    assert response.header("x-olla-model") is None
    assert response.header("x-olla-endpoint") == "vllm-server"


@pytest.mark.parametrize("status", [200, 404, 429, 500])
def test_says_who_answered_also_when_the_answer_is_an_error(send, status):
    body = b'{"error": "as it came"}'
    _, response = send(answer=lambda exchange: exchange.reply(status, body))
    assert response.status == status and response.body == body
    assert response.header("x-olla-endpoint") == "vllm-server"
    assert response.header("x-olla-request-id")


def test_does_not_put_a_header_break_from_a_model_name_into_the_response(world, gateway, backend):
    backend.handler = lambda exchange: exchange.json(b"{}")
    model = "tiny\r\nX-Injected: yes"
    response = world.connect(gateway).post(CHAT, {"model": model, "messages": []})
    assert response.status == 200
    assert response.header("x-injected") is None


def test_does_not_let_a_backend_spoof_the_gateways_fields(send):
    spoofed = [
        ("X-Olla-Endpoint", "spoof"),
        ("x-olla-model", "spoof"),
        ("X-OLLA-Backend-Type", "spoof"),
        ("X-Olla-Response-Time", "spoof"),
        ("X-Olla-Request-ID", "spoof"),
        ("X-Olla-Anything", "spoof"),
    ]
    _, response = send(answer=lambda exchange: exchange.reply(headers=spoofed))
    assert b"spoof" not in response.raw
    assert response.header("x-olla-endpoint") == "vllm-server"


@pytest.mark.parametrize(
    "name",
    ["Authorization", "Proxy-Authorization", "X-Api-Key", "X-Auth-Token", "Set-Cookie", "X-Custom"],
)
def test_keeps_a_backends_secrets_from_the_client(send, name):
    _, response = send(answer=lambda exchange: exchange.reply(headers=[(name, "leaked")]))
    assert values(response.headers, name) == []
    assert b"leaked" not in response.raw


def test_filters_the_backends_trailers_as_it_filters_the_head(send):
    dropped = ["X-Api-Key", "X-Auth-Token", "Set-Cookie", "Via", "X-Custom", "X-Hop", "X-Olla-A"]

    def answer(exchange):
        exchange.begin_stream(headers=[("Connection", "X-Hop")])
        lines = "".join(f"{name}: leaked\r\n" for name in dropped)
        exchange.send(b"0\r\nX-Sum: 1\r\n" + lines.encode() + b"\r\n")

    _, response = send(answer=answer)
    assert response.trailers == [("X-Sum", "1")]


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_announces_only_trailers_of_the_backend_that_may_come(world, gateway, backend, version):
    def answer(exchange):
        exchange.begin_stream(headers=[("Trailer", "X-Olla-Endpoint, X-Sum, X-Custom")])
        exchange.send(b"0\r\nX-Sum: 1\r\n\r\n")

    backend.handler = answer
    client = world.connect(gateway)
    client.send(request_bytes("GET", "/olla/vllm/v1/audio/x", version=version))
    # To an old client the body goes without chunks, and without what follows them.
    wanted = ["X-Sum"] if version == "HTTP/1.1" else []
    assert client.read_response().header_values("trailer") == wanted


def test_drops_the_backends_hop_by_hop_fields(send):
    headers = [
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Upgrade", "h2c"),
        ("X-Kept", "2"),
    ]
    _, response = send(answer=lambda exchange: exchange.reply(headers=headers))
    for name in ("x-hop", "keep-alive", "upgrade"):
        assert response.header_values(name) == [], name
    assert response.header("x-kept") == "2"


def test_keeps_the_backends_other_fields_in_order(send):
    fields = [
        ("date", "Mon, 23 Nov 2026 02:00:09 GMT"),
        ("server", "uvicorn"),
        ("vary", "Origin"),
        ("x-multi", "one"),
        ("etag", 'W/"abc"'),
        ("x-multi", "two"),
        ("x-bytes", "caf\xe9"),
        ("x-empty", ""),
    ]
    _, response = send(answer=lambda exchange: exchange.reply(headers=fields))
    names = {name for name, _ in fields}
    assert [(n.lower(), text) for n, text in response.headers if n.lower() in names] == fields


def test_passes_a_large_response_header(send):
    # An embeddings answer in bytes carries all its metadata in one header.
    metadata = "m" * 48_000
    _, response = send(answer=lambda exchange: exchange.reply(headers=[("metadata", metadata)]))
    assert response.status == 200 and response.header("metadata") == metadata

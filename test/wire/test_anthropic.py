"""Anthropic's Messages API: passed on to the endpoints that speak it, and from one alone."""

import gzip
import json

import anthropic
import pytest

from harness.environment import scaled
from harness.message import Truncated, chunk, response_bytes

PREFIX = "/olla/anthropic"
MESSAGES = PREFIX + "/v1/messages"
COUNT = MESSAGES + "/count_tokens"
REQUEST = {
    "model": "tiny",
    "max_tokens": 12,
    "messages": [{"role": "user", "content": "Tell me about gateways."}],
}


@pytest.fixture(scope="module")
def sim(shared):
    parsers = ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]
    return shared.sim("--ttft", "2ms", "--itl", "1ms", *parsers, count=2)


@pytest.fixture(scope="module")
def fleet(shared, sim):
    return shared.gateway_before(sim)


@pytest.fixture
def client(world, fleet):
    return world.connect(fleet)


@pytest.fixture(params=["gateway", "simulator"])
def either(request, fleet, sim):
    """The SDK, before a gateway or before a simulated server."""
    if request.param == "gateway":
        made = sdk(fleet)
    else:
        made = sdk_at(f"http://127.0.0.1:{sim.ports[0]}")
    with made:
        yield made


def sdk(gateway) -> anthropic.Anthropic:
    return sdk_at(f"http://127.0.0.1:{gateway.port}{PREFIX}")


def sdk_at(base_url: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        base_url=base_url,
        api_key="not-needed",
        max_retries=0,
        timeout=scaled(20),
    )


def assert_anthropic_error(response, status: int, kind: str) -> dict:
    """The whole envelope; what is in it."""
    assert response.status == status, response.body
    document = response.json()
    assert document["type"] == "error" and document["error"]["type"] == kind, document
    assert document["error"]["message"]
    assert response.header("request-id") == response.header("x-olla-request-id")
    assert document["request_id"] == response.header("request-id")
    return document["error"]


# --- the official SDK ---


def test_the_sdk_gets_a_message(fleet):
    with sdk(fleet) as client:
        raw = client.messages.with_raw_response.create(**REQUEST)
    assert raw.headers["x-olla-mode"] == "passthrough"
    assert raw.headers["x-olla-endpoint"] in ("sim-0", "sim-1")
    assert raw.headers["x-olla-model"] == "tiny"
    assert raw.parse().content[0].text


def test_the_sdk_gets_what_the_model_says(either):
    message = either.messages.create(**REQUEST)
    assert message.role == "assistant" and message.content[0].text
    assert message.usage.input_tokens > 0 and 0 < message.usage.output_tokens <= 12


def test_the_sdk_streams_a_message(either):
    with either.messages.stream(**REQUEST) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert text and message.content[0].text == text
    assert message.stop_reason in ("max_tokens", "end_turn")


def test_the_sdk_counts_tokens(either):
    asked = {key: REQUEST[key] for key in ("model", "messages")}
    assert either.messages.count_tokens(**asked).input_tokens > 0


def test_the_sdk_knows_an_unknown_model(either):
    with pytest.raises(anthropic.NotFoundError) as unknown:
        either.messages.create(**{**REQUEST, "model": "no-such-model"})
    assert "no-such-model" in unknown.value.message


WEATHER = {
    "name": "get_weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["auto", "any", "tool"])
def test_the_sdk_uses_a_tool(either, stream, kind):
    choice = {"type": kind, **({"name": "get_weather"} if kind == "tool" else {})}
    request = {**REQUEST, "max_tokens": 200, "tools": [WEATHER], "tool_choice": choice}
    request["messages"] = [{"role": "user", "content": "[[tool]]"}]
    if stream:
        with either.messages.stream(**request) as events:
            message = events.get_final_message()
    else:
        message = either.messages.create(**request)
    (use,) = message.content
    assert use.type == "tool_use" and use.name == "get_weather"
    assert isinstance(use.input["city"], str)
    if kind != "tool":
        assert message.stop_reason == "tool_use"
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "sunny"}
    request["messages"] += [
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": [result]},
    ]
    request["tool_choice"] = {"type": "auto"}
    assert either.messages.create(**request).content[0].type == "text"


@pytest.mark.parametrize("stream", [False, True])
def test_the_sdk_tells_thoughts_apart(world, stream):
    thinker = world.sim("--reasoning-parser", "qwen3")
    request = {**REQUEST, "messages": [{"role": "user", "content": "[[think]]"}]}
    with sdk_at(f"http://127.0.0.1:{thinker.ports[0]}") as client:
        if stream:
            with client.messages.stream(**request) as events:
                message = events.get_final_message()
        else:
            message = client.messages.create(**request)
    thought, text = message.content
    assert thought.thinking == "\nThe user wants two plus two. That is four.\n"
    assert thought.signature and text.text == "\n\nThe answer is 4."


def test_the_sdk_lists_models(fleet):
    with sdk(fleet) as client:
        (model,) = client.models.list()
        assert model.id == "tiny" and model.type == "model" and model.display_name
        assert model.created_at.year >= 2024
        assert client.models.retrieve("tiny").id == "tiny"
        with pytest.raises(anthropic.NotFoundError):
            client.models.retrieve("no-such-model")


def test_the_sdk_pages_through_models(world):
    backend = world.backend()
    backend.models = ["a", "b", "c"]
    fleet = world.fleet(backend.endpoint())
    with sdk(fleet.gateway) as client:
        fleet.until(lambda: len(client.models.list().data) == 3, "the list of models")
        assert [model.id for model in client.models.list(limit=1)] == ["a", "b", "c"]
        page = client.models.list(limit=2)
        assert page.has_more and page.first_id == "a" and page.last_id == "b"


def test_the_sdk_raises_its_own_exceptions(fleet):
    with sdk(fleet) as client:
        with pytest.raises(anthropic.NotFoundError) as unknown:
            client.messages.create(**{**REQUEST, "model": "no-such-model"})
        with pytest.raises(anthropic.BadRequestError):
            client.messages.create(**{**REQUEST, "model": ""})
    assert "no-such-model" in unknown.value.message
    assert unknown.value.request_id


# --- what reaches the endpoint, and what comes back ---


def test_passes_request_and_answer_on_unchanged(world):
    answer = b'{"type":"message", "content": [], "odd":  1}'
    backend = world.backend(lambda exchange: exchange.json(answer))
    gateway = world.gateway(backend)
    headers = [
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", "x-1"),
        ("x-api-key", "of-the-client"),
        ("Authorization", "Bearer of-the-client"),
    ]
    response = world.connect(gateway).post(MESSAGES + "?beta=true", REQUEST, headers)
    assert response.status == 200 and response.body == answer
    assert response.header("x-olla-mode") == "passthrough"
    request = backend.requests[-1]
    assert request.target == "/v1/messages?beta=true"
    assert json.loads(request.body) == REQUEST
    assert request.header("anthropic-version") == "2023-06-01"
    assert request.header("anthropic-beta") == "x-1"
    assert b"of-the-client" not in request.raw_head


def test_an_endpoint_may_get_the_clients_key(world):
    backend = world.backend(lambda exchange: exchange.json(b"{}"))
    gateway = world.gateway(backend, endpoint={"forward_client_auth": True})
    client = world.connect(gateway)
    client.post(MESSAGES, REQUEST, [("x-api-key", "mine")])
    request = backend.requests[-1]
    assert request.header("x-api-key") == "mine"
    assert request.header_values("authorization") == ["Bearer mine"], "a vLLM takes no other"
    both = [("x-api-key", "mine"), ("Authorization", "Bearer other")]
    client.post(MESSAGES, REQUEST, both)
    assert backend.requests[-1].header_values("authorization") == ["Bearer other"]
    client.post("/olla/vllm/v1/messages", REQUEST, [("x-api-key", "mine")])
    assert backend.requests[-1].header("authorization") is None


def test_the_sdks_key_opens_a_vllm_that_wants_one(world):
    def guard(exchange):
        if exchange.request.header("authorization") == "Bearer sesame":
            return exchange.json(b'{"input_tokens":7}')
        exchange.reply(401, b'{"error":"Unauthorized"}')

    gateway = world.gateway(world.backend(guard), endpoint={"forward_client_auth": True})
    asked = {key: REQUEST[key] for key in ("model", "messages")}
    with sdk(gateway) as client:
        with pytest.raises(anthropic.AuthenticationError):
            client.messages.count_tokens(**asked)
        right = client.with_options(api_key="sesame")
        assert right.messages.count_tokens(**asked).input_tokens == 7


def test_asks_each_kind_of_server_at_its_own_path(world):
    backend = world.backend(lambda exchange: exchange.json(b"{}"))
    gateway = world.gateway(backend, endpoint={"type": "dmr"})
    client = world.connect(gateway)
    assert client.post(MESSAGES, REQUEST).status == 200
    assert client.post(COUNT + "?x", REQUEST).status == 200
    targets = [request.target for request in backend.requests[-2:]]
    assert targets == ["/anthropic/v1/messages", "/anthropic/v1/messages/count_tokens?x"]


def test_goes_only_to_endpoints_that_speak_it(world):
    speaks, does_not = world.backend(name="speaks"), world.backend(name="does-not")
    config = {"endpoints": [speaks.endpoint(), does_not.endpoint(type="sglang")]}
    client = world.connect(world.gateway(speaks, does_not, config=config))
    for _ in range(4):
        assert client.post(MESSAGES, REQUEST).header("x-olla-endpoint") == "speaks"


def test_an_endpoints_error_is_the_clients(world):
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"full"}}'
    backend = world.backend(lambda exchange: exchange.reply(529, body))
    response = world.connect(world.gateway(backend)).post(MESSAGES, REQUEST)
    assert response.status == 529 and response.body == body


# --- errors of an endpoint in another shape ---

MISSING = (
    "1 validation error:\n  {'type': 'missing', 'loc': 'body.max_tokens', 'msg': 'Field required', "
    "'input': '<dict of 2 items>'}"
)
VALIDATION = {
    "error": {
        "message": MISSING,
        "type": "Bad Request",
        "param": "body.max_tokens",
        "code": 400,
    }
}


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_vllms_validation_error_gets_the_shape(world, framing):
    body = json.dumps(VALIDATION).encode()

    def refuse(exchange):
        json_type = ("Content-Type", "application/json; charset=utf-8")
        if framing == "length":
            exchange.reply(400, body, [json_type, ("request-id", "of-the-endpoint")])
        elif framing == "chunked":
            fields = [json_type, ("transfer-encoding", "chunked")]
            whole = chunk(body[:7]) + chunk(body[7:]) + b"0\r\n\r\n"
            exchange.send(response_bytes(400, fields, None) + whole)
        else:
            exchange.send(response_bytes(400, [json_type, ("connection", "close")], None) + body)
            exchange.close()

    client = world.connect(world.gateway(world.backend(refuse)))
    for path in (MESSAGES, COUNT):
        response = client.post(path, REQUEST)
        error = assert_anthropic_error(response, 400, "invalid_request_error")
        assert error["message"] == MISSING
        assert response.header_values("content-type") == ["application/json"]
        assert response.header("x-olla-endpoint") and not response.header("transfer-encoding")


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (401, b'{"error":"Unauthorized"}', "authentication_error", "Unauthorized"),
        (404, b'{"detail":"No such thing"}', "not_found_error", "No such thing"),
        (
            422,
            b'{"detail":[{"loc":["body","model"],"msg":"Field required"}]}',
            "invalid_request_error",
            "body.model: Field required",
        ),
        (500, b"Internal Server Error", "api_error", "Internal Server Error"),
        (529, b"", "overloaded_error", "The endpoint answered with status 529."),
        (413, b"x" * (1 << 20), "request_too_large", "The endpoint answered with status 413."),
    ],
)
def test_other_errors_get_the_shape(world, status, body, kind, message):
    backend = world.backend(lambda exchange: exchange.reply(status, body))
    client = world.connect(world.gateway(backend))
    for _ in range(2):
        response = client.post(MESSAGES, REQUEST)
        assert assert_anthropic_error(response, status, kind)["message"] == message


def test_what_is_left_of_a_large_error_is_no_answer_to_the_next_request(world):
    def refuse(exchange):
        exchange.send(b"HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n")
        exchange.send(chunk(b"x" * 300_000) * 2 + b"0\r\n\r\n")

    backend = world.backend(refuse)
    client = world.connect(world.gateway(backend))
    for _ in range(2):
        assert_anthropic_error(client.post(MESSAGES, REQUEST), 500, "api_error")
    assert backend.requests[0].connection != backend.requests[1].connection


def test_an_error_in_a_coding_that_cannot_be_read_is_passed_on(world):
    body, coding = gzip.compress(b'{"detail":"x"}'), ("Content-Encoding", "gzip")
    backend = world.backend(lambda exchange: exchange.reply(400, body, [coding]))
    response = world.connect(world.gateway(backend)).post(MESSAGES, REQUEST)
    assert response.status == 400 and response.body == body
    assert response.header("content-encoding") == "gzip"


def test_below_the_servers_own_prefix_an_error_stays_as_it_is(world):
    body = json.dumps(VALIDATION).encode()
    backend = world.backend(lambda exchange: exchange.reply(400, body))
    response = world.connect(world.gateway(backend)).post("/olla/vllm/v1/messages", REQUEST)
    assert response.status == 400 and response.body == body


def test_an_endpoint_that_breaks_off_in_an_error_is_none_that_answered(world):
    def refuse(exchange):
        exchange.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 100\r\n\r\n{")
        exchange.close()

    bad, good = world.backend(refuse, name="bad"), world.backend(name="good")
    good.handler = lambda exchange: exchange.json(b"{}")
    config = {"endpoints": [bad.endpoint(priority=200), good.endpoint()]}
    config["proxy"] = {"load_balancer": "priority"}
    gateway = world.gateway(bad, good, ready=[bad], config=config)
    response = world.connect(gateway).post(MESSAGES, REQUEST)
    assert response.status == 200 and response.header("x-olla-endpoint") == "good"
    assert len(bad.requests) == 1


@pytest.mark.parametrize(
    ("status", "document", "exception", "words"),
    [
        (400, VALIDATION, anthropic.BadRequestError, "Field required"),
        (401, {"error": "Unauthorized"}, anthropic.AuthenticationError, "Unauthorized"),
        (403, {"detail": "no"}, anthropic.PermissionDeniedError, "no"),
        (422, {"detail": "odd"}, anthropic.UnprocessableEntityError, "odd"),
        (500, {"error": {"message": "m"}}, anthropic.InternalServerError, "m"),
    ],
)
def test_the_sdk_raises_for_an_endpoints_error(world, status, document, exception, words):
    body = json.dumps(document).encode()
    gateway = world.gateway(world.backend(lambda exchange: exchange.reply(status, body)))
    for stream in (False, True):
        with sdk(gateway) as client, pytest.raises(exception) as raised:
            client.messages.create(**REQUEST, stream=stream)
        assert raised.value.body["type"] == "error"
        assert words in raised.value.body["error"]["message"]
        assert words in raised.value.message and raised.value.request_id


def test_the_sdk_raises_for_what_a_vllm_refuses(fleet):
    with sdk(fleet) as client, pytest.raises(anthropic.BadRequestError) as raised:
        client.messages.create(**{**REQUEST, "max_tokens": "many"})
    assert "max_tokens" in raised.value.body["error"]["message"]
    assert raised.value.body["error"]["type"] == "invalid_request_error"


# --- errors of the gateway ---


@pytest.mark.parametrize("path", ["/v1/message", "/v1/messages/", "/v1/complete", "/", "/v2/x"])
def test_an_unknown_path_is_a_404(client, path):
    assert_anthropic_error(client.post(PREFIX + path, REQUEST), 404, "not_found_error")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
@pytest.mark.parametrize("path", [MESSAGES, COUNT])
def test_messages_are_posted(client, method, path):
    response = client.request(method, path)
    assert response.status == 405 and response.header("allow") == "POST"


def test_models_are_read(client):
    response = client.post(PREFIX + "/v1/models", {})
    assert_anthropic_error(response, 405, "invalid_request_error")
    assert response.header("allow") == "GET, HEAD"


def test_olla_w22_one_model_is_found_by_its_alias_in_any_case(world):
    backend = world.backend()
    backend.models = ["served"]
    config = {"model_aliases": {"Best": ["served"]}}
    client = world.connect(world.gateway(backend, config=config))
    for name, id in (("BEST", "Best"), ("Served", "served")):
        response = client.request("GET", f"{PREFIX}/v1/models/{name}")
        assert response.status == 200 and response.json()["id"] == id
    assert_anthropic_error(client.request("GET", PREFIX + "/v1/models/x"), 404, "not_found_error")


@pytest.mark.parametrize("limit", ["0", "1001", "x", ""])
def test_a_bad_limit_is_refused(client, limit):
    response = client.request("GET", f"{PREFIX}/v1/models?limit={limit}")
    assert_anthropic_error(response, 400, "invalid_request_error")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty request body"),
        (b"{bad", "model field is required"),
        (b"[]", "model field is required"),
        (b'{"max_tokens":1}', "model field is required"),
        (b'{"model":7}', "model field is required"),
    ],
)
@pytest.mark.parametrize("path", [MESSAGES, COUNT])
def test_a_request_without_a_model_is_refused(client, body, words, path):
    error = assert_anthropic_error(
        client.request("POST", path, body=body), 400, "invalid_request_error"
    )
    assert words in error["message"]


def test_an_unknown_model_is_a_404(client):
    response = client.post(MESSAGES, {**REQUEST, "model": "nope"})
    assert "nope" in assert_anthropic_error(response, 404, "not_found_error")["message"]


def test_a_malformed_head_has_the_shape_too(client):
    client.send(f"POST {MESSAGES} HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n".encode())
    assert_anthropic_error(client.read_response(), 400, "invalid_request_error")


def test_a_dead_fleet_is_a_503(world):
    backend = world.backend()
    gateway = world.gateway(backend)
    backend.refuse()
    response = world.connect(gateway).post(MESSAGES, REQUEST)
    assert_anthropic_error(response, 503, "api_error")
    assert response.header("retry-after")


def test_says_when_no_endpoint_speaks_it(world):
    gateway = world.gateway(world.backend(), endpoint={"type": "sglang"})
    error = assert_anthropic_error(
        world.connect(gateway).post(MESSAGES, REQUEST), 501, "api_error"
    )
    assert "No endpoint speaks" in error["message"] and "0.11.1" in error["message"]


def test_says_when_the_model_is_on_another_kind_of_server(world):
    speaks, does_not = world.backend(name="speaks"), world.backend(name="does-not")
    speaks.models, does_not.models = ["tiny"], ["other"]
    fleet = world.fleet(speaks.endpoint(), does_not.endpoint(type="sglang"), settled=False)
    fleet.until(lambda: len(fleet.models("/olla/proxy")) == 2, "both lists")
    response = world.connect(fleet.gateway).post(MESSAGES, {**REQUEST, "model": "other"})
    assert "other" in assert_anthropic_error(response, 501, "api_error")["message"]


def test_an_old_vllm_does_not_speak_it(world):
    sim = world.sim("--vllm-version", "0.11.0")
    gateway = world.gateway_before(sim)
    response = world.connect(gateway).post(MESSAGES, REQUEST)
    assert_anthropic_error(response, 501, "api_error")


def test_a_message_that_is_too_large_is_refused(world):
    config = {"translators": {"anthropic": {"max_message_size": 1000}}}
    client = world.connect(world.gateway(world.backend(), config=config))
    response = client.post(MESSAGES, {**REQUEST, "system": "x" * 1000})
    assert_anthropic_error(response, 413, "request_too_large")
    assert client.post(MESSAGES, REQUEST).status == 200


def test_can_be_switched_off(world):
    config = {"translators": {"anthropic": {"enabled": False}}}
    client = world.connect(world.gateway(world.backend(), config=config))
    assert_anthropic_error(client.post(MESSAGES, REQUEST), 404, "not_found_error")
    assert client.request("GET", PREFIX + "/v1/models").status == 404


def test_says_that_it_does_not_translate(world):
    config = {"translators": {"anthropic": {"passthrough_enabled": False}}}
    client = world.connect(world.gateway(world.backend(), config=config))
    error = assert_anthropic_error(client.post(MESSAGES, REQUEST), 501, "api_error")
    assert "passthrough_enabled" in error["message"]


# --- streams that end badly ---

START = 'event: message_start\ndata: {"type":"message_start"}\n\n'


def test_olla_w04_an_endpoint_that_closes_is_no_empty_message(world):
    backend = world.backend(lambda exchange: exchange.close())
    client = world.connect(world.gateway(backend, ready=[]))
    response = client.post(MESSAGES, {**REQUEST, "stream": True})
    assert response.status >= 500
    assert response.json()["type"] == "error"


@pytest.mark.parametrize("end", ["reset", "close"])
def test_olla_w04_a_stream_that_breaks_tells_an_error(world, end):
    def break_off(exchange):
        exchange.begin_stream()
        exchange.send(chunk(START.encode()))
        getattr(exchange, end)()

    client = world.connect(world.gateway(world.backend(break_off), ready=[]))
    with pytest.raises(Truncated) as cut:
        client.post(MESSAGES, {**REQUEST, "stream": True})
    said = cut.value.raw.decode()
    assert START in said
    assert "event: error\n" in said and '"type":"api_error"' in said
    assert "message_stop" not in said


def test_the_sdk_raises_when_a_stream_breaks(world):
    def break_off(exchange):
        exchange.begin_stream()
        exchange.send(chunk(START.encode()))
        exchange.reset()

    gateway = world.gateway(world.backend(break_off), ready=[])
    with sdk(gateway) as client, pytest.raises(anthropic.APIError):
        for _ in client.messages.create(**REQUEST, stream=True):
            pass

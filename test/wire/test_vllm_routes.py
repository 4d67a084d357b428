"""What else vLLM serves goes through, to a server that has it."""

import json

import anthropic
import pytest

from harness.errors import assert_error
from harness.fleet import CHAT, ENDLESS, FAST, MESSAGES, answered_by
from harness.message import chunk, json_request

QUICK = ("--ttft", "0", "--itl", "0")
KINDS = ("generate", "embed")
RERANK = {"query": "a queue", "documents": ["a line of people", "a red apple"]}


@pytest.fixture(scope="module")
def fleet(shared):
    """One model, and a server of each kind."""
    kinds = ("generate", "embed", "classify", "transcribe")
    sims = [shared.sim(*QUICK, "--kind", kind) for kind in kinds]
    return shared.fleet(*(sim.endpoint(name=kind) for sim, kind in zip(sims, kinds)))


# --- every route, by a server that has it ---

ROUTES = [
    ("/v1/chat/completions", {"messages": MESSAGES, "max_tokens": 2}, "generate", "choices"),
    ("/v1/completions", {"prompt": "a", "max_tokens": 2}, "generate", "choices"),
    ("/v1/messages", {"messages": MESSAGES, "max_tokens": 2}, "generate", "content"),
    ("/v1/messages/count_tokens", {"messages": MESSAGES}, "generate", "input_tokens"),
    ("/v1/responses", {"input": "a", "max_output_tokens": 2}, "generate", "output"),
    ("/v1/embeddings", {"input": "a"}, "embed", "data"),
    ("/score", {"text_1": "a", "text_2": "b"}, "embed", "data"),
    ("/v1/score", {"text_1": "a", "text_2": "b"}, "embed", "data"),
    ("/rerank", RERANK, "embed", "results"),
    ("/v1/rerank", RERANK, "embed", "results"),
    ("/v2/rerank", RERANK, "embed", "results"),
    ("/classify", {"input": "a"}, "classify", "data"),
    ("/pooling", {"input": "a"}, "embed or classify", "data"),
]


@pytest.mark.parametrize(("path", "request_body", "kind", "member"), ROUTES)
def test_reaches_the_kind_of_server_that_has_the_route(fleet, path, request_body, kind, member):
    for _ in range(3):
        response = fleet.post(path, {"model": "tiny", **request_body})
        assert answered_by(response) in kind.split(" or ")
        assert response.json()[member] is not None
        assert response.header("x-olla-model") == "tiny"


def test_tokens_go_there_and_back(fleet):
    tokens = fleet.post("/tokenize", {"model": "tiny", "prompt": "a queue \u00e9"}).json()["tokens"]
    back = fleet.post("/detokenize", {"model": "tiny", "tokens": tokens})
    assert back.json() == {"prompt": "a queue \u00e9"}


def test_transcribes_a_form(fleet):
    parts = [
        b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\x00\xff',
        b'Content-Disposition: form-data; name="model"\r\n\r\ntiny',
    ]
    body = b"".join(b"--edge\r\n" + part + b"\r\n" for part in parts) + b"--edge--\r\n"
    headers = [("Content-Type", "multipart/form-data; boundary=edge")]
    for _ in range(3):
        response = fleet.request("POST", "/v1/audio/transcriptions", headers, body)
        assert answered_by(response) == "transcribe" and response.json()["text"]


def test_the_sdk_transcribes(fleet):
    with fleet.openai() as client:
        answer = client.audio.transcriptions.create(model="tiny", file=("a.wav", b"RIFF" * 1000))
        assert answer.text


def test_any_server_tells_its_version(fleet):
    response = fleet.get("/version")
    assert response.json() == {"version": "0.32.0"} and response.header("x-olla-endpoint")


# --- Anthropic's API ---


def test_the_anthropic_sdk_talks_to_the_fleet(fleet):
    request = {"model": "tiny", "max_tokens": 8, "messages": MESSAGES}
    with fleet.anthropic() as client:
        whole = client.messages.create(**request, system="Be brief.")
        assert whole.stop_reason == "max_tokens" and whole.content[0].text
        assert whole.usage.output_tokens == 8
        with client.messages.stream(**request, system="Be brief.") as stream:
            assert "".join(stream.text_stream) == whole.content[0].text
            assert stream.get_final_message().usage.output_tokens == 8
        count = client.messages.count_tokens(model="tiny", messages=MESSAGES, system="Be brief.")
        assert count.input_tokens == whole.usage.input_tokens
        with pytest.raises(anthropic.NotFoundError) as error:
            client.messages.create(**{**request, "model": "nope"})
        assert "nope" in str(error.value) and "tiny" in str(error.value)


def test_the_anthropic_sdk_understands_an_error_in_mid_stream(world):
    start = {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "x",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 0},
        },
    }
    text = f"event: message_start\ndata: {json.dumps(start)}\n\n"

    def fall_silent(exchange):
        exchange.begin_stream()
        exchange.send(chunk(text.encode()))
        exchange.wait_for_close()

    config = {"proxy": {"read_timeout": "500ms"}}
    fleet = world.fleet(world.backend(fall_silent).endpoint(), config=config)
    with fleet.anthropic() as client:
        with pytest.raises(anthropic.APIError) as error:
            with client.messages.stream(model="x", max_tokens=3, messages=MESSAGES) as stream:
                list(stream)
    assert "silent" in str(error.value)


# --- the wrong kind of server ---

NOT_FOUND = b'{"detail":"Not Found"}'
OLD_ERROR = (
    b'{"error":{"message":"The model does not support Embeddings API","type":"BadRequestError",'
    b'"param":null,"code":400}}'
)


@pytest.mark.parametrize("answer", [("0.32.0", 404, NOT_FOUND), ("0.11.0", 200, OLD_ERROR)])
def test_a_route_that_a_server_lacks_is_remembered(world, answer):
    version, status, body = answer
    wrong, right = world.backend(name="wrong"), world.backend(name="right")
    wrong.version = version
    wrong.handler = lambda exchange: (
        exchange.reply(status, body, [("content-type", "application/json")])
        if exchange.request.target == "/v1/embeddings"
        else exchange.reply()
    )
    fleet = world.fleet(*(backend.endpoint(**FAST) for backend in (wrong, right)))
    for _ in range(6):
        assert answered_by(fleet.post("/v1/embeddings", {"input": "a"})) == "right"
    assert len(wrong.requests) == 1
    # Of this route only.
    assert {answered_by(fleet.chat()) for _ in range(4)} == {"wrong", "right"}
    # A server that comes back may be another one.
    wrong.health = 500
    fleet.until_status("wrong", "unhealthy")
    asked = len(wrong.requests)
    wrong.health, wrong.handler = 200, lambda exchange: exchange.reply()
    fleet.until_status("wrong", "healthy")
    fleet.until(
        lambda: answered_by(fleet.post("/v1/embeddings", {"input": "a"})) == "wrong", "its answer"
    )
    assert len(wrong.requests) > asked


@pytest.mark.parametrize("version", ["0.11.0", "0.32.0"])
def test_two_kinds_of_one_model_look_like_one_server(world, version):
    sims = [world.sim(*QUICK, "--vllm-version", version, "--kind", kind) for kind in KINDS]
    fleet = world.fleet(*(sim.endpoint(name=kind) for sim, kind in zip(sims, KINDS)))
    for _ in range(4):
        assert answered_by(fleet.chat(max_tokens=2)) == "generate"
        response = fleet.post("/v1/embeddings", {"model": "tiny", "input": "a"})
        assert answered_by(response) == "embed" and response.json()["data"]
    with fleet.openai() as client:
        assert client.embeddings.create(model="tiny", input="a").data[0].embedding
    # Each of the two missed at most one route, and was asked for it at most once.
    fleet.gateway.wait_for(lambda: missed(fleet.gateway), "a route that was missed")
    assert len(missed(fleet.gateway)) == len(set(missed(fleet.gateway)))
    assert set(missed(fleet.gateway)) <= {("embed", CHAT), ("generate", "/v1/embeddings")}


def missed(gateway) -> list[tuple]:
    return [
        (record["endpoint"], record["path"])
        for record in gateway.records()
        if record["msg"] == "endpoint has no such route"
    ]


def test_a_route_that_no_server_has_is_its_own_404(world):
    sims = [world.sim("--kind", "generate") for _ in range(2)]
    fleet = world.fleet(*(sim.endpoint(name=name) for sim, name in zip(sims, "ab")))
    for _ in range(3):
        response = fleet.post("/v1/embeddings", {"model": "tiny", "input": "a"})
        assert response.status == 404 and response.body == NOT_FOUND
    assert answered_by(fleet.chat(max_tokens=2)) in "ab"


# --- answers that one server keeps ---


@pytest.fixture(scope="module")
def keepers(shared):
    sims = [shared.sim(*QUICK) for _ in range(2)]
    return shared.fleet(*(sim.endpoint(name=name) for sim, name in zip(sims, "ab")))


def test_a_response_is_found_where_it_is_kept(keepers):
    owners = {}
    for number in range(6):
        request = {"model": "tiny", "input": "a", "max_output_tokens": 3}
        if number % 2:
            response = keepers.post("/v1/responses", {**request, "stream": True})
            first = response.body.split(b"data: ")[1].split(b"\n")[0]
            identity = json.loads(first)["response"]["id"]
        else:
            response = keepers.post("/v1/responses", request)
            identity = response.json()["id"]
        owners[identity] = answered_by(response)
    assert set(owners.values()) == {"a", "b"}
    for identity, owner in owners.items():
        for _ in range(2):
            response = keepers.get("/v1/responses/" + identity)
            assert answered_by(response) == owner and response.json()["id"] == identity
        following = {"model": "tiny", "input": "b", "previous_response_id": identity}
        assert answered_by(keepers.post("/v1/responses", following)) == owner
        cancel = keepers.request("POST", f"/v1/responses/{identity}/cancel")
        assert cancel.status == 400 and cancel.header("x-olla-endpoint") == owner
        encoded = keepers.get("/v1/responses/%72esp_" + identity.removeprefix("resp_"))
        assert answered_by(encoded) == owner


def test_the_sdk_goes_on_with_its_responses(keepers):
    with keepers.openai() as client:
        for _ in range(4):
            first = client.responses.create(model="tiny", input="a", max_output_tokens=4)
            second = client.responses.create(
                model="tiny", input="b", previous_response_id=first.id, max_output_tokens=4
            )
            assert client.responses.retrieve(second.id).output_text == second.output_text


def test_a_response_that_nobody_keeps_is_a_404_of_the_server(keepers):
    response = keepers.get("/v1/responses/resp_0123456789abcdef")
    assert_error(response, 404)
    assert response.header("x-olla-endpoint")


def test_a_response_whose_keeper_is_down_waits_for_it(world):
    backends = [world.backend(name=name) for name in "ab"]
    for backend in backends:
        backend.handler = lambda exchange, name=backend.name: exchange.json(
            b'{"id":"resp_%s","object":"response"}' % name.encode()
        )
    fleet = world.fleet(*(backend.endpoint(**FAST) for backend in backends))
    for _ in range(2):
        assert fleet.post("/v1/responses", {"input": "x"}).status == 200
    backends[0].health = 500
    fleet.until_status("a", "unhealthy")
    asked = len(backends[1].requests)
    refused = fleet.get("/v1/responses/resp_a")
    assert_error(refused, 503)
    assert int(refused.header("retry-after")) >= 1
    assert len(backends[1].requests) == asked, "the other one does not know it"
    assert answered_by(fleet.get("/v1/responses/resp_b")) == "b"


# --- load ---


def test_adds_up_the_load(world):
    slow = ("--itl", "1s", "--max-num-seqs", "1", "--enable-server-load-tracking")
    sims = [world.sim(*slow) for _ in range(2)]
    fleet = world.fleet(*(sim.endpoint(name=name) for sim, name in zip(sims, "ab")))
    assert fleet.get("/load").json() == {"server_load": 0}
    clients = [world.connect(sims[0]), world.connect(sims[0]), world.connect(sims[1])]
    for client in clients:
        client.send(json_request(CHAT, {"model": "tiny", **ENDLESS}))
        client.read_head()
    fleet.until(lambda: fleet.get("/load").json() == {"server_load": 3}, "a load of three")
    assert fleet.get("/load?endpoint=a").json() == {"server_load": 2}
    assert fleet.request("HEAD", "/load").status == 200

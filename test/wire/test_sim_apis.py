"""The simulated server's other APIs: messages, responses, and those of its owner."""

import json
import re

import pytest

from harness.message import json_request

CHAT = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "What is a queue?"}]


@pytest.fixture(scope="module")
def sim(shared):
    return shared.sim("--ttft", "2ms", "--itl", "1ms")


@pytest.fixture
def client(world, sim):
    return world.connect(sim)


def named_events(response) -> list[tuple[str, dict]]:
    """Name and data of each event of a stream that has names."""
    text = response.body.decode()
    assert text.endswith("\n\n")
    events = []
    for piece in text[:-2].split("\n\n"):
        name, data = piece.split("\n")
        events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
        assert events[-1][0] == events[-1][1]["type"]
    return events


def test_answers_a_message(client):
    request = {"model": "tiny", "max_tokens": 8, "messages": MESSAGES, "system": "Be brief."}
    answer = client.post("/v1/messages", request).json()
    assert answer["type"] == "message" and answer["role"] == "assistant"
    assert answer["stop_reason"] == "max_tokens" and answer["usage"]["output_tokens"] == 8
    count = client.post("/v1/messages/count_tokens", request).json()["input_tokens"]
    assert count == answer["usage"]["input_tokens"]
    events = named_events(client.post("/v1/messages", {**request, "stream": True}))
    assert [events[0][0], events[-1][0]] == ["message_start", "message_stop"]
    texts = [data["delta"]["text"] for name, data in events if name == "content_block_delta"]
    assert "".join(texts) == answer["content"][0]["text"]


def test_refuses_messages_in_their_own_shape(world, client):
    request = {"model": "nope", "max_tokens": 8, "messages": MESSAGES}
    response = client.post("/v1/messages", request)
    assert response.status == 404
    assert response.json()["type"] == "error"
    assert response.json()["error"]["type"] == "NotFoundError"
    old = world.connect(world.sim("--vllm-version", "0.11.0"))
    assert old.post("/v1/messages", request).json() == {"detail": "Not Found"}


def test_remembers_its_responses(world, client):
    request = {"model": "tiny", "input": "What is a queue?", "max_output_tokens": 8}
    answer = client.post("/v1/responses", request).json()
    assert re.fullmatch(r"resp_[0-9a-f]{16}", answer["id"]) and answer["status"] == "incomplete"
    path = f"/v1/responses/{answer['id']}"
    assert client.request("GET", path).json() == answer
    assert client.request("POST", f"{path}/cancel").status == 400
    following = {**request, "previous_response_id": answer["id"]}
    assert client.post("/v1/responses", following).status == 200

    other = world.connect(world.sim())
    for response in (other.request("GET", path), other.post("/v1/responses", following)):
        assert response.status == 404
        message = response.json()["error"]["message"]
        assert message == f"Response with id '{answer['id']}' not found."


def test_streams_a_response(client):
    request = {"model": "tiny", "input": "What is a queue?", "max_output_tokens": 8}
    events = named_events(client.post("/v1/responses", {**request, "stream": True}))
    assert [data["sequence_number"] for _, data in events] == list(range(len(events)))
    assert events[0][0] == "response.created" and events[-1][0] == "response.completed"
    done = events[-1][1]["response"]
    assert client.request("GET", f"/v1/responses/{done['id']}").json() == done


# --- what only its owner may do ---


def test_sleeps_and_wakes(world):
    sim = world.sim("--dev-mode")
    at, waiting = world.connect(sim), world.connect(sim)
    assert at.request("POST", "/sleep?level=1").json() == {"status": "sleeping", "level": 1}
    assert at.request("GET", "/is_sleeping").json() == {"is_sleeping": True}
    waiting.send(json_request(CHAT, {"messages": MESSAGES, "max_tokens": 3}))
    assert at.request("GET", "/health").status == 200
    awake = rb'^vllm:engine_sleep_state\{[^}]*sleep_state="awake"\} 0\.0$'
    assert re.search(awake, at.request("GET", "/metrics").body, re.MULTILINE)
    waiting.assert_open()
    assert at.request("POST", "/wake_up").json() == {"status": "awake", "tags": None}
    assert waiting.read_response().status == 200


def test_ends_what_runs_when_it_is_paused(world):
    sim = world.sim("--itl", "1s", "--dev-mode")
    at, stream = world.connect(sim), world.connect(sim)
    request = {"messages": MESSAGES, "max_tokens": 100, "stream": True, "ignore_eos": True}
    stream.send(json_request(CHAT, request))
    stream.read_head()
    stream.reader.through(b"\n\n")
    assert at.request("POST", "/pause?mode=abort").json() == {"status": "paused"}
    assert b'"finish_reason":"abort"' in stream.reader.through(b"data: [DONE]\n\n")
    assert at.request("GET", "/is_paused").json() == {"is_paused": True}
    assert at.request("POST", "/resume").json() == {"status": "resumed"}


def test_loads_adapters_while_it_runs(world):
    at = world.connect(world.sim("--allow-runtime-lora-updating"))
    lora = {"lora_name": "sql", "lora_path": "./sql"}
    response = at.post("/v1/load_lora_adapter", lora)
    assert response.body == b"Success: LoRA adapter 'sql' added successfully."
    request = {"model": "sql", "messages": MESSAGES, "max_tokens": 3}
    assert at.post(CHAT, request).json()["model"] == "sql"
    assert at.post("/v1/load_lora_adapter", lora).status == 400
    assert at.post("/v1/unload_lora_adapter", lora).status == 200
    assert at.post(CHAT, request).status == 404
    assert at.post("/v1/unload_lora_adapter", lora).status == 404


def test_lets_nobody_in_without_the_flag(client):
    for path in ("/sleep", "/wake_up", "/pause", "/resume", "/abort_requests"):
        assert client.post(path, {}).json() == {"detail": "Not Found"}

"""The simulated server by itself, in the shapes that a real one was seen to use."""

import json
import re
import subprocess
import time

import pytest

from harness.environment import binary, scaled
from harness.message import json_request, request_bytes

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
MESSAGES = [{"role": "user", "content": "What is a queue?"}]


@pytest.fixture(scope="module")
def sim(shared):
    return shared.sim("--ttft", "2ms", "--itl", "1ms")


@pytest.fixture
def client(world, sim):
    return world.connect(sim)


def chat(**more):
    return {"model": "tiny", "messages": MESSAGES, "max_tokens": 6, "seed": 1, **more}


def events(response) -> list[str]:
    """The data of each event; every event is one chunk, as the real server sends them."""
    text = response.body.decode()
    assert text.endswith("\n\n")
    pieces = text[:-2].split("\n\n")
    assert all(piece.startswith("data: ") for piece in pieces)
    return [piece[len("data: ") :] for piece in pieces]


@pytest.mark.parametrize("method, path", [("GET", "/health"), ("GET", "/ping"), ("POST", "/ping")])
def test_is_healthy_without_a_word(client, method, path):
    response = client.request(method, path)
    assert response.status == 200 and response.body == b""


def test_tells_its_version(client):
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", client.request("GET", "/version").json()["version"])


def test_lists_its_model(client):
    response = client.request("GET", "/v1/models").json()
    assert response["object"] == "list"
    (model,) = response["data"]
    assert model["id"] == "tiny" and model["object"] == "model" and model["owned_by"] == "vllm"
    assert model["max_model_len"] > 0 and model["permission"][0]["object"] == "model_permission"


def test_answers_a_chat(client):
    answer = client.post(CHAT, chat()).json()
    assert re.fullmatch(r"chatcmpl-[0-9a-f]{16}", answer["id"])
    assert answer["object"] == "chat.completion" and answer["model"] == "tiny"
    (choice,) = answer["choices"]
    assert choice["index"] == 0 and choice["finish_reason"] in ("length", "stop")
    message = choice["message"]
    assert message["role"] == "assistant" and isinstance(message["content"], str)
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_streams_a_chat_event_by_event(client):
    response = client.post(CHAT, chat(stream=True, stream_options={"include_usage": True}))
    assert response.header("content-type").startswith("text/event-stream")
    assert response.header("transfer-encoding") == "chunked"
    *documents, done = events(response)
    assert done == "[DONE]"
    documents = [json.loads(document) for document in documents]
    assert documents[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    usage = documents[-1]
    assert usage["choices"] == [] and 0 < usage["usage"]["completion_tokens"] <= 6
    assert all("usage" not in document for document in documents[:-1])
    assert documents[-2]["choices"][0]["finish_reason"] in ("length", "stop")
    assert len({document["id"] for document in documents}) == 1


def test_sends_each_event_as_a_chunk_of_its_own(client):
    response = client.post(CHAT, chat(stream=True))
    raw, pieces = response.raw_body, []
    while raw:
        line, _, raw = raw.partition(b"\r\n")
        size = int(line, 16)
        pieces.append(raw[:size])
        raw = raw[size + 2 :]
    assert pieces[-1] == b""
    assert all(p.startswith(b"data: ") and p.count(b"\n\n") == 1 for p in pieces[:-1])


def test_streams_a_completion(client):
    request = {"model": "tiny", "prompt": "A", "max_tokens": 5, "seed": 4, "temperature": 0}
    whole = client.post(COMPLETIONS, request).json()
    assert re.fullmatch(r"cmpl-[0-9a-f]{16}", whole["id"])
    *documents, done = events(client.post(COMPLETIONS, {**request, "stream": True}))
    assert done == "[DONE]"
    texts = [json.loads(document)["choices"][0]["text"] for document in documents]
    assert "".join(texts) == whole["choices"][0]["text"]


def test_says_the_same_for_the_same_seed_on_any_server(world, client):
    other = world.connect(world.sim("--ttft", "1ms", "--itl", "1ms"))

    def text(at, seed):
        answer = at.post(CHAT, chat(seed=seed, max_tokens=30)).json()
        return answer["choices"][0]["message"]["content"]

    assert text(client, 1) == text(client, 1) == text(other, 1)
    assert text(client, 1) != text(client, 2)
    assert re.search(r"[A-Za-z]{3,}", text(client, 1)), "the text is not readable"


def test_obeys_max_tokens(client):
    for count in (1, 3, 17):
        answer = client.post(CHAT, chat(max_tokens=count, ignore_eos=True)).json()
        assert answer["usage"]["completion_tokens"] == count
        assert answer["choices"][0]["finish_reason"] == "length"


def test_gives_several_choices(client):
    answer = client.post(CHAT, chat(n=3)).json()
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]


def test_gives_logprobs(client):
    logprobs = client.post(CHAT, chat(logprobs=True, top_logprobs=2)).json()["choices"][0][
        "logprobs"
    ]
    for token in logprobs["content"]:
        assert set(token) == {"token", "logprob", "bytes", "top_logprobs"}
        assert bytes(token["bytes"]).decode("utf-8", "replace") == token["token"]
    request = {"model": "tiny", "prompt": "A", "max_tokens": 4, "logprobs": 1}
    lists = client.post(COMPLETIONS, request).json()["choices"][0]["logprobs"]
    sizes = {len(lists[k]) for k in ("text_offset", "token_logprobs", "tokens", "top_logprobs")}
    assert sizes == {4}


def test_makes_embeddings(client):
    answer = client.post("/v1/embeddings", {"model": "tiny", "input": ["a", "b"]}).json()
    assert answer["object"] == "list" and answer["model"] == "tiny"
    assert [item["object"] for item in answer["data"]] == ["embedding"] * 2
    assert all(isinstance(x, float) for x in answer["data"][0]["embedding"])


@pytest.mark.parametrize("path", ["/score", "/v1/score"])
def test_scores_pairs_of_texts(client, path):
    request = {"model": "tiny", "text_1": "a warm cache", "text_2": ["a warm cache", "the queue"]}
    answer = client.post(path, request).json()
    same, other = (item["score"] for item in answer["data"])
    assert same == pytest.approx(1) and other < 0.9 and answer["id"].startswith("score-")


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank", "/v2/rerank"])
def test_ranks_documents(client, path):
    request = {"model": "tiny", "query": "a warm cache", "documents": ["queue", "a warm cache"]}
    answer = client.post(path, {**request, "top_n": 1}).json()
    assert [result["index"] for result in answer["results"]] == [1]
    assert answer["results"][0]["document"]["text"] == "a warm cache"
    assert client.post(path, {**request, "model": "nope"}).status == 404


def test_classifies_and_pools(client):
    (item,) = client.post("/classify", {"model": "tiny", "input": "x"}).json()["data"]
    assert item["num_classes"] == 3 and sum(item["probs"]) == pytest.approx(1)
    (item,) = client.post("/pooling", {"model": "tiny", "input": "x"}).json()["data"]
    assert item["object"] == "pooling" and len(item["data"]) == 256


def transcribe(at, fields):
    body = b"".join(
        b'--edge\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % field
        for field in fields
    )
    headers = [("Content-Type", "multipart/form-data; boundary=edge")]
    return at.request("POST", "/v1/audio/transcriptions", headers, body + b"--edge--\r\n")


def test_transcribes_a_form(client):
    file = (b"file", b'; filename="model.wav"', b"RIFF\0\xff")
    response = transcribe(client, [file, (b"model", b"", b"tiny")])
    assert response.status == 200 and response.json()["text"]
    assert transcribe(client, [file, (b"model", b"", b"nope")]).status == 404
    assert transcribe(client, [file]).status == 400
    assert client.post("/v1/audio/transcriptions", {"model": "tiny"}).status == 400


def test_tokenizes_and_back(client):
    text = "Hello, this is a test \u00e9\u4e2d"
    tokens = client.post("/tokenize", {"model": "tiny", "prompt": text}).json()
    assert tokens["count"] == len(tokens["tokens"]) > 1 and tokens["max_model_len"] > 0
    back = client.post("/detokenize", {"model": "tiny", "tokens": tokens["tokens"]}).json()
    assert back == {"prompt": text}


def test_counts_prompt_tokens_as_it_tokenizes(client):
    text = "Count these tokens, please."
    count = client.post("/tokenize", {"model": "tiny", "prompt": text}).json()["count"]
    request = {"model": "tiny", "prompt": text, "max_tokens": 1}
    assert client.post(COMPLETIONS, request).json()["usage"]["prompt_tokens"] == count


def test_takes_the_clients_id_for_its_answer(client):
    answer = client.post(CHAT, chat(), [("X-Request-Id", "mine-7")]).json()
    assert answer["id"] == "chatcmpl-mine-7"


def test_publishes_metrics(client):
    client.post(CHAT, chat())
    response = client.request("GET", "/metrics")
    assert response.header("content-type").startswith("text/plain")
    text = response.body.decode()
    for name in (
        "vllm:num_requests_running",
        "vllm:num_requests_waiting",
        "vllm:generation_tokens_total",
        "vllm:prompt_tokens_total",
        "vllm:time_to_first_token_seconds_count",
        "vllm:request_success_total",
    ):
        assert re.search(rf'^{name}\{{[^}}]*model_name="tiny"[^}}]*\}} ', text, re.MULTILINE), name


# --- what a request demands of the text ---


def content(at, **more):
    (choice,) = at.post(CHAT, chat(max_tokens=200, **more)).json()["choices"]
    return choice["message"]["content"]


SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 1}},
    "required": ["name", "age"],
}


def test_obeys_structured_outputs(client):
    for seed in range(5):
        text = content(client, seed=seed, structured_outputs={"choice": ["yes", "no"]})
        assert text in ("yes", "no")
        text = content(client, seed=seed, structured_outputs={"regex": r"\d{3}-[a-f]+"})
        assert re.fullmatch(r"\d{3}-[a-f]+", text)
        person = json.loads(content(client, seed=seed, structured_outputs={"json": SCHEMA}))
        assert isinstance(person["name"], str) and person["age"] >= 1


def test_obeys_the_response_format(client):
    assert isinstance(json.loads(content(client, response_format={"type": "json_object"})), dict)
    named = {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA}}
    assert set(json.loads(content(client, response_format=named))) == {"name", "age"}


def test_streams_a_demanded_text(client):
    *documents, done = events(
        client.post(CHAT, chat(stream=True, structured_outputs={"choice": ["Yes, it is so"]}))
    )
    assert done == "[DONE]"
    choices = [json.loads(document)["choices"][0] for document in documents]
    assert "".join(choice["delta"]["content"] for choice in choices) == "Yes, it is so"
    assert choices[-1]["finish_reason"] == "stop" and len(choices) > 3


@pytest.mark.parametrize(
    "outputs", [{"choice": ["a"], "regex": "a"}, {"regex": "[0-9"}, {"json": {"type": "nonsense"}}]
)
def test_refuses_demands_that_cannot_be_met(client, outputs):
    response = client.post(CHAT, chat(structured_outputs=outputs))
    assert response.status == 400 and response.json()["error"]["type"] == "BadRequestError"


# --- its manners ---


def metric(at, name, labels=""):
    text = at.request("GET", "/metrics").body.decode()
    match = re.search(rf"^{name}\{{[^}}]*{labels}[^}}]*\}} (\S+)$", text, re.MULTILINE)
    return float(match.group(1)) if match else None


def wait_for_metric(at, name, value):
    deadline = time.monotonic() + scaled(10)
    while metric(at, name) != value:
        assert time.monotonic() < deadline, f"{name} never got {value}"
        time.sleep(0.005)


def test_refuses_more_than_it_may_queue(world):
    sim = world.sim("--ttft", "60s", "--max-num-seqs", "1", "--max-num-queued-reqs", "2")
    waiting = [world.connect(sim) for _ in range(2)]
    for each in waiting:
        each.send(json_request(CHAT, chat(stream=True)))
    at = world.connect(sim)
    wait_for_metric(at, "vllm:num_requests_running", 1)
    wait_for_metric(at, "vllm:num_requests_waiting", 1)
    response = at.post(CHAT, chat())
    assert response.status == 503 and response.header("retry-after") is None
    error = response.json()["error"]
    assert error["message"].startswith("The engine is currently busy and cannot accept new")
    assert error["type"] == "Service Unavailable" and error["code"] == 503
    assert at.request("GET", "/health").status == 200
    assert metric(at, "vllm:admission_rejections_total", "max_num_queued_reqs") == 1


def test_computes_a_prompt_once(world):
    at = world.connect(world.sim("--enable-prompt-tokens-details"))
    request = {"prompt": list(range(300, 400)), "max_tokens": 3, "ignore_eos": True}
    cached = [
        at.post(COMPLETIONS, request).json()["usage"]["prompt_tokens_details"]["cached_tokens"]
        for _ in range(2)
    ]
    assert cached == [0, 96]
    assert metric(at, "vllm:prefix_cache_queries_total") == 200
    assert metric(at, "vllm:prefix_cache_hits_total") == 96
    assert metric(at, "vllm:prompt_tokens_cached_total") == 96
    assert metric(at, "vllm:kv_cache_usage_perc") == 0


def test_preempts_when_blocks_run_out(world):
    # Each prompt has one block, and wants three more for its answer: the newest has to wait.
    sim = world.sim("--num-gpu-blocks-override", "6", "--max-model-len", "96")
    streams = [world.connect(sim) for _ in range(2)]
    for number, stream in enumerate(streams):
        prompt = [300 + number] * 16
        request = {"prompt": prompt, "max_tokens": 48, "ignore_eos": True}
        stream.send(json_request(COMPLETIONS, request))
    for stream in streams:
        assert stream.read_response().json()["usage"]["completion_tokens"] == 48
    at = world.connect(sim)
    assert metric(at, "vllm:num_preemptions_total") >= 1
    assert metric(at, "vllm:request_num_preemptions_sum") >= 1
    assert metric(at, "vllm:num_requests_running") == metric(at, "vllm:num_requests_waiting") == 0


@pytest.mark.parametrize("flags", [["--profile", "none"], ["--num-gpu-blocks-override", "9"]])
def test_says_what_is_wrong_with_its_engine(flags):
    run = subprocess.run([binary(), "sim", "--port", "0", *flags], capture_output=True, text=True)
    assert run.returncode == 2 and run.stderr.startswith("error: ")


def test_serves_aliases_and_adapters(world):
    sim = world.sim("--model", "short", "--lora", "sql", "--lora", "law", model="Some/Model")
    at = world.connect(sim)
    entries = at.request("GET", "/v1/models").json()["data"]
    assert [(e["id"], e["root"], e["parent"]) for e in entries] == [
        ("Some/Model", "Some/Model", None),
        ("short", "Some/Model", None),
        ("sql", "sql", "Some/Model"),
        ("law", "law", "Some/Model"),
    ]
    assert entries[1]["max_model_len"] > 0 and entries[2]["max_model_len"] is None
    for asked, told in (("Some/Model", "Some/Model"), ("short", "Some/Model"), ("law", "law")):
        assert at.post(CHAT, chat(model=asked)).json()["model"] == told
    message = at.post(CHAT, chat(model="nope")).json()["error"]["message"]
    assert message == "The model `nope` does not exist. Valid aliases: Some/Model, short."


def test_shows_each_of_its_engines(world):
    two = ("--data-parallel-size", "2", "--enable-server-load-tracking")
    sim = world.sim("--ttft", "60s", *two)
    streams = [world.connect(sim) for _ in range(3)]
    for stream in streams:
        stream.send(json_request(CHAT, chat(stream=True)))
        stream.read_head()
    at = world.connect(sim)
    for engine, running in (("0", 2), ("1", 1), ("2", None)):
        assert metric(at, "vllm:num_requests_running", f'engine="{engine}"') == running
    assert at.request("GET", "/load").json() == {"server_load": 3}


@pytest.mark.parametrize("kind, path", [("generate", "/v1/embeddings"), ("embed", CHAT)])
def test_has_no_routes_of_another_kind(world, kind, path):
    at = world.connect(world.sim("--kind", kind))
    response = at.post(path, {"model": "tiny", "input": "x", "messages": MESSAGES})
    assert response.status == 404 and response.json() == {"detail": "Not Found"}
    at = world.connect(world.sim("--kind", kind, "--vllm-version", "0.11.0"))
    response = at.post(path, {"model": "tiny", "input": "x", "messages": MESSAGES})
    assert response.status == 200 and response.json()["error"]["code"] == 400


def open_stream(at, **more):
    """Begins a stream and reads up to its first event."""
    at.send(json_request(CHAT, chat(stream=True, ignore_eos=True, **more)))
    at.read_head()
    at.reader.through(b"\n\n")


def test_finishes_what_runs_when_it_drains(world):
    sim = world.sim("--itl", "1ms")
    stream, at = world.connect(sim), world.connect(sim)
    open_stream(stream, max_tokens=300)
    assert at.request("POST", "/sim/drain").status == 200
    response = at.post(CHAT, chat())
    assert response.status == 500
    assert response.json()["error"]["message"] == "cannot schedule new futures after shutdown"
    assert at.request("GET", "/health").status == 200
    assert stream.reader.through(b"\r\n0\r\n\r\n").endswith(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")


def test_tells_all_when_its_engine_dies(world):
    sim = world.sim("--itl", "20ms")
    stream, plain, at = (world.connect(sim) for _ in range(3))
    open_stream(stream, max_tokens=5000)
    plain.send(json_request(CHAT, chat(max_tokens=5000, ignore_eos=True)))
    wait_for_metric(at, "vllm:num_requests_running", 2)
    assert at.request("POST", "/sim/kill_engine").status == 200
    end = stream.reader.through(b"\r\n0\r\n\r\n")
    assert end.endswith(b'"code": 500}}\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n')
    assert b'data: {"error": {"message": "EngineCore encountered an issue.' in end
    assert plain.read_response().status == 500
    response = at.request("GET", "/health")
    assert response.status == 503 and response.body == b""


def test_falls_silent_and_refuses_when_it_hangs(world):
    sim = world.sim("--itl", "10s")
    stream, idle, at = (world.connect(sim) for _ in range(3))
    open_stream(stream, max_tokens=5000)
    assert idle.request("GET", "/health").status == 200
    assert at.request("POST", "/sim/hang").header("connection") == "close"
    idle.assert_closed()
    with pytest.raises(ConnectionRefusedError):
        world.connect(sim)
    stream.reader.through(b"\n\n\r\n")  # the first token, which came with the role
    stream.assert_open()


# --- an old version ---


@pytest.fixture(scope="module")
def old_sim(shared):
    return shared.sim("--ttft", "2ms", "--itl", "1ms", "--vllm-version", "0.11.0")


@pytest.fixture
def old(world, old_sim):
    return world.connect(old_sim)


def test_follows_guided_parameters_only_when_old(client, old):
    assert old.request("GET", "/version").json() == {"version": "0.11.0"}
    choices = ["never said by itself", "nor this"]
    assert content(old, guided_choice=choices) in choices
    assert content(client, guided_choice=choices) not in choices
    assert re.fullmatch("[0-9]{9}", content(old, guided_regex="[0-9]{9}"))
    assert set(json.loads(content(old, guided_json=SCHEMA))) == {"name", "age"}
    assert content(old, structured_outputs={"choice": choices}) in choices


def test_refuses_best_of_only_when_old(client, old):
    assert client.post(CHAT, chat(best_of=3)).status == 200
    response = old.post(CHAT, chat(best_of=3))
    assert response.status == 400
    assert response.json()["error"]["message"] == "vLLM V1 does not yet support best_of."


def test_answers_as_an_old_version(old):
    response = old.post(CHAT, chat(stop=[f"zzz{i}" for i in range(20)]))
    answer = response.json()
    assert re.fullmatch(r"chatcmpl-[0-9a-f]{32}", answer["id"])
    assert answer["system_fingerprint"] is None
    assert answer["choices"][0]["message"]["reasoning_content"] is None
    assert response.header("vary") is None
    assert old.post(CHAT, chat(stream=True)).header("vary") is None
    error = old.post(CHAT, chat(model="nope")).json()["error"]
    assert error["message"] == "The model `nope` does not exist." and error["param"] is None
    assert b"engine_sleep_state" not in old.request("GET", "/metrics").body


def test_takes_no_number_for_the_logprobs_of_a_chat(client, old):
    for at in (client, old):
        response = at.post(CHAT, chat(logprobs=2))
        assert response.status == 400 and "bool_parsing" in response.json()["error"]["message"]
        assert at.post(CHAT, chat(logprobs=1)).json()["choices"][0]["logprobs"]["content"]
        request = {"model": "tiny", "prompt": "A", "max_tokens": 4, "logprobs": 2}
        lists = at.post(COMPLETIONS, request).json()["choices"][0]["logprobs"]
        assert [len(top) for top in lists["top_logprobs"]] == [2] * 4


# --- errors ---


@pytest.mark.parametrize(
    "path, body, status",
    [
        (CHAT, chat(model="nope"), 404),
        (COMPLETIONS, {"model": "nope", "prompt": "x"}, 404),
        ("/v1/embeddings", {"model": "nope", "input": "x"}, 404),
        (CHAT, chat(max_tokens=-1), 400),
        (CHAT, chat(temperature=3), 400),
        (CHAT, chat(stream="perhaps"), 400),
        (CHAT, {"model": "tiny"}, 400),
        (COMPLETIONS, {"model": "tiny"}, 400),
        (CHAT, chat(stream_options={"include_usage": True}), 400),
        (CHAT, [], 400),
    ],
)
def test_answers_errors_in_the_real_shape(client, path, body, status):
    response = client.post(path, body)
    assert response.status == status, response.body
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == status and error["message"] and error["type"]


def test_answers_a_broken_document(client):
    fields = [("Content-Type", "application/json")]
    response = client.request("POST", CHAT, fields, b'{"model": "tiny", ')
    assert response.status == 400 and response.json()["error"]["code"] == 400


def test_answers_an_unknown_route(client):
    response = client.request("GET", "/v1/nothing")
    assert response.status == 404 and response.json() == {"detail": "Not Found"}


def test_answers_a_wrong_method(client):
    response = client.request("GET", CHAT)
    assert response.status == 405 and response.json() == {"detail": "Method Not Allowed"}


# --- as a program ---


def test_starts_as_many_as_it_is_told(world):
    sim = world.sim(model="Some/Model", count=3)
    assert len(set(sim.ports)) == 3
    for port in sim.ports:
        sim.port = port
        models = world.connect(sim).request("GET", "/v1/models").json()
        assert models["data"][0]["id"] == "Some/Model"


def test_starts_a_fleet_from_a_file(world, tmp_path):
    file = tmp_path / "fleet.yaml"
    file.write_text(
        "servers:\n"
        "  - {port: 0, count: 2, models: [one], vllm_version: 0.11.0}\n"
        "  - {port: 0, models: [two], faults: [busy]}\n"
    )
    sim = world.sim("--fleet", str(file), count=3)
    told = []
    for port in sim.ports:
        sim.port = port
        client = world.connect(sim)
        (model,) = client.request("GET", "/v1/models").json()["data"]
        version = client.request("GET", "/version").json()["version"]
        told.append((model["id"], version, client.post(CHAT, chat(model=model["id"])).status))
    assert told == [("one", "0.11.0", 200)] * 2 + [("two", "0.32.0", 503)]


def test_refuses_a_fleet_that_makes_no_sense(tmp_path):
    file = tmp_path / "fleet.yaml"
    for text in ["servers: [{port: x}]", "servers: [{faults: [x]}]"]:
        file.write_text(text)
        command = [str(binary()), "sim", "--fleet", str(file)]
        run = subprocess.run(command, capture_output=True, timeout=scaled(20))
        assert run.returncode == 2 and run.stderr


def test_goes_on_where_an_answer_was_cut(client):
    whole = client.post(CHAT, chat(max_tokens=200)).json()["choices"][0]["message"]["content"]
    cut = client.post(CHAT, chat(max_tokens=9)).json()["choices"][0]["message"]["content"]
    begun = [*MESSAGES, {"role": "assistant", "content": cut}]
    more = chat(messages=begun, max_tokens=200, continue_final_message=True)
    rest = client.post(CHAT, {**more, "add_generation_prompt": False}).json()
    assert cut + rest["choices"][0]["message"]["content"] == whole


def test_answers_pipelined_requests(client):
    client.send(request_bytes("GET", "/health") + json_request(CHAT, chat()) * 3)
    assert client.read_response().status == 200
    for _ in range(3):
        assert client.read_response().status == 200


def test_needs_no_unit_for_zero(world):
    sim = world.sim("--ttft", "0", "--itl", "0")
    assert world.connect(sim).post(CHAT, chat()).status == 200


@pytest.mark.parametrize(
    "flags",
    [
        ["--model", ""],
        ["--model", "m", "--port", "65535", "--count", "2"],
        ["--model", "m", "--ttft", "5x"],
        ["--model", "m", "--ttft", "5"],
        ["--model", "m", "--itl", "0.5"],
        ["--model", "m", "--itl", "9" * 400],
        ["--model", "m", "--kind", "chat"],
    ],
)
def test_refuses_flags_that_make_no_sense(flags):
    run = subprocess.run([str(binary()), "sim", *flags], capture_output=True, timeout=scaled(20))
    assert run.returncode == 2 and run.stderr

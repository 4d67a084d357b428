"""The requests of the API page, as they stand there, and what the page says they answer."""

import json

import jsonschema

import curl
import exposition
from cases import PAGE_CHAT, PAGE_CHAT_MODEL, PAGE_COMPLETION_MODEL, PAGE_EMBEDDING_MODEL
from check import Check, Unmet, Way, expect
from harness.message import Response

NUMBER = (int, float)
HEALTH_KEYS = {
    "status": str,
    "model_loaded": bool,
    "gpu_memory_usage": NUMBER,
    "num_requests_running": int,
    "num_requests_waiting": int,
}
MODEL_KEYS = {
    "id": str,
    "object": str,
    "created": int,
    "owned_by": str,
    "root": str,
    "parent": type(None),
    "max_model_len": int,
    "permission": list,
}
ANSWER_KEYS = {
    "id": str,
    "object": str,
    "created": int,
    "model": str,
    "choices": list,
    "usage": dict,
}
TRANSLATED = "guided_json->structured_outputs.json, guided_decoding_backend dropped"
RESPONSE_HEADERS = ("X-Olla-Endpoint", "X-Olla-Model", "X-Olla-Backend-Type")


def typed(document: dict, keys: dict) -> None:
    """Unmet unless `document` has these members with these types."""
    for key, types in keys.items():
        expect(key in document, f"no {key}")
        seen = document[key]
        fits = isinstance(seen, types) and (types is bool or not isinstance(seen, bool))
        expect(fits, f"{key}: {seen!r}")


def _answer(way: Way, name: str, line: str | None = None) -> Response:
    response = curl.run(way, line or curl.command(name))
    expect(response.status == 200, f"{response.status}, {response.body!r:.120}")
    return response


def _document(response: Response) -> dict:
    expect(response.body, "200 with an empty body")
    kind = response.header("content-type") or ""
    expect(kind.startswith("application/json"), f"content-type {kind!r}")
    return response.json()


def _expect_headers(way: Way, response: Response, model: str | None = None, note: str = "") -> None:
    """The response headers of the page; without a `model` in the request, none is told."""
    if not way.gateway:
        return
    seen = tuple(response.header(name) for name in RESPONSE_HEADERS)
    expect(seen == ("vllm-server", model, "vllm"), f"{RESPONSE_HEADERS}: {seen}")
    said = response.header("X-Olla-Translated") or ""
    expect(said == note, f"X-Olla-Translated: {said!r}")
    chunked = response.header("transfer-encoding") is not None
    expect(chunked or response.header("X-Olla-Response-Time"), "no X-Olla-Response-Time")


def _health(way: Way) -> str:
    response = _answer(way, "health")
    document = _document(response)
    typed(document, HEALTH_KEYS)
    _expect_headers(way, response)
    expect(document["status"] == "healthy" and document["model_loaded"], document)
    expect(0 <= document["gpu_memory_usage"] <= 1, document)
    return ", ".join(f"{key} {json.dumps(document[key])}" for key in HEALTH_KEYS)


def _models(*names: str):
    def see(way: Way) -> str:
        response = _answer(way, "models")
        document = _document(response)
        _expect_headers(way, response)
        expect(document["object"] == "list", document["object"])
        for entry in document["data"]:
            typed(entry, MODEL_KEYS)
            expect((entry["object"], entry["owned_by"]) == ("model", "vllm"), entry)
        ids = [entry["id"] for entry in document["data"]]
        expect(set(ids) >= set(names), ids)
        return f"{len(ids)} models, 8 fields each"

    return see


def _expect_usage(usage: dict) -> None:
    parts = usage["prompt_tokens"] + usage.get("completion_tokens", 0)
    expect(usage["total_tokens"] == parts > 0, usage)


def _expect_schema(content: str) -> str:
    try:
        jsonschema.validate(json.loads(content), PAGE_CHAT["guided_json"])
    except (ValueError, jsonschema.ValidationError) as error:
        raise Unmet(f"{content!r:.100}: {str(error).splitlines()[0]}") from None
    return f"{content!r:.70} validates"


def _chat(way: Way) -> str:
    response = _answer(way, "chat")
    document = _document(response)
    typed(document, ANSWER_KEYS)
    expect(document["object"] == "chat.completion", document["object"])
    expect(document["model"] == PAGE_CHAT_MODEL, document["model"])
    (choice,) = document["choices"]
    expect(choice["index"] == 0 and choice["finish_reason"] == "stop", choice)
    expect(choice["message"]["role"] == "assistant" and choice["logprobs"] is None, choice)
    _expect_usage(document["usage"])
    seen = _expect_schema(choice["message"]["content"])
    _expect_headers(way, response, PAGE_CHAT_MODEL, TRANSLATED)
    return seen


def _chat_streamed(way: Way) -> str:
    line = curl.command("chat").replace('"stream": false', '"stream": true')
    response = _answer(way, "chat", line)
    kind = response.header("content-type") or ""
    expect(kind.startswith("text/event-stream"), f"content-type {kind!r}")
    events = [event for event in response.body.decode().split("\n\n") if event]
    expect(all(event.startswith("data: ") for event in events), events)
    *documents, done = [event.removeprefix("data: ") for event in events]
    expect(done == "[DONE]", f"ends with {done!r}")
    content, first, last = "", None, None
    for document in map(json.loads, documents):
        expect(document["object"] == "chat.completion.chunk", document["object"])
        (choice,) = document["choices"]
        first = first or choice
        last = choice
        content += choice["delta"].get("content") or ""
    expect(first["delta"]["role"] == "assistant", first)
    expect(last["finish_reason"] == "stop", last)
    seen = _expect_schema(content)
    _expect_headers(way, response, PAGE_CHAT_MODEL, TRANSLATED)
    return f"{len(events)} events, {seen}"


def _completion(way: Way) -> str:
    response = _answer(way, "completion")
    document = _document(response)
    typed(document, ANSWER_KEYS)
    expect(document["object"] == "text_completion", document["object"])
    (choice,) = document["choices"]
    expect(choice["index"] == 0 and choice["logprobs"] is None, choice)
    expect(isinstance(choice["text"], str) and choice["text"], choice)
    expect(choice["finish_reason"] in ("stop", "length"), choice["finish_reason"])
    _expect_usage(document["usage"])
    expect(document["usage"]["completion_tokens"] <= 200, document["usage"])
    _expect_headers(way, response, PAGE_COMPLETION_MODEL)
    return f"{document['usage']['completion_tokens']} tokens, {choice['finish_reason']}"


def _embeddings(way: Way) -> str:
    response = _answer(way, "embeddings")
    document = _document(response)
    expect(document["object"] == "list", document["object"])
    expect(document["model"] == PAGE_EMBEDDING_MODEL, document["model"])
    (entry,) = document["data"]
    expect((entry["object"], entry["index"]) == ("embedding", 0), entry)
    numbers = entry["embedding"]
    expect(numbers and all(type(number) is float for number in numbers), f"{numbers!r:.80}")
    _expect_usage(document["usage"])
    _expect_headers(way, response, PAGE_EMBEDDING_MODEL)
    return f"{len(numbers)} floats"


def _metrics(way: Way) -> str:
    response = _answer(way, "metrics")
    found = exposition.families(response.body.decode())
    _expect_headers(way, response)
    types = {
        "vllm_request_duration_seconds": "histogram",
        "vllm_num_requests_running": "gauge",
        "vllm_num_requests_waiting": "gauge",
        "vllm_gpu_memory_usage_bytes": "gauge",
    }
    for name, kind in types.items():
        expect(name in found, f"no {name}")
        expect(found[name].type == kind, f"{name} is a {found[name].type}")
        label = "gpu" if name == "vllm_gpu_memory_usage_bytes" else "model"
        expect(all(label in sample.labels for sample in found[name].samples), f"{name}: no {label}")
    exposition.total(found, "vllm_num_requests_running", model=PAGE_CHAT_MODEL)
    used = exposition.total(found, "vllm_gpu_memory_usage_bytes", gpu="0")
    expect(used == 12884901888, f"vllm_gpu_memory_usage_bytes {used}")
    return f"the page's 4 families, {len(found)} in all"


GENERATE = [
    Check("health", _health, alone=False),
    Check("models", _models(PAGE_CHAT_MODEL, PAGE_COMPLETION_MODEL)),
    Check("chat", _chat, alone=False),
    Check('chat, with `"stream": true`', _chat_streamed, alone=False),
    Check("completion", _completion),
    Check("metrics", _metrics, alone=False),
]
EMBED = [
    Check("models, of an embedding server", _models(PAGE_EMBEDDING_MODEL)),
    Check("embeddings", _embeddings),
]

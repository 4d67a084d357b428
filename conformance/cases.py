"""The calls of a conformance run: those of the API page, and their neighbours."""

import dataclasses
import json

PAGE_CHAT_MODEL = "meta-llama/Meta-Llama-3-8B-Instruct"
PAGE_COMPLETION_MODEL = "mistralai/Mistral-7B-Instruct-v0.2"
PAGE_EMBEDDING_MODEL = "BAAI/bge-large-en-v1.5"

CHAT, COMPLETIONS, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"

# The request documents of the page, word for word.
PAGE_CHAT = {
    "model": PAGE_CHAT_MODEL,
    "messages": [
        {"role": "system", "content": "You are a helpful AI assistant."},
        {"role": "user", "content": "Explain the benefits of using vLLM for inference"},
    ],
    "temperature": 0.7,
    "max_tokens": 300,
    "stream": False,
    "guided_decoding_backend": "outlines",
    "guided_json": {
        "type": "object",
        "properties": {
            "benefits": {"type": "array", "items": {"type": "string"}},
            "summary": {"type": "string"},
        },
    },
}
# The same for a vLLM of today: what the gateway has to make of it.
PAGE_CHAT_TODAY = {key: content for key, content in PAGE_CHAT.items() if "guided" not in key}
PAGE_CHAT_TODAY["structured_outputs"] = {"json": PAGE_CHAT["guided_json"]}
PAGE_COMPLETION = {
    "model": PAGE_COMPLETION_MODEL,
    "prompt": "The advantages of PagedAttention in vLLM are:",
    "max_tokens": 200,
    "temperature": 0.8,
    "top_p": 0.95,
    "top_k": 50,
    "repetition_penalty": 1.1,
    "best_of": 1,
    "use_beam_search": False,
    "stream": False,
}
PAGE_EMBEDDING = {
    "model": PAGE_EMBEDDING_MODEL,
    "input": "vLLM is a high-throughput inference engine",
    "encoding_format": "float",
}


@dataclasses.dataclass(frozen=True)
class Case:
    """One request. `sampled`: the text is random, so only the shape is compared. `today`: the body
    for vLLM itself, where the gateway has to translate."""

    name: str
    method: str
    path: str
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    sampled: bool = False
    today: bytes | None = None


def get(name: str, path: str, **more) -> Case:
    return Case(name, "GET", path, **more)


def post(name: str, path: str, document: object, headers=(), **more) -> Case:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Case(name, "POST", path, body, (("Content-Type", "application/json"), *headers), **more)


def page_chat(name: str, **more) -> Case:
    """The page's chat with some other members."""
    today = json.dumps({**PAGE_CHAT_TODAY, **more}).encode()
    sampled = "seed" not in more
    return post(name, CHAT, {**PAGE_CHAT, **more}, sampled=sampled, today=today)


def fixed(**more) -> dict:
    """A chat whose text is the same every time."""
    chat = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "Say something about queues."}],
        "max_tokens": 24,
        "temperature": 0,
        "seed": 11,
    }
    return {**chat, **more}


def fixed_completion(**more) -> dict:
    completion = {
        "model": "tiny",
        "prompt": "The quick brown",
        "max_tokens": 24,
        "temperature": 0,
        "seed": 11,
    }
    return {**completion, **more}


def scripted(word: str, **more) -> dict:
    return fixed(messages=[{"role": "user", "content": word}], **more)


STREAM = {"stream": True}
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}

MESSAGES = {
    "model": "tiny",
    "messages": [{"role": "user", "content": "[[hello]]"}],
    "max_tokens": 12,
}
RESPONSES = {
    "model": "tiny",
    "input": "[[hello]]",
    "max_output_tokens": 12,
    "temperature": 0,
}
QUERY = {"model": PAGE_EMBEDDING_MODEL, "query": "a queue", "documents": ["one", "two"]}
PAIR = {"model": PAGE_EMBEDDING_MODEL, "text_1": "a queue", "text_2": ["one", "two"]}

GENERATE = [
    get("version", "/version"),
    page_chat("page: chat"),
    page_chat("page: chat, streamed", **STREAM),
    page_chat("page: chat, temperature 0", temperature=0, seed=1),
    page_chat("page: chat, temperature 0, streamed", temperature=0, seed=1, **WITH_USAGE),
    post("page: completion", COMPLETIONS, PAGE_COMPLETION, sampled=True),
    post("page: completion, streamed", COMPLETIONS, {**PAGE_COMPLETION, **STREAM}, sampled=True),
    post(
        "page: completion, temperature 0",
        COMPLETIONS,
        {**PAGE_COMPLETION, "temperature": 0, "seed": 1},
    ),
    post("chat", CHAT, fixed()),
    post("chat, streamed", CHAT, fixed(**STREAM)),
    post("chat, streamed, usage", CHAT, fixed(**WITH_USAGE)),
    post(
        "chat, streamed, usage in each event",
        CHAT,
        fixed(stream=True, stream_options={"include_usage": True, "continuous_usage_stats": True}),
    ),
    post("chat, scripted", CHAT, scripted("[[hello]]")),
    post("chat, scripted, streamed", CHAT, scripted("[[hello]]", **WITH_USAGE)),
    post("chat, empty answer, streamed", CHAT, scripted("[[stop]]", **WITH_USAGE)),
    post("chat, two choices", CHAT, fixed(n=2, temperature=1)),
    post("chat, two choices, streamed", CHAT, fixed(n=2, temperature=1, **WITH_USAGE)),
    post("chat, stop string", CHAT, scripted("[[hello]]", stop=["answer"])),
    post("chat, logprobs", CHAT, fixed(max_tokens=4, logprobs=True, top_logprobs=2)),
    post("chat, client's id", CHAT, fixed(), headers=(("X-Request-ID", "conformance-1"),)),
    post("chat, byte order mark", CHAT, b"\xef\xbb\xbf" + json.dumps(fixed()).encode()),
    post("chat, long answer, streamed", CHAT, fixed(max_tokens=1500, **WITH_USAGE)),
    post("completion", COMPLETIONS, fixed_completion()),
    post("completion, streamed", COMPLETIONS, fixed_completion(**WITH_USAGE)),
    post("completion, echo, logprobs", COMPLETIONS, fixed_completion(echo=True, logprobs=1)),
    post("completion, list", COMPLETIONS, fixed_completion(prompt=["One", "Two"])),
    post("tokenize", "/tokenize", {"model": "tiny", "prompt": "Hello, world"}),
    post("detokenize", "/detokenize", {"model": "tiny", "tokens": [49, 540, 345]}),
    post("messages", "/v1/messages", MESSAGES),
    post("messages, streamed", "/v1/messages", {**MESSAGES, **STREAM}),
    post("messages, counted", "/v1/messages/count_tokens", MESSAGES),
    post("responses", "/v1/responses", RESPONSES),
    post("error: unknown model", CHAT, fixed(model="no-such-model")),
    post("error: unknown model, streamed", CHAT, fixed(model="no-such-model", **STREAM)),
    post("error: no messages", CHAT, {"model": "tiny"}),
    post("error: no prompt", COMPLETIONS, {"model": "tiny"}),
    post("error: max_tokens -1", CHAT, fixed(max_tokens=-1)),
    post("error: temperature a word", CHAT, fixed(temperature="hot")),
    post("error: prompt too long", COMPLETIONS, fixed_completion(prompt="word " * 5000)),
    post("error: JSON breaks off", CHAT, b'{"model":"tiny","messages":['),
    post("error: no JSON", CHAT, b"model=tiny"),
    post("error: JSON array", CHAT, b"[]"),
    post("error: JSON null", CHAT, b"null"),
    post("error: empty body", CHAT, b""),
    post("error: embeddings of a generating model", EMBEDDINGS, {"model": "tiny", "input": "x"}),
    Case("error: OPTIONS", "OPTIONS", CHAT),
]

EMBED = [
    post("page: embeddings", EMBEDDINGS, PAGE_EMBEDDING),
    post("embeddings, base64", EMBEDDINGS, {**PAGE_EMBEDDING, "encoding_format": "base64"}),
    post("embeddings, bytes", EMBEDDINGS, {**PAGE_EMBEDDING, "encoding_format": "bytes"}),
    post("embeddings, list", EMBEDDINGS, {**PAGE_EMBEDDING, "input": ["one", "two", "three"]}),
    post("embeddings, 64 dimensions", EMBEDDINGS, {**PAGE_EMBEDDING, "dimensions": 64}),
    *(post(f"score, {path}", path, PAIR) for path in ("/score", "/v1/score")),
    *(post(f"rerank, {path}", path, QUERY) for path in ("/rerank", "/v1/rerank", "/v2/rerank")),
    post("pooling", "/pooling", PAGE_EMBEDDING),
    post("tokenize, embedding server", "/tokenize", {"model": PAGE_EMBEDDING_MODEL, "prompt": "x"}),
    post("error: 7 dimensions", EMBEDDINGS, {**PAGE_EMBEDDING, "dimensions": 7}),
    post("error: embeddings, unknown model", EMBEDDINGS, {**PAGE_EMBEDDING, "model": "nope"}),
    post("error: embeddings, no input", EMBEDDINGS, {"model": PAGE_EMBEDDING_MODEL}),
    post("error: chat on an embedding server", CHAT, fixed(model=PAGE_EMBEDDING_MODEL)),
]

"""A gateway before a vLLM fleet, and the questions that the tests put to it."""

import json
import time
from typing import Callable

import anthropic
import openai

from .client import Client
from .environment import SLOW, scaled
from .message import Response, json_request, request_bytes
from .process import Gateway

PREFIX = "/olla/vllm"
CHAT = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "What is a queue?"}]
# For endpoints whose health is to change soon. A slow program that misses two checks in a row is no
# test's subject.
_CHECK = f"{250 * SLOW:.0f}ms"
FAST = {"check_interval": _CHECK, "check_timeout": _CHECK}
# An answer that goes on until its reader leaves.
ENDLESS = {"messages": MESSAGES, "stream": True, "max_tokens": 4000, "ignore_eos": True}


class Fleet:
    """Each request has a connection of its own: such a one is accepted after everything that an
    earlier answer told, so it cannot be served by a thread that knows less."""

    def __init__(self, gateway: Gateway):
        self.gateway = gateway

    def raw(self, request: bytes, method: str = "POST") -> Response:
        client = Client(self.gateway.port)
        try:
            client.send(request)
            return client.read_response(method)
        finally:
            client.close()

    def request(self, method: str, path: str, headers=(), body: bytes | None = None) -> Response:
        return self.raw(request_bytes(method, PREFIX + path, headers, body), method)

    def get(self, path: str, headers=()) -> Response:
        return self.request("GET", path, headers)

    def post(self, path: str, document: object, headers=()) -> Response:
        return self.raw(json_request(PREFIX + path, document, headers))

    def chat(self, model: str | None = "tiny", headers=(), **more) -> Response:
        request = {"messages": MESSAGES, "max_tokens": 20, **more}
        return self.post(
            CHAT, {"model": model, **request} if model is not None else request, headers
        )

    def stream(self, path: str, document: dict) -> Client:
        """A request whose answer's head and first event have come. The caller closes it."""
        client = Client(self.gateway.port)
        client.send(json_request(PREFIX + path, document))
        head = client.read_head()
        assert head.status == 200, head
        client.head = head
        client.first = client.reader.through(b"\n\n\r\n")  # The whole chunk.
        return client

    def health(self, query: str = "") -> dict:
        return self.get("/health" + query).json()

    def endpoints(self) -> dict[str, dict]:
        """What the health document says of each endpoint."""
        return {part["name"]: part for part in self.health()["endpoints"]}

    def status_of(self, name: str) -> str:
        return self.endpoints()[name]["status"]

    def models(self, prefix: str = PREFIX) -> list[dict]:
        response = self.raw(request_bytes("GET", prefix + "/v1/models"), "GET")
        assert response.status == 200, response
        document = response.json()
        assert set(document) == {"object", "data"} and document["object"] == "list"
        return document["data"]

    def ids(self) -> list[str]:
        return [model["id"] for model in self.models()]

    def until(self, condition: Callable[[], object], what: str, timeout: float = 15):
        """Asks again and again; the first true value."""
        deadline = time.monotonic() + scaled(timeout)
        while not (hit := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(f"never came: {what}; the health: {json.dumps(self.health())}")
            time.sleep(0.02)
        return hit

    def until_status(self, name: str, wanted: str) -> None:
        self.until(lambda: self.status_of(name) == wanted, f"{name} {wanted}")

    def openai(self) -> openai.OpenAI:
        base = f"http://127.0.0.1:{self.gateway.port}{PREFIX}/v1"
        return openai.OpenAI(base_url=base, api_key="x", max_retries=0, timeout=scaled(20))

    def anthropic(self) -> anthropic.Anthropic:
        base = f"http://127.0.0.1:{self.gateway.port}{PREFIX}"
        return anthropic.Anthropic(base_url=base, api_key="x", max_retries=0, timeout=scaled(20))


def answered_by(response: Response) -> str:
    assert response.status == 200, f"{response.status} {response.body[:300]!r}"
    return response.header("x-olla-endpoint")


def events_of(body: bytes) -> list[dict]:
    """The data of a stream's events, which ends with [DONE]."""
    pieces = body.decode().split("\n\n")
    assert pieces[-2:] == ["data: [DONE]", ""], pieces[-2:]
    return [json.loads(piece.removeprefix("data: ")) for piece in pieces[:-2]]


def text_of(response: Response) -> str:
    """The text of the first choice of a chat or completion, streamed or not."""
    assert response.status == 200, f"{response.status} {response.body[:300]!r}"
    if not response.header("content-type").startswith("text/event-stream"):
        choice, *_ = response.json()["choices"]
        return choice["text"] if "text" in choice else choice["message"]["content"]
    parts = []
    for event in events_of(response.body):
        for choice in event["choices"]:
            if choice["index"] == 0:
                parts.append(choice.get("text") or choice.get("delta", {}).get("content") or "")
    return "".join(parts)

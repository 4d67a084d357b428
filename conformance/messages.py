"""Anthropic's Messages API below /olla/anthropic/: what vLLM says, in Anthropic's manners."""

import json
from typing import Callable

import anthropic

from cases import MESSAGES
from check import Check, Way, expect
from harness.message import Response

PREFIX = "/olla/anthropic"
PATH = "/v1/messages"
COUNT = PATH + "/count_tokens"
JSON = (("Content-Type", "application/json"), ("anthropic-version", "2023-06-01"))


def _post(way: Way, path: str, document: dict) -> Response:
    """Directly, or below the gateway's prefix for Anthropic."""
    prefix = PREFIX if way.gateway else ""
    return way.ask_whole("POST", prefix + path, JSON, json.dumps(document).encode())


def _client(way: Way) -> anthropic.Anthropic:
    prefix = PREFIX if way.gateway else ""
    base_url = f"http://127.0.0.1:{way.port}{prefix}"
    return anthropic.Anthropic(
        base_url=base_url, api_key="not-needed", max_retries=0, timeout=120
    )


def _as_direct(path: str) -> Callable[[Way], str]:
    def see(way: Way) -> str:
        through, direct = _post(way, path, MESSAGES), _post(way.server(), path, MESSAGES)
        expect(through.status == direct.status == 200, f"{direct.status}, {through.status}")
        expect(through.header("x-olla-mode") == "passthrough", "no X-Olla-Mode")
        said, own = through.json(), direct.json()
        for answer in (said, own):
            answer.pop("id", None)
        expect(said == own, f"{said!r:.120}, not {own!r:.120}")
        return f"{len(through.body)} bytes, as from the server"

    return see


def _models(way: Way) -> str:
    response = way.ask_whole("GET", PREFIX + "/v1/models")
    expect(response.status == 200, response.status)
    document = response.json()
    served = {model["id"] for model in way.server().ask("GET", "/v1/models").json()["data"]}
    listed = {model["id"] for model in document["data"]}
    expect(listed == served, f"{sorted(listed)}, not {sorted(served)}")
    page = way.ask_whole("GET", PREFIX + "/v1/models?limit=1").json()
    expect(len(page["data"]) == 1 and page["has_more"] == (len(served) > 1), page)
    return f"{len(listed)} models"


def _error(status: int, kind: str, path: str, document: dict) -> Callable[[Way], str]:
    def see(way: Way) -> str:
        response = way.ask_whole("POST", PREFIX + path, JSON, json.dumps(document).encode())
        expect(response.status == status, f"{response.status}, {response.body!r:.120}")
        said = response.json()
        expect(said["type"] == "error" and said["error"]["type"] == kind, said)
        expect(said["request_id"] == response.header("request-id"), "no request id")
        return f"{status}, {said['error']['message'][:80]}"

    return see


def _sdk_whole(way: Way) -> str:
    with _client(way) as client:
        message = client.messages.create(**MESSAGES)
    (block,) = message.content
    expect(block.text and message.usage.output_tokens > 0, message)
    return f"{block.text!r}"


def _sdk_streamed(way: Way) -> str:
    with _client(way) as client:
        whole = client.messages.create(**MESSAGES)
        with client.messages.stream(**MESSAGES) as stream:
            text = "".join(stream.text_stream)
    expect(text == whole.content[0].text, f"{text!r}, not {whole.content[0].text!r}")
    return f"{text!r}"


def _sdk_unknown_model(way: Way) -> str:
    with _client(way) as client:
        try:
            client.messages.create(**{**MESSAGES, "model": "no-such-model"})
        except anthropic.NotFoundError as error:
            return type(error).__name__
    raise AssertionError("no error")


def _validated(path: str, document: dict) -> Callable[[Way], str]:
    """The server's own validation has another shape, and its words must be kept."""
    shaped = _error(400, "invalid_request_error", path, document)

    def see(way: Way) -> str:
        direct = _post(way.server(), path, document).json()["error"]
        expect(direct["type"] == "Bad Request", direct)
        response = _post(way, path, document)
        expect(response.json()["error"]["message"] == direct["message"], response.body)
        return shaped(way)

    return see


def _sdk_bad_request(way: Way) -> str:
    bad = {**MESSAGES, "max_tokens": "many"}
    with _client(way) as client:
        try:
            client.messages.create(**bad)
        except anthropic.BadRequestError as error:
            kind = "invalid_request_error" if way.gateway else "Bad Request"
            expect(error.body["error"]["type"] == kind, error.body)
            expect("max_tokens" in error.message, error.message)
            return type(error).__name__
    raise AssertionError("no error")


UNKNOWN = {**MESSAGES, "model": "no-such-model"}
UNNAMED = {key: content for key, content in MESSAGES.items() if key != "model"}
UNLIMITED = {key: content for key, content in MESSAGES.items() if key != "max_tokens"}
NO_LIST = {**MESSAGES, "messages": "hello"}

CHECKS = [
    Check(f"POST {PREFIX}{PATH}", _as_direct(PATH), alone=None),
    Check(f"POST {PREFIX}{COUNT}", _as_direct(COUNT), alone=None),
    Check(f"GET {PREFIX}/v1/models", _models, alone=None),
    Check(
        f"POST {PREFIX}{PATH}, unknown model",
        _error(404, "not_found_error", PATH, UNKNOWN),
        alone=None,
    ),
    Check(
        f"POST {PREFIX}{PATH}, no model",
        _error(400, "invalid_request_error", PATH, UNNAMED),
        alone=None,
    ),
    Check(f"POST {PREFIX}{PATH}, no max_tokens", _validated(PATH, UNLIMITED), alone=None),
    Check(f"POST {PREFIX}{COUNT}, messages a text", _validated(COUNT, NO_LIST), alone=None),
    Check("anthropic SDK: message", _sdk_whole),
    Check("anthropic SDK: message, streamed", _sdk_streamed),
    Check("anthropic SDK: unknown model", _sdk_unknown_model),
    Check("anthropic SDK: bad request", _sdk_bad_request),
]

"""Two answers to one request, and what is different between them."""

import dataclasses
import json

from cases import Case
from harness.message import Response

# Made anew for each answer.
VOLATILE_KEYS = {"id", "created", "created_at"}
# Of a text that is random: its length and end are random too.
SAMPLED_KEYS = {"content", "text", "finish_reason", "stop_reason", "usage"}
# The gateway's own, and what depends on the moment or on the length of a volatile body.
ADDED_PREFIXES = ("x-olla-",)
ADDED_HEADERS = {"via", "x-served-by"}
VOLATILE_HEADERS = {"date", "content-length", "metadata"}
# The gateway's word for what the server calls by its status.
WORDS = {"model_not_found": 404}


@dataclasses.dataclass
class Result:
    """The outcome of one comparison, as a row of the report."""

    name: str
    direct: str
    through: str
    differences: list[str]


def compare(case: Case, direct: Response, through: Response, gateway: bool) -> Result:
    """What the client would see differently; `gateway`: its own headers must be there."""
    differences = []
    if direct.status != through.status:
        differences.append(f"status {direct.status}, {through.status}")
    differences += _header_differences(direct, through)
    if gateway:
        differences += _missing_headers(case, through)
    answered_here = gateway and through.header("x-olla-endpoint") is None
    differences += _body_differences(case, direct, through, answered_here)
    here = ", answered by the gateway" if answered_here else ""
    return Result(case.name, _summary(direct), _summary(through) + here, differences)


def _header_differences(direct: Response, through: Response) -> list[str]:
    def kept(response: Response) -> list[tuple[str, str]]:
        fields = []
        for name, content in response.headers:
            name = name.lower()
            if name in ADDED_HEADERS or name.startswith(ADDED_PREFIXES):
                continue
            fields.append((name, "" if name in VOLATILE_HEADERS else content))
        return fields

    if through.header("x-olla-endpoint") is None and through.header("x-olla-request-id"):
        return []  # Answered by the gateway itself, whose headers are its own.
    before, after = kept(direct), kept(through)
    return [] if before == after else [f"headers {before}, {after}"]


def _missing_headers(case: Case, through: Response) -> list[str]:
    wanted = {"x-olla-request-id"}
    if through.header("x-olla-endpoint") is not None:
        wanted |= {"x-olla-backend-type", "x-olla-response-time", "via", "x-served-by"}
        if case.body and b'"model"' in case.body and b"{" in case.body[:4]:
            wanted.add("x-olla-model")
    return [f"no {name}" for name in sorted(wanted) if through.header(name) is None]


def _body_differences(
    case: Case, direct: Response, through: Response, answered_here: bool
) -> list[str]:
    if _is_stream(direct) or _is_stream(through):
        before, after = _stream(case, direct), _stream(case, through)
    else:
        before, after = _document(case, direct), _document(case, through)
    if answered_here and isinstance(before, dict) and "error" in before:
        # A refusal before the server: same status, type and members, wording of its own.
        before, after = _error_shape(before), _error_shape(after)
    return [] if before == after else [f"body {_short(before)}, {_short(after)}"]


def code_of(error: dict) -> object:
    """The code of an error, a word of the gateway's as the server's number."""
    return WORDS.get(error["code"], error["code"])


def _error_shape(document) -> object:
    try:
        error = document["error"]
        return {"members": sorted(error), "type": error["type"], "code": code_of(error)}
    except (TypeError, KeyError):
        return document


def _is_stream(response: Response) -> bool:
    return (response.header("content-type") or "").startswith("text/event-stream")


def events(response: Response) -> list[str]:
    """The data of the events of a stream."""
    lines = response.body.decode().split("\n")
    return [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]


def _document(case: Case, response: Response) -> object:
    kind = response.header("content-type") or ""
    if not response.body or not kind.startswith("application/json"):
        return response.body
    keep = {"id"} if any(name == "X-Request-ID" for name, _ in case.headers) else set()
    return _masked(json.loads(response.body), case.sampled, keep)


def _stream(case: Case, response: Response) -> dict:
    """What a stream says. How many events it takes to say it is the server's affair: tokens that
    wait together leave in one event, so texts are joined before they are compared."""
    *documents, done = events(response)
    documents = [json.loads(document) for document in documents]
    texts, reasons, shapes, usages = {}, {}, [], []
    for document in documents:
        for choice in document.get("choices", []):
            index = choice["index"]
            text = choice["delta"].get("content") if "delta" in choice else choice["text"]
            texts[index] = texts.get(index, "") + (text or "")
            if choice["finish_reason"]:
                reasons[index] = choice["finish_reason"]
        if document.get("type") == "content_block_delta":  # Of /v1/messages.
            index = document["index"]
            texts[index] = texts.get(index, "") + document["delta"]["text"]
        if document.get("usage") and not document.get("choices"):
            usages.append(document["usage"])
        shape = _shape(document)
        if shape not in shapes:
            shapes.append(shape)
    ids = {document.get("id") for document in documents}
    said = {"shapes": sorted(map(str, shapes)), "done": done, "ids": len(ids)}
    if not case.sampled:
        said |= {"texts": texts, "reasons": reasons, "usage": usages}
    return said


def _masked(document: object, sampled: bool, keep: set[str]) -> object:
    if isinstance(document, dict):
        hidden = (VOLATILE_KEYS - keep) | (SAMPLED_KEYS if sampled else set())
        return {
            key: _shape(content) if key in hidden else _masked(content, sampled, keep)
            for key, content in document.items()
        }
    if isinstance(document, list):
        return [_masked(content, sampled, keep) for content in document]
    return document


def _shape(document: object) -> object:
    if isinstance(document, dict):
        return {key: _shape(content) for key, content in document.items()}
    if isinstance(document, list):
        return [_shape(document[0])] if document else []
    return type(document).__name__


def _summary(response: Response) -> str:
    """One cell of the report."""
    if _is_stream(response):
        return f"{response.status}, {len(events(response))} events"
    return f"{response.status}, {len(response.body)} bytes"


def _short(content: object) -> str:
    text = str(content)
    return text if len(text) <= 300 else text[:300] + "..."

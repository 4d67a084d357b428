"""The comparison of conformance/run: it must find a difference where there is one."""

import sys

import pytest

from harness.environment import REPOSITORY
from harness.message import Response

sys.path.insert(0, str(REPOSITORY / "conformance"))

from cases import CHAT, PAGE_CHAT, Case, fixed, get, post  # noqa: E402
from compare import compare  # noqa: E402

ADDED = [
    ("X-Olla-Endpoint", "e"),
    ("X-Olla-Model", "tiny"),
    ("X-Olla-Backend-Type", "vllm"),
    ("X-Olla-Response-Time", "1ms"),
    ("X-Olla-Request-ID", "r"),
    ("X-Served-By", "olla/v1"),
    ("Via", "1.1 olla"),
]
JSON = ("content-type", "application/json")


def answer(body: bytes, headers=(JSON,), status: int = 200, added=()) -> Response:
    return Response(b"", "HTTP/1.1", status, [*headers, *added], body=body)


def events(*documents: bytes) -> bytes:
    return b"".join(b"data: " + document + b"\n\n" for document in (*documents, b"[DONE]"))


def delta(text: str, reason: str = "null") -> bytes:
    return (
        f'{{"id":"i","choices":[{{"index":0,"delta":{{"content":"{text}"}},'
        f'"finish_reason":{reason}}}]}}'
    ).encode()


def block(text: str) -> bytes:
    """An event of /v1/messages."""
    return f'{{"type":"content_block_delta","index":0,"delta":{{"text":"{text}"}}}}'.encode()


FIXED = post("fixed", CHAT, fixed())
SAMPLED = post("sampled", CHAT, PAGE_CHAT, sampled=True)
STREAM = [("content-type", "text/event-stream; charset=utf-8")]


@pytest.mark.parametrize(
    "case, direct, through",
    [
        (FIXED, answer(b'{"id":"a","x":"t"}'), answer(b'{"id":"b","x":"t"}', added=ADDED)),
        (SAMPLED, answer(b'{"content":"one"}'), answer(b'{"content":"other"}', added=ADDED)),
        (
            FIXED,
            answer(events(delta("a"), delta("b")), STREAM),
            answer(events(delta("ab")), STREAM, added=ADDED),
        ),
        (
            FIXED,
            answer(b'{"error":{"type":"NotFoundError","code":404}}', status=404),
            answer(
                b'{"error":{"type":"NotFoundError","code":"model_not_found"}}',
                status=404,
                added=[ADDED[4]],
            ),
        ),
    ],
    ids=["ids", "sampled text", "joined events", "the gateway's word for an unknown model"],
)
def test_sets_aside_what_may_differ(case: Case, direct, through):
    assert compare(case, direct, through, gateway=True).differences == []


@pytest.mark.parametrize(
    "case, direct, through",
    [
        (FIXED, answer(b"{}"), answer(b"{}", status=201, added=ADDED)),
        (FIXED, answer(b'{"x":"t"}'), answer(b'{"x":"u"}', added=ADDED)),
        (FIXED, answer(b"{}"), answer(b"{}", (JSON, ("x-new", "1")), added=ADDED)),
        (FIXED, answer(b"{}", (JSON, ("vary", "Origin"))), answer(b"{}", added=ADDED)),
        (FIXED, answer(b"{}"), answer(b"{}", added=ADDED[:-1])),
        (FIXED, answer(b"{}"), answer(b"{}", added=ADDED[:1] + ADDED[2:])),
        (SAMPLED, answer(b'{"content":"one"}'), answer(b'{"content":null}', added=ADDED)),
        (
            FIXED,
            answer(events(delta("a"), delta("b")), STREAM),
            answer(events(delta("a")), STREAM, added=ADDED),
        ),
        (
            FIXED,
            answer(events(delta("a", '"stop"')), STREAM),
            answer(events(delta("a", '"length"')), STREAM, added=ADDED),
        ),
        (
            FIXED,
            answer(events(block("a"), block("b")), STREAM),
            answer(events(block("a")), STREAM, added=ADDED),
        ),
        (
            post("refused", CHAT, b"[]"),
            answer(b'{"error":{"type":"Bad Request","code":400}}', status=400),
            answer(b'{"error":{"type":"Other","code":400}}', status=400, added=[ADDED[4]]),
        ),
        (
            FIXED,
            answer(b'{"error":{"type":"NotFoundError","code":404}}', status=404),
            answer(
                b'{"error":{"type":"NotFoundError","code":"other"}}',
                status=404,
                added=[ADDED[4]],
            ),
        ),
        (get("bytes", "/health"), answer(b"", ()), answer(b"x", (), added=ADDED)),
    ],
    ids=[
        "status",
        "text",
        "new header",
        "lost header",
        "no Via",
        "no model",
        "shape of a sampled text",
        "lost event",
        "finish reason",
        "lost event of a message",
        "type of a refusal",
        "another word for an unknown model",
        "body",
    ],
)
def test_finds_what_must_not_differ(case: Case, direct, through):
    assert compare(case, direct, through, gateway=True).differences

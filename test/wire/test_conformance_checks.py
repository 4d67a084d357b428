"""The checks of conformance/run, without a vLLM: each must see the fault that it is there for."""

import contextlib
import json
import sys

import pytest

from harness.backend import Backend
from harness.environment import REPOSITORY
from harness.message import response_bytes

sys.path.insert(0, str(REPOSITORY / "conformance"))

import cases  # noqa: E402
import check  # noqa: E402
import curl  # noqa: E402
import exposition  # noqa: E402
import page  # noqa: E402
import report  # noqa: E402
from check import Check, Unmet, Way  # noqa: E402
from compare import Result  # noqa: E402

NOWHERE = Way(port=1, prefix="", vllm_port=1, gateway=False)
GATEWAY = Way(port=1, prefix="", vllm_port=1, gateway=True)

GAUGE = """\
# HELP a Words.
# TYPE a gauge
a{x="1"} 1
a{x="2"} 2
"""
HISTOGRAM = """\
# TYPE h histogram
h_bucket{le="1"} 1
h_bucket{le="+Inf"} 2
h_sum 3
h_count 2
"""


def test_reads_a_valid_exposition():
    found = exposition.families(GAUGE + HISTOGRAM)
    assert sorted(found) == ["a", "h"]
    assert exposition.total(found, "a") == 3
    assert exposition.total(found, "a", x="2") == 2


@pytest.mark.parametrize(
    "text, fault",
    [
        (GAUGE + 'a{x="1"} 3\n', "series twice"),
        (GAUGE + HISTOGRAM + 'a{x="3"} 3\n', "two pieces"),
        (GAUGE + "# TYPE a gauge\n", "comments twice"),
        ("# TYPE c counter\nc 1\n", "_total"),
        (HISTOGRAM.replace("h_count 2", "h_count 3"), "last bucket"),
        (HISTOGRAM.replace('le="1"} 1', 'le="1"} 3'), "falls"),
    ],
)
def test_finds_a_faulty_exposition(text: str, fault: str):
    with pytest.raises(Unmet, match=fault):
        exposition.families(text)


def test_misses_a_family_and_a_series():
    found = exposition.families(GAUGE)
    with pytest.raises(Unmet, match="no b"):
        exposition.total(found, "b")
    with pytest.raises(Unmet, match="no a with"):
        exposition.total(found, "a", x="3")


def fails_at(*gateways: bool):
    def see(way: Way) -> str:
        check.expect(way.gateway not in gateways, "a fault")
        return "seen"

    return see


@pytest.mark.parametrize(
    "each, differences",
    [
        (Check("both", fails_at()), []),
        (Check("only through the gateway", fails_at(False), alone=False), []),
        (Check("not asked directly", fails_at(False), alone=None), []),
        (Check("fails through the gateway", fails_at(True)), ["no: a fault"]),
        (Check("works alone too", fails_at(), alone=False), ["vLLM itself: seen"]),
        (Check("fails alone", fails_at(False)), ["vLLM itself: no: a fault"]),
    ],
    ids=lambda value: value.name if isinstance(value, Check) else "",
)
def test_expects_what_is_known_of_both_ways(each: Check, differences: list[str]):
    assert check.run(each, NOWHERE, GATEWAY).differences == differences


def test_takes_an_unexpected_answer_for_a_fault():
    def see(way: Way) -> str:
        return {}["choices"]

    assert check.run(Check("", see, alone=None), NOWHERE, GATEWAY).differences


def way_to(backend: Backend, gateway: bool) -> Way:
    return Way(backend.port, "", backend.port, gateway)


def answering(status: int, document: object, headers=()):
    """A backend's handler that always gives this answer."""
    fields = [("content-type", "application/json"), *headers]
    answer = response_bytes(status, fields, json.dumps(document).encode())
    return lambda exchange: exchange.send(answer)


def error(message: str, param: str | None = None, code: int = 400) -> dict:
    return {"error": {"message": message, "type": "t", "param": param, "code": code}}


@pytest.mark.parametrize(
    "status, document, met",
    [
        (400, error("top_k must be 0"), True),
        (400, error("Input should be a number", "body.top_k"), True),
        (400, error("wrong"), False),
        (400, error("top_k must be 0", code=500), False),
        (400, {"error": "top_k"}, False),
        (200, {"choices": []}, False),
    ],
)
def test_wants_a_refusal_to_name_the_parameter(status: int, document: object, met: bool):
    each = Check("", check.refusal("top_k", cases.CHAT, {"top_k": -5}), alone=None)
    with contextlib.closing(Backend(answering(status, document))) as backend:
        result = check.run(each, NOWHERE, way_to(backend, gateway=True))
    assert (result.differences == []) is met


@pytest.mark.parametrize("said, met", [("a->b", True), ("", False), ("a->b, c dropped", False)])
def test_wants_the_gateway_to_say_what_it_translated(said: str, met: bool):
    each = Check("", lambda way: str(check.generate(way, cases.CHAT, {}, "a->b")), alone=None)
    headers = [("X-Olla-Translated", said)] if said else []
    with contextlib.closing(Backend(answering(200, {}, headers))) as backend:
        result = check.run(each, NOWHERE, way_to(backend, gateway=True))
    assert (result.differences == []) is met


@pytest.mark.parametrize(
    "document",
    [{}, {"n": "1"}, {"n": True}, {"n": 1.5}],
    ids=["missing", "text", "boolean for a number", "float"],
)
def test_finds_a_member_of_the_wrong_type(document: dict):
    page.typed({"n": 1}, {"n": int})
    with pytest.raises(Unmet):
        page.typed(document, {"n": int})


@pytest.mark.parametrize("gateway", [True, False])
def test_curl_runs_the_lines_of_the_page(gateway: bool):
    """To another port, and with the page's document; without a gateway at vLLM's own path."""
    with contextlib.closing(Backend(answering(200, {"a": 1}))) as backend:
        response = curl.run(way_to(backend, gateway), curl.command("chat"))
        request = backend.requests[0]
    assert (response.status, response.json()) == (200, {"a": 1})
    assert request.target == ("/olla/vllm" if gateway else "") + cases.CHAT
    assert request.header("host") == "localhost:40114"
    assert json.loads(request.body) == cases.PAGE_CHAT


@pytest.mark.parametrize(
    "name, document",
    [
        ("chat", cases.PAGE_CHAT),
        ("completion", cases.PAGE_COMPLETION),
        ("embeddings", cases.PAGE_EMBEDDING),
    ],
)
def test_the_documents_are_those_of_the_page(name: str, document: dict):
    line = curl.command(name)
    assert json.loads(line.split("-d '")[1].rstrip("'\n")) == document


def test_the_report_counts_every_part():
    parts = [
        report.Part("One", "Words.\n", [Result("a", "x", "y|z", []), Result("b", "x", "y", ["d"])]),
        report.Part("Two", "Words.\n", [Result("c", "x", "y", [])]),
        report.Part("Left out", "Words.\n", []),
    ]
    text = report.document("run", {"olla": "1"}, parts)
    assert "**2 of 3 as they should be.**" in text
    assert "| One | 1 of 2 |" in text and "| Two | 1 of 1 |" in text
    assert "Left out" not in text
    assert "| a | x | y\\|z | yes |" in text
    assert text.index("## Faults") < text.index("## One")

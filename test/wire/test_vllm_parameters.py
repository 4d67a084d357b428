"""The page's parameters have their effect on servers of every version, whoever wrote them."""

import json
import re

import jsonschema
import pytest

from harness.errors import assert_error
from harness.fleet import CHAT, MESSAGES, answered_by, events_of, text_of

COMPLETIONS = "/v1/completions"
QUICK = ("--ttft", "0", "--itl", "0")
SCHEMA = {
    "type": "object",
    "properties": {
        "benefits": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "summary": {"type": "string"},
        "score": {"type": "integer", "minimum": 3, "maximum": 7},
    },
    "required": ["benefits", "summary", "score"],
    "additionalProperties": False,
}
REGEX = r"[A-Z]{3}-\d{4}\.(png|jpe?g)"
GRAMMAR = 'root ::= "SELECT " column " FROM t"\ncolumn ::= "a" | "b"'
CHOICES = ["Zanzibar", "Kyzylkum", "\u00c5land"]


def is_choice(text):
    assert text in CHOICES


def matches(text):
    assert re.fullmatch(REGEX, text), text


def validates(text):
    jsonschema.validate(json.loads(text), SCHEMA)


def is_select(text):
    assert text in ("SELECT a FROM t", "SELECT b FROM t")


CONSTRAINTS = {
    "json": (SCHEMA, validates),
    "regex": (REGEX, matches),
    "choice": (CHOICES, is_choice),
    "grammar": (GRAMMAR, is_select),
}


@pytest.fixture(scope="module")
def fleet(shared):
    """Three versions, each with a model of its own and one that all of them serve."""
    versions = {"ancient": "0.10.2", "old": "0.11.0", "new": "0.32.0"}
    sims = {
        name: shared.sim(*QUICK, "--vllm-version", version, "--model", "all", model=name)
        for name, version in versions.items()
    }
    made = shared.fleet(*(sim.endpoint(name=name) for name, sim in sims.items()))
    made.sims = sims
    return made


def ask(fleet, path, model, stream, **more):
    prompt = {"messages": MESSAGES} if path == CHAT else {"prompt": "Say it"}
    request = {"model": model, "max_tokens": 400, "stream": stream, **prompt, **more}
    response = fleet.post(path, request)
    assert response.status == 200, response.body
    kind = "text/event-stream" if stream else "application/json"
    assert response.header("content-type").startswith(kind)
    return response


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("path", [CHAT, COMPLETIONS], ids=["chat", "completion"])
@pytest.mark.parametrize("kind", CONSTRAINTS)
def test_a_constraint_works_by_either_name_on_every_version(fleet, kind, path, stream):
    value, check = CONSTRAINTS[kind]
    guided, structured = f"guided_{kind}", f"structured_outputs.{kind}"
    both = {guided: value, "structured_outputs": {kind: value}}
    notes = {
        ("ancient", guided): None,
        ("ancient", structured): f"{structured}->{guided}",
        ("old", guided): None,
        ("old", structured): None,
        ("new", guided): f"{guided}->{structured}",
        ("new", structured): None,
    }
    for (model, name), note in notes.items():
        more = {guided: value} if name == guided else {"structured_outputs": {kind: value}}
        response = ask(fleet, path, model, stream, **more)
        check(text_of(response))
        assert response.header("x-olla-translated") == note, (model, name)
    # Clients for servers of either kind write it twice.
    for model, dropped in (("ancient", "structured_outputs"), ("new", guided)):
        response = ask(fleet, path, model, stream, **both)
        check(text_of(response))
        assert response.header("x-olla-translated") == f"{dropped} dropped"


def test_whoever_answers_the_constraint_holds(fleet):
    seen = set()
    for _ in range(6):
        response = ask(fleet, CHAT, "all", False, guided_json=SCHEMA)
        validates(text_of(response))
        seen.add(answered_by(response))
        seen.add(answered_by(ask(fleet, CHAT, "all", True, structured_outputs={"choice": CHOICES})))
    assert seen == set(fleet.sims)


def test_without_the_translation_the_constraint_would_be_lost(world, fleet):
    """What the rest of this file is worth: the simulated servers are as the real ones."""
    request = {"model": "new", "messages": MESSAGES, "guided_choice": CHOICES}
    direct = world.connect(fleet.sims["new"]).post(CHAT, request)
    assert direct.status == 200 and text_of(direct) not in CHOICES
    plain = world.fleet(
        fleet.sims["new"].endpoint(), config={"vllm": {"translate_parameters": False}}
    )
    response = plain.post(CHAT, request)
    assert response.header("x-olla-translated") is None
    assert text_of(response) == text_of(direct)


@pytest.mark.parametrize(
    "backend", ["outlines", "lm-format-enforcer", "xgrammar", "guidance", "auto"]
)
def test_a_backend_that_no_server_takes_is_dropped(fleet, backend):
    more = {"guided_decoding_backend": backend, "guided_json": json.dumps(SCHEMA)}
    for model in fleet.sims:
        response = ask(fleet, CHAT, model, False, **more)
        validates(text_of(response))
        note = "guided_decoding_backend dropped"
        if model == "new":
            note = "guided_json->structured_outputs.json, " + note
        assert response.header("x-olla-translated") == note


def test_the_chat_of_the_page_does_what_it_says(fleet):
    request = {
        "model": "new",
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
    response = fleet.post(CHAT, request)
    jsonschema.validate(json.loads(text_of(response)), request["guided_json"])
    # In the order in which the parts of the translation are made, whatever the body's order.
    assert (
        response.header("x-olla-translated")
        == "guided_json->structured_outputs.json, guided_decoding_backend dropped"
    )
    assert response.header("x-olla-backend-type") == "vllm"


def test_the_sdk_gets_its_constraints_too(fleet):
    with fleet.openai() as client:
        for model in fleet.sims:
            request = {"model": model, "messages": MESSAGES}
            for more in ({"guided_choice": CHOICES}, {"structured_outputs": {"choice": CHOICES}}):
                answer = client.chat.completions.create(**request, extra_body=more)
                is_choice(answer.choices[0].message.content)
            raw = client.chat.completions.with_raw_response.create(
                **request, extra_body={"guided_json": SCHEMA}
            )
            validates(raw.parse().choices[0].message.content)
            events = client.chat.completions.create(
                **request, stream=True, extra_body={"guided_regex": REGEX}
            )
            matches("".join(c.delta.content or "" for event in events for c in event.choices))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("model", ["ancient", "old", "new"])
def test_a_number_of_logprobs_works_in_chat(fleet, model, stream):
    response = ask(fleet, CHAT, model, stream, logprobs=3, max_tokens=4)
    assert response.header("x-olla-translated") == "logprobs->top_logprobs"
    assert {len(token["top_logprobs"]) for token in tokens_of(response)} == {3}
    one = ask(fleet, CHAT, model, stream, logprobs=5, top_logprobs=2, max_tokens=4)
    assert one.header("x-olla-translated") == "logprobs->true"
    assert {len(token["top_logprobs"]) for token in tokens_of(one)} == {2}
    for untouched in ({"logprobs": True, "top_logprobs": 1}, {"logprobs": 0}, {"logprobs": None}):
        plain = ask(fleet, CHAT, model, stream, max_tokens=4, **untouched)
        assert plain.header("x-olla-translated") is None


def tokens_of(response):
    """The log probabilities of all tokens of a chat."""
    if response.header("content-type").startswith("application/json"):
        return response.json()["choices"][0]["logprobs"]["content"]
    choices = [choice for event in events_of(response.body) for choice in event["choices"]]
    return [token for c in choices if c.get("logprobs") for token in c["logprobs"]["content"]]


def test_a_number_of_logprobs_is_what_completions_take_already(fleet):
    response = ask(fleet, COMPLETIONS, "new", False, logprobs=2, max_tokens=4)
    assert response.header("x-olla-translated") is None
    logprobs = response.json()["choices"][0]["logprobs"]
    assert {len(top) for top in logprobs["top_logprobs"]} == {2}


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"guided_json": SCHEMA, "guided_regex": REGEX}, "guided_json"),
        ({"guided_choice": CHOICES, "structured_outputs": {"regex": REGEX}}, "structured_outputs"),
        ({"guided_choice": CHOICES, "structured_outputs": {"json_object": True}}, "guided_choice"),
        ({"guided_json": SCHEMA, "response_format": {"type": "json_object"}}, "guided_json"),
        ({"guided_choice": "Zanzibar"}, "body.guided_choice"),
        ({"guided_choice": ["a", 2]}, "body.guided_choice.1"),
        ({"guided_regex": 5}, "body.guided_regex"),
        ({"guided_json": [1]}, "body.guided_json"),
        ({"guided_grammar": {}}, "body.guided_grammar"),
        ({"guided_json": SCHEMA, "guided_whitespace_pattern": 1}, "body.guided_whitespace_pattern"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(fleet, more, param):
    for stream in (False, True):
        request = {"model": "new", "messages": MESSAGES, "stream": stream, **more}
        error = assert_error(fleet.post(CHAT, request), 400)
        assert error["code"] == 400 and error["type"] in ("BadRequestError", "Bad Request")
        assert error["param"] == param, error
        assert param.split(".")[1 if param.startswith("body.") else 0] in error["message"]


def test_two_kinds_are_refused_as_vllm_words_it(world, fleet):
    two = {"structured_outputs": {"regex": REGEX, "choice": CHOICES}}
    guided = {"guided_regex": REGEX, "guided_choice": CHOICES}
    own = world.connect(fleet.sims["new"]).post(CHAT, {"messages": MESSAGES, **two})
    answers = [own] + [
        fleet.post(CHAT, {"model": model, "messages": MESSAGES, **more})
        for model, more in (("new", two), ("new", guided), ("ancient", two))
    ]
    for answer in answers:
        assert "You can only use one kind of " in assert_error(answer, 400)["message"]


def test_a_text_format_is_no_second_constraint(fleet):
    more = {"guided_choice": CHOICES, "response_format": {"type": "text"}}
    is_choice(text_of(ask(fleet, CHAT, "new", False, **more)))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_faulty_schema_is_for_the_server_to_refuse(fleet, stream):
    """And the client reads of the parameter that it wrote."""
    refusals = {}
    for more in ({"guided_regex": "("}, {"structured_outputs": {"regex": "("}}):
        response = fleet.chat("new", stream=stream, **more)
        assert response.header("x-olla-endpoint") == "new"
        (name,) = more
        refusals[name] = assert_error(response, 400)["message"]
    assert refusals["structured_outputs"].startswith("Grammar error:")
    assert refusals["guided_regex"].startswith(refusals["structured_outputs"])
    assert "guided_regex->structured_outputs.regex" in refusals["guided_regex"]

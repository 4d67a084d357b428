"""The page's table of guided generation: each constraint holds, and the answer says how."""

import json
import re

import jsonschema

from cases import CHAT, COMPLETIONS, PAGE_CHAT, fixed, fixed_completion, scripted
from check import Check, Unmet, Way, expect, generate, refusal, texts

SCHEMA = PAGE_CHAT["guided_json"]
COLOURS = {"enum": ["red", "green", 7]}
PATTERN = r"[0-9]{3}-[a-f]{2}"
CHOICES = ["yes", "no", "perhaps"]
# Sums in parentheses, of numbers below a hundred.
GRAMMAR = """\
root ::= term "+" term
term ::= number | "(" number "+" number ")"
number ::= [1-9] [0-9]?
"""
NUMBER = "[1-9][0-9]?"
TERM = rf"({NUMBER}|\({NUMBER}\+{NUMBER}\))"
LANGUAGE = rf"{TERM}\+{TERM}"

NOTES = {
    kind: f"guided_{kind}->structured_outputs.{kind}"
    for kind in ("json", "regex", "choice", "grammar")
}
BACKENDS = ("outlines", "lm-format-enforcer", "xgrammar", "guidance", "auto")


def _validates(schema: dict):
    def look(text: str) -> None:
        try:
            jsonschema.validate(json.loads(text), schema)
        except (ValueError, jsonschema.ValidationError) as error:
            raise Unmet(f"{text!r:.80}: {str(error).splitlines()[0]}") from None

    return look


def _matches(pattern: str):
    return lambda text: expect(re.fullmatch(pattern, text), f"{text!r:.80}")


def _is_choice(text: str) -> None:
    expect(text in CHOICES, f"{text!r:.80}")


def _free(path: str, **more) -> dict:
    """Random text, another one each time."""
    members = {"temperature": 1, "seed": None, "max_tokens": 24, **more}
    return fixed(**members) if path == CHAT else fixed_completion(**members)


def _json_script(path: str, **more) -> dict:
    """The model wants to say a sentence first; under the schema it says its JSON."""
    if path == CHAT:
        return scripted("[[json]]", **more)
    return fixed_completion(prompt="<|s_json|>", **more)


def _streamed(way: Way, path: str, request: dict, note: str) -> str:
    response = way.post(path, {**request, "stream": True})
    expect(response.status == 200, f"{response.status}, {response.body!r:.120}")
    if way.gateway:
        said = response.header("x-olla-translated") or ""
        expect(said == note, f"X-Olla-Translated: {said!r}, not {note!r}")
    *events, done = [event for event in response.body.decode().split("\n\n") if event]
    expect(done == "data: [DONE]", f"ends with {done!r}")
    text = ""
    for event in events:
        for choice in json.loads(event.removeprefix("data: "))["choices"]:
            text += (choice["delta"].get("content") if "delta" in choice else choice["text"]) or ""
    return text


def _holds(path: str, request: dict, look, note: str, stream: bool = False):
    """Five answers, each of which `look` accepts."""

    def see(way: Way) -> str:
        said = []
        for _ in range(5):
            if stream:
                said.append(_streamed(way, path, request, note))
            else:
                said += texts(generate(way, path, request, note))
            look(said[-1])
        return ", ".join(f"{text!r:.66}" for text in dict.fromkeys(said))

    return see


def _constraint(kind: str, content: object, look, free=_free) -> list[Check]:
    """In each call, streamed and not."""
    checks = []
    for call, path in (("chat", CHAT), ("completion", COMPLETIONS)):
        request = free(path, **{f"guided_{kind}": content})
        for stream in (False, True):
            name = f"`guided_{kind}`, {call}{', streamed' if stream else ''}"
            see = _holds(path, request, look, NOTES[kind], stream)
            checks.append(Check(name, see, alone=False))
    return checks


def _also(name: str, request: dict, look, note: str, alone: bool = False) -> Check:
    return Check(f"{name}, chat", _holds(CHAT, request, look, note), alone)


def _backends() -> list[Check]:
    checks = []
    for backend in BACKENDS:
        request = _free(CHAT, guided_choice=CHOICES, guided_decoding_backend=backend)
        note = f"{NOTES['choice']}, guided_decoding_backend dropped"
        name = f"`guided_decoding_backend` {backend}, with a choice"
        checks.append(_also(name, request, _is_choice, note))
    alone = _free(CHAT, guided_decoding_backend="outlines")
    name = "`guided_decoding_backend` outlines, without a constraint"
    look = _matches(r"(?s).*")
    return [*checks, _also(name, alone, look, "guided_decoding_backend dropped", alone=True)]


EFFECTS = [
    *_constraint("json", SCHEMA, _validates(SCHEMA), _json_script),
    _also(
        "`guided_json` as a text",
        _json_script(CHAT, guided_json=json.dumps(SCHEMA)),
        _validates(SCHEMA),
        NOTES["json"],
    ),
    _also(
        "`guided_json`, random text",
        _free(CHAT, guided_json=COLOURS),
        _validates(COLOURS),
        NOTES["json"],
    ),
    *_constraint("regex", PATTERN, _matches(PATTERN)),
    *_constraint("choice", CHOICES, _is_choice),
    *_constraint("grammar", GRAMMAR, _matches(LANGUAGE)),
    _also(
        "`guided_whitespace_pattern`",
        _json_script(CHAT, guided_json=SCHEMA, guided_whitespace_pattern="[ ]?"),
        _validates(SCHEMA),
        f"{NOTES['json']}, guided_whitespace_pattern->structured_outputs.whitespace_pattern",
    ),
    *_backends(),
    _also(
        "both names of one constraint",
        _free(CHAT, guided_choice=CHOICES, structured_outputs={"choice": CHOICES}),
        _is_choice,
        "guided_choice dropped",
        alone=True,
    ),
    _also(
        "`structured_outputs`, as vLLM has it",
        _free(CHAT, structured_outputs={"regex": PATTERN}),
        _matches(PATTERN),
        "",
        alone=True,
    ),
]


def _bad(name: str, parameter: str, alone: bool | None = False, **members) -> list[Check]:
    return [
        Check(f"bad: {name}, {call}", refusal(parameter, path, _free(path, **members)), alone)
        for call, path in (("chat", CHAT), ("completion", COMPLETIONS))
    ]


BAD = [
    *_bad("`guided_json` 5", "guided_json", guided_json=5),
    *_bad("`guided_regex` 3", "guided_regex", guided_regex=3),
    *_bad('`guided_choice` "yes"', "guided_choice", guided_choice="yes"),
    *_bad("`guided_choice` [1]", "guided_choice", guided_choice=[1]),
    *_bad("`guided_grammar` {}", "guided_grammar", guided_grammar={}),
    *_bad("two constraints", "guided_regex", guided_regex="a", guided_choice=["b"]),
    *_bad(
        "a constraint under each name",
        "structured_outputs",
        guided_regex="a",
        structured_outputs={"choice": ["b"]},
    ),
    *_bad(
        "a constraint with a `response_format`",
        "guided_regex",
        guided_regex="a",
        response_format={"type": "json_object"},
    ),
    # What is faulty in itself is refused in the server's own words.
    *_bad("`guided_json` of no known type", "", guided_json={"type": "nothing"}),
    *_bad("`guided_json` as broken text", "JSON", guided_json="{"),
    *_bad("`guided_regex` that is none", "regex", guided_regex="[0-9"),
    *_bad("`guided_choice` of nothing", "Choice", guided_choice=[]),
    *_bad("`guided_grammar` without a rule", "grammar", guided_grammar="root ::= rule"),
]

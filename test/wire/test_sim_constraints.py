"""Texts of the simulated server against the constraints that they were asked to fit."""

import json
import os
import random

import jsonschema
import lark
import pytest
import re2

SEED = int(os.environ.get("OLLA_TEST_SEED", "1"))
CASES, BATCH = 1000, 100
REPEATS = ["?", "*", "+", "{2}", "{1,3}", "{2,}", "+?"]
WORDS = ["name", "city", "count", "tags", "kind", "when"]


def scalar(chance: random.Random) -> dict:
    low = chance.randrange(-50, 50)
    length = chance.randrange(6)
    return chance.choice(
        [
            {"type": "integer"},
            {"type": "integer", "minimum": low, "maximum": low + chance.randrange(5)},
            {"type": "integer", "exclusiveMinimum": low, "exclusiveMaximum": low + 2},
            {"type": "integer", "multipleOf": chance.randrange(1, 9), "minimum": low},
            {"type": "number", "minimum": low, "maximum": low + 1},
            {"type": "number", "exclusiveMinimum": low},
            {"type": "string"},
            {"type": "string", "minLength": length, "maxLength": length + chance.randrange(5)},
            {"type": "string", "pattern": chance.choice([r"^[a-z]{2,4}\d$", r"^(ab|cd)+$"])},
            {"type": "string", "pattern": "^[a-c]*$", "minLength": 2, "maxLength": 3},
            {"type": "string", "format": chance.choice(["date", "email", "uuid", "date-time"])},
            {"type": ["string", "null"]},
            {"type": "boolean"},
            {"type": "null"},
            {"enum": chance.sample(["red", "green", 7, None, True, 2.5], 3)},
            {"const": chance.choice(["fixed", 5, None, False, [1, "x"], {"a": {}}])},
        ]
    )


def array(chance: random.Random, depth: int) -> dict:
    low = chance.randrange(3)
    items = schema(chance, depth - 1)
    kind = chance.randrange(4)
    if kind == 0:
        first = [schema(chance, depth - 1) for _ in range(2)]
        return {"type": "array", "prefixItems": first, "items": chance.choice([False, items])}
    if kind == 1:
        return {"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "minItems": low}
    return {"type": "array", "items": items, "minItems": low, "maxItems": low + 2}


def combined(chance: random.Random, depth: int) -> dict:
    """Alternatives, alone and beside what holds for all of them."""
    kind = chance.randrange(4)
    if kind == 0:
        parts = [
            {"properties": {name: schema(chance, depth - 1)}} for name in chance.sample(WORDS, 2)
        ]
        return {"type": "object", "allOf": parts}
    if kind == 1:
        common = {"type": "object", "properties": {"kind": {"type": "string"}}}
        return {**common, "anyOf": [{"required": [name]} for name in chance.sample(WORDS, 2)]}
    if kind == 2:
        return {"oneOf": [{"type": "string"}, {"type": "array"}, {"type": "null"}]}
    return {"anyOf": [schema(chance, depth - 1) for _ in range(3)]}


def schema(chance: random.Random, depth: int) -> dict:
    if depth == 0:
        return scalar(chance)
    kind = chance.randrange(6)
    if kind == 0:
        return array(chance, depth)
    if kind == 1:
        return combined(chance, depth)
    if kind == 2:
        return {"$ref": chance.choice(["#/$defs/part", "#/$defs/tree", "#/$defs/a~1b/items"])}
    if kind == 3:
        return scalar(chance)
    names = chance.sample(WORDS, chance.randrange(1, 5))
    return {
        "type": "object",
        "properties": {name: schema(chance, depth - 1) for name in names},
        "required": chance.sample(names, chance.randrange(len(names) + 1)),
        "additionalProperties": chance.choice([True, False, {"type": "integer"}]),
        "minProperties": chance.randrange(len(names)),
    }


def definitions(chance: random.Random) -> dict:
    """What references lead to: a part, a tree that holds itself, a place with odd signs."""
    leaf = {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]}
    tree = {
        "type": "object",
        "properties": {"value": scalar(chance), "left": leaf, "right": leaf},
        "required": ["left"],
        "additionalProperties": False,
    }
    return {"part": scalar(chance), "tree": tree, "a/b": {"items": scalar(chance)}}


def atom(chance: random.Random) -> str:
    return chance.choice(
        [
            "a", "xyz", r"\d", r"\w", "[a-f]", "[^0-9]", r"\.", "é", "[-+]", r"[\w.]", ".",
            r"\x41", r"\x{e9}", r"\pL", r"\p{Nd}", r"\P{L}", r"\p{Greek}", "[[:alpha:]]",
            "[[:^space:]]", r"\Qa.b*\E", "[а-я]", r"[\x30-\x39]", r"\s", r"\S", r"\D", r"\W",
            "(?i:Ab)", "(?P<name>c)", r"\t", r"[^\w]", "[]x]", "中",
        ]
    )


def pattern(chance: random.Random, depth: int) -> str:
    """In RE2's syntax."""
    if depth == 0:
        return atom(chance)
    inner = pattern(chance, depth - 1)
    kind = chance.randrange(4)
    if kind == 0:
        return "".join(pattern(chance, depth - 1) for _ in range(3))
    if kind == 1:
        return f"(?:{inner}|{pattern(chance, depth - 1)})"
    if kind == 2:
        return f"({inner})" + chance.choice(REPEATS)
    return inner


ANCHORS = [r"^{}", "{}$", r"\A{}\z", r"(?m){}\n^x", r"\b{}", r"{}\b", r"{}\B", r"{}|^a$", r"x\b{}"]


def anchored(chance: random.Random) -> str:
    """One in three is held to a place or to the end of a word; that may leave no text."""
    inner = pattern(chance, 4)
    return inner if chance.randrange(3) else chance.choice(ANCHORS).format(f"(?:{inner})")


REQUEST = {"messages": [{"role": "user", "content": "Go"}], "max_tokens": 8000}


def constrained(client, number: int, constraint: dict, told: str) -> str:
    """The text that fits the constraint."""
    request = {**REQUEST, "seed": number, "structured_outputs": constraint}
    response = client.post("/v1/chat/completions", request)
    assert response.status == 200, f"{told}\n{response.body}"
    (choice,) = response.json()["choices"]
    assert choice["finish_reason"] == "stop", told
    return choice["message"]["content"]


@pytest.fixture(scope="module")
def sim(shared):
    return shared.sim("--ttft", "0", "--itl", "0", "--max-model-len", "20000")


@pytest.mark.parametrize("batch", range(CASES // BATCH))
def test_fits_random_schemas(world, sim, batch):
    client = world.connect(sim)
    for number in range(batch * BATCH, (batch + 1) * BATCH):
        chance = random.Random(SEED * 1_000_003 + number)
        wanted = {**schema(chance, 3), "$defs": definitions(chance)}
        told = f"OLLA_TEST_SEED={SEED}, schema {number}: {json.dumps(wanted)}"
        content = constrained(client, number, {"json": wanted}, told)
        try:
            jsonschema.validate(json.loads(content), wanted, jsonschema.Draft202012Validator)
        except (ValueError, jsonschema.ValidationError) as failure:
            raise AssertionError(f"{told}\n{content}\n{failure}") from None


@pytest.mark.parametrize("batch", range(CASES // BATCH))
def test_fits_random_patterns(world, sim, batch):
    client = world.connect(sim)
    refused = 0
    for number in range(batch * BATCH, (batch + 1) * BATCH):
        wanted = anchored(random.Random(SEED * 1_000_003 + number))
        told = f"OLLA_TEST_SEED={SEED}, pattern {number}: {wanted}"
        judge = re2.compile(wanted)
        request = {**REQUEST, "seed": number, "structured_outputs": {"regex": wanted}}
        response = client.post("/v1/chat/completions", request)
        if response.status == 400:
            # Anchors may leave no text at all; nothing else is a reason.
            assert "no text that matches" in response.json()["error"]["message"], told
            assert r"\b" in wanted or r"\B" in wanted, told
            refused += 1
            continue
        assert response.status == 200, f"{told}\n{response.body}"
        (choice,) = response.json()["choices"]
        content = choice["message"]["content"]
        assert choice["finish_reason"] == "stop", told
        assert judge.fullmatch(content), f"{told}\n{content!r}"
    assert refused < BATCH // 10


ARITHMETIC = r"""
?start: sum
?sum: product | sum "+" product -> add
?product: atom | product "*" atom
?atom: NUMBER | "-" atom | "(" sum ")" | NAME ["(" sum ("," sum) ~ 0..2 ")"]
NAME: "a".."f"+  // a name
%import common.INT -> NUMBER
"""
GRAMMARS = [
    ARITHMETIC,
    'start: "yes" | "no"',
    'start: item ("," item)*\nitem: KEY "=" (WORD | /[0-9]{2}/)\nKEY: /k[0-9]/\n'
    "%import common.WORD",
    'start: value\n?value: "[" [value ("," value)*] "]" | "{" [pair ("," pair)*] "}" | "null"'
    ' | ESCAPED_STRING\npair: ESCAPED_STRING ":" value\n%import common.ESCAPED_STRING',
]


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_derives_texts_that_larks_parser_takes(world, sim, grammar):
    client = world.connect(sim)
    parser = lark.Lark(grammar, parser="earley")
    texts = set()
    for number in range(100):
        told = f"{grammar}\n{number}"
        texts.add(constrained(client, number, {"grammar": grammar}, told))
    for text in texts:
        parser.parse(text)
    assert len(texts) >= (50 if grammar is ARITHMETIC else 2)

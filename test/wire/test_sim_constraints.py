"""Texts of the simulated server against the constraints that they were asked to fit."""

import json
import os
import random
import re

import jsonschema
import pytest

SEED = int(os.environ.get("OLLA_TEST_SEED", "1"))
CASES, BATCH = 1000, 100
REPEATS = ["?", "*", "+", "{2}", "{1,3}", "+?"]
WORDS = ["name", "city", "count", "tags", "kind", "when"]


def scalar(chance: random.Random) -> dict:
    low = chance.randrange(-50, 50)
    length = chance.randrange(6)
    return chance.choice(
        [
            {"type": "integer"},
            {"type": "integer", "minimum": low, "maximum": low + chance.randrange(5)},
            {"type": "number", "minimum": low, "maximum": low + 1},
            {"type": "string"},
            {"type": "string", "minLength": length, "maxLength": length + chance.randrange(5)},
            {"type": "string", "pattern": chance.choice([r"^[a-z]{2,4}\d$", r"^(ab|cd)+$"])},
            {"type": "boolean"},
            {"type": "null"},
            {"enum": chance.sample(["red", "green", 7, None, True, 2.5], 3)},
            {"const": chance.choice(["fixed", 5, None, False, [1, "x"]])},
        ]
    )


def schema(chance: random.Random, depth: int) -> dict:
    if depth == 0:
        return scalar(chance)
    kind = chance.randrange(6)
    if kind == 0:
        low = chance.randrange(3)
        items = schema(chance, depth - 1)
        return {"type": "array", "items": items, "minItems": low, "maxItems": low + 2}
    if kind == 1:
        return {"anyOf": [schema(chance, depth - 1) for _ in range(2)]}
    if kind == 2:
        return {"$ref": "#/$defs/part"}
    if kind == 3:
        return scalar(chance)
    names = chance.sample(WORDS, chance.randrange(1, 5))
    return {
        "type": "object",
        "properties": {name: schema(chance, depth - 1) for name in names},
        "required": chance.sample(names, chance.randrange(len(names) + 1)),
        "additionalProperties": chance.choice([True, False]),
    }


def pattern(chance: random.Random, depth: int) -> str:
    """In what RE2's syntax and Python's have in common."""
    if depth == 0:
        atoms = ["a", "xyz", r"\d", r"\w", "[a-f]", "[^0-9]", r"\.", "é", "[-+]", r"[\w.]", "."]
        return chance.choice(atoms)
    inner = pattern(chance, depth - 1)
    kind = chance.randrange(4)
    if kind == 0:
        return "".join(pattern(chance, depth - 1) for _ in range(3))
    if kind == 1:
        return f"(?:{inner}|{pattern(chance, depth - 1)})"
    if kind == 2:
        # Python would try repetitions of repetitions in all their ways.
        plain = not any(mark in inner for mark in "?*+{")
        return f"({inner})" + chance.choice(REPEATS if plain else ["{2}"])
    return inner


def constrained(client, number: int, constraint: dict, told: str) -> str:
    """The text that fits the constraint."""
    request = {
        "messages": [{"role": "user", "content": "Go"}],
        "seed": number,
        "max_tokens": 4000,
        "structured_outputs": constraint,
    }
    response = client.post("/v1/chat/completions", request)
    assert response.status == 200, f"{told}\n{response.body}"
    (choice,) = response.json()["choices"]
    assert choice["finish_reason"] == "stop", told
    return choice["message"]["content"]


@pytest.fixture(scope="module")
def sim(shared):
    return shared.sim("--ttft", "0", "--itl", "0")


@pytest.mark.parametrize("batch", range(CASES // BATCH))
def test_fits_random_schemas(world, sim, batch):
    client = world.connect(sim)
    for number in range(batch * BATCH, (batch + 1) * BATCH):
        chance = random.Random(SEED * 1_000_003 + number)
        wanted = {**schema(chance, 3), "$defs": {"part": schema(random.Random(number), 0)}}
        told = f"OLLA_TEST_SEED={SEED}, schema {number}: {json.dumps(wanted)}"
        content = constrained(client, number, {"json": wanted}, told)
        try:
            jsonschema.validate(json.loads(content), wanted)
        except (ValueError, jsonschema.ValidationError) as failure:
            raise AssertionError(f"{told}\n{content}\n{failure}") from None


@pytest.mark.parametrize("batch", range(CASES // BATCH))
def test_fits_random_patterns(world, sim, batch):
    client = world.connect(sim)
    for number in range(batch * BATCH, (batch + 1) * BATCH):
        wanted = pattern(random.Random(SEED * 1_000_003 + number), 4)
        told = f"OLLA_TEST_SEED={SEED}, pattern {number}: {wanted}"
        content = constrained(client, number, {"regex": wanted}, told)
        assert re.fullmatch(wanted, content), f"{told}\n{content!r}"

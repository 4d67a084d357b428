"""The page's table of sampling parameters: each with its effect."""

from cases import CHAT, COMPLETIONS, fixed, fixed_completion, scripted
from check import Check, Way, expect, generate, refusal, spent, texts

CHOSEN = "best_of->n"
HELLO, FORK = "[[hello]]", "[[fork]]"


def _random(path: str, **more) -> dict:
    """A request whose text is sampled; six tokens exactly."""
    members = {"temperature": 1, "max_tokens": 6, "ignore_eos": True, **more}
    return fixed(**members) if path == CHAT else fixed_completion(**members)


def _script(path: str, word: str, **more) -> dict:
    """A request for a scripted answer of the tiny model."""
    if path == CHAT:
        return scripted(word, **more)
    return fixed_completion(prompt=f"<|s_{word.strip('[]')}|>", **more)


def _mean_logprob(choice: dict) -> float:
    said = choice["logprobs"]
    numbers = said.get("token_logprobs") or [token["logprob"] for token in said["content"]]
    return sum(numbers) / len(numbers)


def _best(path: str, wanted: int):
    """The best of the three that the same seed gives when all are asked for."""

    def see(way: Way) -> str:
        logprobs = True if path == CHAT else 1
        every = generate(way, path, _random(path, n=3, logprobs=logprobs))
        order = sorted(every["choices"], key=_mean_logprob, reverse=True)
        answer = generate(way, path, _random(path, best_of=3, n=wanted), CHOSEN)
        expect(len(answer["choices"]) == wanted, f"{len(answer['choices'])} choices")
        expect(spent(answer) == 18, f"usage of {spent(answer)} tokens where 18 were generated")
        best = texts({"choices": order[:wanted]})
        expect(texts(answer) == best, f"{texts(answer)}, not {best}")
        indexes = [choice["index"] for choice in answer["choices"]]
        expect(indexes == list(range(wanted)), f"indexes {indexes}")
        expect(all(c["logprobs"] is None for c in answer["choices"]), "logprobs nobody asked for")
        return f"{wanted} of 3, the likeliest; usage 18 tokens"

    return see


def _best_with_logprobs(way: Way) -> str:
    answer = generate(way, CHAT, _random(CHAT, best_of=3, logprobs=True), CHOSEN)
    (choice,) = answer["choices"]
    expect(spent(answer) == 18, f"usage of {spent(answer)} tokens where 18 were generated")
    expect(len(choice["logprobs"]["content"]) == 6, "no logprobs")
    return "the client's logprobs are there"


def _best_of_lists(way: Way) -> str:
    prompts = ["One", "Two"]
    answer = generate(way, COMPLETIONS, _random(COMPLETIONS, prompt=prompts, best_of=3), CHOSEN)
    expect(len(answer["choices"]) == 2, f"{len(answer['choices'])} choices")
    expect(spent(answer) == 36, f"usage of {spent(answer)} tokens where 36 were generated")
    return "one choice for each of 2 prompts; usage 36 tokens"


def _best_of_one(path: str):
    def see(way: Way) -> str:
        one = generate(way, path, _random(path, best_of=1))
        expect(texts(one) == texts(generate(way, path, _random(path))), texts(one))
        return "1 choice, the same as without"

    return see


def _best_when_greedy(way: Way) -> str:
    answer = generate(way, CHAT, _random(CHAT, temperature=0, best_of=3))
    expect(len(answer["choices"]) == 1 and spent(answer) == 6, answer["usage"])
    return "temperature 0: 1 choice, generated once"


def _beams(path: str):
    def see(way: Way) -> str:
        # Without a seed: two samples would not be the same.
        request = _random(path, seed=None, use_beam_search=True, n=2)
        one, other = (texts(generate(way, path, request)) for _ in range(2))
        expect(len(set(one)) == 2, f"beams {one}")
        expect(one == other, f"beams {one}, then {other}")
        return "n 2: two beams, the same ones again without a seed"

    return see


def _length_penalty(path: str):
    def see(way: Way) -> str:
        firsts = []
        for penalty in (0, 8):
            request = _script(path, FORK, use_beam_search=True, n=2, length_penalty=penalty)
            firsts.append(texts(generate(way, path, request))[0])
        short, long = firsts
        expect(short == "" and long.startswith("Take the longer way"), firsts)
        return "0: the short beam is first; 8: the long one"

    return see


def _like_greedy(path: str, **members):
    def see(way: Way) -> str:
        greedy = texts(generate(way, path, _random(path, temperature=0, seed=None)))
        one, other = (texts(generate(way, path, _random(path, **members))) for _ in range(2))
        expect(one == other, f"{one}, then {other}")
        expect(one == greedy, f"{one}, greedy {greedy}")
        free = texts(generate(way, path, _random(path)))
        expect(free != greedy, "temperature 1 alone gives the same")
        return "the likeliest tokens, at temperature 1"

    return see


def _top_k_off(way: Way) -> str:
    free = texts(generate(way, CHAT, _random(CHAT)))
    expect(texts(generate(way, CHAT, _random(CHAT, top_k=-1))) == free, "not the same")
    expect(texts(generate(way, CHAT, _random(CHAT, top_k=1))) != free, "as with top_k 1")
    return "the same as without"


def _repetition_penalty(path: str):
    def see(way: Way) -> str:
        # One token is made so likely that it is repeated; the penalty alone can end that.
        request = _random(path, temperature=0, logit_bias={"50": 20}, return_token_ids=True)
        counts = []
        for penalty in (1.0, 4.0):
            answer = generate(way, path, {**request, "repetition_penalty": penalty})
            counts.append(answer["choices"][0]["token_ids"].count(50))
        expect(counts[0] == 6 and counts[1] < 3, f"{counts[0]}, {counts[1]} repetitions")
        return f"a token 6 times; with 4.0: {counts[1]} times"

    return see


def _early_stopping(path: str):
    def see(way: Way) -> str:
        request = _random(path, use_beam_search=True, n=2)
        beams = [texts(generate(way, path, {**request, "early_stopping": on})) for on in (0, 1)]
        expect(beams[0] == beams[1], f"it has an effect: {beams}")
        return "accepted, without effect"

    return see


def _hello_length(path: str, length: int, **members):
    """The scripted answer has 7 tokens, its end included."""

    def see(way: Way) -> str:
        plain = spent(generate(way, path, _script(path, HELLO, max_tokens=12)))
        expect(plain == 7, f"{plain} tokens without")
        seen = spent(generate(way, path, _script(path, HELLO, max_tokens=12, **members)))
        expect(seen >= length, f"{seen} tokens")
        return f"{seen} tokens, 7 without"

    return see


def _special_tokens(path: str):
    def see(way: Way) -> str:
        request = _script(path, HELLO, max_tokens=12, ignore_eos=True)
        shown = texts(generate(way, path, {**request, "skip_special_tokens": False}))[0]
        hidden = texts(generate(way, path, {**request, "skip_special_tokens": True}))[0]
        expect("<|im_end|>" in shown and "<|im_end|>" not in hidden, (shown, hidden))
        return "false: <|im_end|> is in the text; true: it is not"

    return see


def _both(name: str, make, *arguments, alone: bool = True, **more) -> list[Check]:
    """A check for each of the two calls."""
    return [
        Check(f"{name}, {call}", make(path, *arguments, **more), alone)
        for call, path in (("chat", CHAT), ("completion", COMPLETIONS))
    ]


def _bad(name: str, parameter: str, alone: bool | None = True, **members) -> list[Check]:
    return [
        Check(f"bad: {name}, chat", refusal(parameter, CHAT, _random(CHAT, **members)), alone),
        Check(
            f"bad: {name}, completion",
            refusal(parameter, COMPLETIONS, _random(COMPLETIONS, **members)),
            alone,
        ),
    ]


EFFECTS = [
    *_both("`best_of` 3", _best, 1, alone=False),
    *_both("`best_of` 3, `n` 2", _best, 2, alone=False),
    Check("`best_of` 3 with `logprobs`, chat", _best_with_logprobs, alone=False),
    Check("`best_of` 3, two prompts, completion", _best_of_lists, alone=False),
    *_both("`best_of` 1", _best_of_one),
    Check("`best_of` 3, greedy, chat", _best_when_greedy),
    *_both("`use_beam_search`", _beams),
    *_both("`length_penalty`", _length_penalty),
    *_both("`top_k` 1", _like_greedy, top_k=1),
    Check("`top_k` -1, chat", _top_k_off),
    *_both("`min_p` 1", _like_greedy, min_p=1),
    *_both("`repetition_penalty`", _repetition_penalty),
    *_both("`early_stopping`", _early_stopping),
    *_both("`ignore_eos`", _hello_length, 12, ignore_eos=True),
    *_both("`min_tokens` 10", _hello_length, 10, min_tokens=10),
    *_both("`skip_special_tokens`", _special_tokens),
]

BAD = [
    *_bad("`best_of` 0", "best_of", alone=False, best_of=0),
    *_bad('`best_of` "many"', "best_of", alone=False, best_of="many"),
    *_bad("`best_of` 2.5", "best_of", alone=False, best_of=2.5),
    *_bad("`best_of` 3, streamed", "best_of", alone=False, best_of=3, stream=True),
    Check(
        "bad: `best_of` 3 with `echo`, completion",
        refusal("best_of", COMPLETIONS, _random(COMPLETIONS, best_of=3, echo=True)),
        alone=False,
    ),
    *_bad("`top_k` -5", "top_k", top_k=-5),
    *_bad("`min_p` 2", "min_p", min_p=2),
    *_bad("`repetition_penalty` 0", "repetition_penalty", repetition_penalty=0),
    *_bad('`length_penalty` "x"', "length_penalty", length_penalty="x"),
    *_bad("`min_tokens` over `max_tokens`", "min_tokens", min_tokens=40),
    *_bad('`ignore_eos` "perhaps"', "ignore_eos", ignore_eos="perhaps"),
    *_bad('`use_beam_search` "perhaps"', "use_beam_search", use_beam_search="perhaps"),
    *_bad('`skip_special_tokens` "perhaps"', "skip_special_tokens", skip_special_tokens="perhaps"),
]

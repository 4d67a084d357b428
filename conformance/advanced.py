"""The page's table of advanced parameters: each with its effect."""

from cases import CHAT, COMPLETIONS, fixed, fixed_completion, scripted
from check import Check, Way, expect, generate, refusal, texts

SAYS = "Say something about queues."  # The message of fixed().
PROMPT = "The quick brown"  # The prompt of fixed_completion().


def _request(path: str, **more) -> dict:
    members = {"max_tokens": 3, **more}
    return fixed(**members) if path == CHAT else fixed_completion(**members)


def _chat_logprobs(count: int, note: str):
    def see(way: Way) -> str:
        answer = generate(way, CHAT, _request(CHAT, logprobs=count), note)
        tokens = answer["choices"][0]["logprobs"]["content"]
        expect(len(tokens) == 3, f"{len(tokens)} tokens")
        counts = {len(token["top_logprobs"]) for token in tokens}
        expect(counts == {count}, f"top_logprobs of {counts}")
        return f"3 tokens, {count} top_logprobs each"

    return see


def _no_chat_logprobs(way: Way) -> str:
    answer = generate(way, CHAT, _request(CHAT, logprobs=0))
    expect(answer["choices"][0]["logprobs"] is None, "there are some")
    return "none"


def _completion_logprobs(count: int):
    def see(way: Way) -> str:
        answer = generate(way, COMPLETIONS, _request(COMPLETIONS, logprobs=count))
        said = answer["choices"][0]["logprobs"]
        expect(len(said["token_logprobs"]) == 3, said)
        # The token that was chosen is there besides, if it is none of the likeliest.
        counts = [len(alternatives) for alternatives in said["top_logprobs"]]
        allowed = (max(count, 1), count + 1)
        expect(all(number in allowed for number in counts), f"top_logprobs of {counts}")
        return f"3 tokens, top_logprobs of {counts}"

    return see


def _prompt_logprobs(path: str):
    def see(way: Way) -> str:
        answer = generate(way, path, _request(path, prompt_logprobs=2))
        holder = answer if path == CHAT else answer["choices"][0]
        said, length = holder["prompt_logprobs"], answer["usage"]["prompt_tokens"]
        expect(said and len(said) == length, f"{said!r:.60}")
        expect(said[0] is None and all(len(token) >= 2 for token in said[1:]), said[:2])
        return f"{length} tokens of the prompt, 2 or 3 alternatives each"

    return see


def _detokenize(path: str):
    def see(way: Way) -> str:
        plain = texts(generate(way, path, _request(path)))
        expect(texts(generate(way, path, _request(path, detokenize=False))) == plain, plain)
        return "accepted, without effect"

    return see


def _echo(way: Way) -> str:
    (text,) = texts(generate(way, COMPLETIONS, _request(COMPLETIONS, echo=True)))
    (plain,) = texts(generate(way, COMPLETIONS, _request(COMPLETIONS)))
    expect(text == PROMPT + plain, f"{text!r}, without {plain!r}")
    return "the prompt, then the text"


def _echo_chat(way: Way) -> str:
    request = _request(CHAT, continue_final_message=True, add_generation_prompt=False)
    answer = generate(way, CHAT, {**request, "echo": True})
    (text,), (plain,) = texts(answer), texts(generate(way, CHAT, request))
    expect(text == SAYS + plain, f"{text!r}, without {plain!r}")
    return "the last message, then the text"


def _prompt_grows(path: str, by_more: bool, **members):
    """More or fewer tokens in the prompt than without."""

    def see(way: Way) -> str:
        plain, seen = (
            generate(way, path, _request(path, **more))["usage"]["prompt_tokens"]
            for more in ({}, members)
        )
        expect(seen > plain if by_more else seen < plain, f"{seen} prompt tokens, {plain} without")
        return f"{seen} prompt tokens, {plain} without"

    return see


def _stop_string(path: str):
    def see(way: Way) -> str:
        request = {"stop": ["answer"], "max_tokens": 12}
        if path == CHAT:
            request = scripted("[[hello]]", **request)
        else:
            request = fixed_completion(prompt="<|s_hello|>", **request)
        (kept,) = texts(generate(way, path, {**request, "include_stop_str_in_output": True}))
        (cut,) = texts(generate(way, path, {**request, "include_stop_str_in_output": False}))
        expect((kept, cut) == (cut + "answer", "Hello, this is a scripted "), (kept, cut))
        return f"{kept!r}, else {cut!r}"

    return see


def _both(name: str, make, *arguments) -> list[Check]:
    return [
        Check(f"{name}, chat", make(CHAT, *arguments)),
        Check(f"{name}, completion", make(COMPLETIONS, *arguments)),
    ]


def _bad(path: str, parameter: str, content: object, names: str = "") -> Check:
    call = "chat" if path == CHAT else "completion"
    see = refusal(names or parameter, path, _request(path, **{parameter: content}))
    shown = f'"{content}"' if isinstance(content, str) else content
    return Check(f"bad: `{parameter}` {shown}, {call}", see)


def _bad_both(parameter: str, content: object) -> list[Check]:
    return [_bad(CHAT, parameter, content), _bad(COMPLETIONS, parameter, content)]


EFFECTS = [
    # A 2 is no boolean for vLLM, and a 1 is true without any alternatives.
    Check("`logprobs` 2, chat", _chat_logprobs(2, "logprobs->top_logprobs"), alone=False),
    Check("`logprobs` 1, chat", _chat_logprobs(1, "logprobs->top_logprobs"), alone=False),
    Check("`logprobs` 0, chat", _no_chat_logprobs),
    Check("`logprobs` 2, completion", _completion_logprobs(2)),
    Check("`logprobs` 0, completion", _completion_logprobs(0)),
    *_both("`prompt_logprobs` 2", _prompt_logprobs),
    *_both("`detokenize` false", _detokenize),
    Check("`echo`, completion", _echo),
    Check("`echo` with `continue_final_message`, chat", _echo_chat),
    Check(
        "`add_generation_prompt` false, chat",
        _prompt_grows(CHAT, False, add_generation_prompt=False),
    ),
    Check(
        "`add_special_tokens` true, chat",
        _prompt_grows(CHAT, True, add_special_tokens=True),
    ),
    Check(
        "`add_special_tokens` false, completion",
        _prompt_grows(COMPLETIONS, False, add_special_tokens=False),
    ),
    *_both("`include_stop_str_in_output`", _stop_string),
]

BAD = [
    *_bad_both("logprobs", 50),
    *_bad_both("logprobs", -2),
    *_bad_both("logprobs", "many"),
    *_bad_both("prompt_logprobs", -5),
    *_bad_both("echo", "perhaps"),
    _bad(CHAT, "add_generation_prompt", "perhaps"),
    *_bad_both("add_special_tokens", "perhaps"),
    *_bad_both("include_stop_str_in_output", "perhaps"),
]

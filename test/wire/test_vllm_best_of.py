"""best_of, which today's vLLM ignores or refuses: the gateway chooses."""

import pytest

from harness.errors import assert_error
from harness.fleet import CHAT, MESSAGES

COMPLETIONS = "/v1/completions"
QUICK = ("--ttft", "0", "--itl", "0")
VERSIONS = {"old": "0.11.0", "new": "0.32.0"}


@pytest.fixture(scope="module")
def fleet(shared):
    sims = {
        name: shared.sim(*QUICK, "--vllm-version", version, model=name)
        for name, version in VERSIONS.items()
    }
    made = shared.fleet(*(sim.endpoint(name=name) for name, sim in sims.items()))
    made.sims = sims
    return made


def request_for(path, model, **more):
    prompt = {"messages": MESSAGES} if path == CHAT else {"prompt": "Once upon"}
    return {"model": model, "max_tokens": 12, "seed": 5, "ignore_eos": True, **prompt, **more}


def text(choice):
    return choice["text"] if "text" in choice else choice["message"]["content"]


def mean_logprob(choice):
    logprobs = choice["logprobs"]
    if "content" in logprobs:
        values = [token["logprob"] for token in logprobs["content"]]
    else:
        values = logprobs["token_logprobs"]
    return sum(values) / len(values)


def all_answers(world, fleet, path, model, count):
    """What the server itself generates, best first, and what that costs."""
    asks = {"logprobs": True} if path == CHAT else {"logprobs": 0}
    request = request_for(path, model, n=count, **asks)
    answer = world.connect(fleet.sims[model]).post(path, request).json()
    assert len(answer["choices"]) == count
    return sorted(answer["choices"], key=mean_logprob, reverse=True), answer["usage"]


@pytest.mark.parametrize("model", VERSIONS)
@pytest.mark.parametrize("path", [CHAT, COMPLETIONS], ids=["chat", "completion"])
@pytest.mark.parametrize(("n", "best_of"), [(1, 2), (1, 5), (3, 5)])
def test_the_best_are_returned_in_order_and_all_are_paid_for(world, fleet, path, model, n, best_of):
    wanted, usage = all_answers(world, fleet, path, model, best_of)
    more = {"best_of": best_of} if n == 1 else {"n": n, "best_of": best_of}
    response = fleet.post(path, request_for(path, model, **more))
    assert response.status == 200, response.body
    assert "best_of->n" in response.header("x-olla-translated")
    answer = response.json()
    assert [text(choice) for choice in answer["choices"]] == [text(c) for c in wanted[:n]]
    assert [choice["index"] for choice in answer["choices"]] == list(range(n))
    assert all(choice["logprobs"] is None for choice in answer["choices"])
    for key in ("prompt_tokens", "completion_tokens", "total_tokens"):
        assert answer["usage"][key] == usage[key]
    assert usage["completion_tokens"] == 12 * best_of
    record = fleet.gateway.access(request_id=response.header("x-olla-request-id"))[0]
    assert record["completion_tokens"] == 12 * best_of


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS], ids=["chat", "completion"])
def test_the_log_probabilities_stay_when_they_are_asked_for(fleet, path):
    asks = {"logprobs": True, "top_logprobs": 2} if path == CHAT else {"logprobs": 2}
    response = fleet.post(path, request_for(path, "new", best_of=3, **asks))
    (choice,) = response.json()["choices"]
    logprobs = choice["logprobs"]
    tops = (
        [token["top_logprobs"] for token in logprobs["content"]]
        if path == CHAT
        else logprobs["top_logprobs"]
    )
    assert len(tops) == 12 and {len(top) for top in tops} == {2}


def test_every_prompt_has_its_own_best(world, fleet):
    prompts = ["Once upon", "Long ago", "Today"]
    singles = [
        fleet.post(COMPLETIONS, request_for(COMPLETIONS, "new", prompt=prompt, best_of=4)).json()
        for prompt in prompts
    ]
    request = request_for(COMPLETIONS, "new", prompt=prompts, best_of=4)
    together = fleet.post(COMPLETIONS, request).json()
    assert [choice["index"] for choice in together["choices"]] == [0, 1, 2]
    assert len({text(choice) for choice in together["choices"]}) == 3
    spent = sum(single["usage"]["completion_tokens"] for single in singles)
    assert together["usage"]["completion_tokens"] == spent == 3 * 4 * 12


def test_the_sdk_takes_it(fleet):
    with fleet.openai() as client:
        answer = client.completions.create(
            model="new", prompt="Once upon", max_tokens=6, best_of=3, n=2
        )
        assert len(answer.choices) == 2 and answer.choices[0].text
        chat = client.chat.completions.create(
            model="old", messages=MESSAGES, max_tokens=6, extra_body={"best_of": 3}
        )
        assert len(chat.choices) == 1 and chat.choices[0].logprobs is None


@pytest.mark.parametrize("model", VERSIONS)
@pytest.mark.parametrize("more", [{"best_of": 1}, {"best_of": 2, "n": 2}, {"best_of": 1, "n": 2}])
def test_as_many_as_are_wanted_changes_nothing(fleet, model, more):
    response = fleet.post(CHAT, request_for(CHAT, model, **more))
    assert response.status == 200, response.body
    assert len(response.json()["choices"]) == more.get("n", 1)
    assert "best_of->n" not in (response.header("x-olla-translated") or "")


@pytest.mark.parametrize("model", VERSIONS)
@pytest.mark.parametrize("path", [CHAT, COMPLETIONS], ids=["chat", "completion"])
def test_cannot_be_streamed(fleet, path, model):
    response = fleet.post(path, request_for(path, model, best_of=2, stream=True))
    error = assert_error(response, 400)
    assert error["param"] == "best_of" and "best_of" in error["message"]
    assert "stream" in error["message"]
    plain = fleet.post(path, request_for(path, model, best_of=1, stream=True))
    assert plain.status == 200 and plain.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("value", [0, -1, 16385, 1.5, "many", [], {}, True])
def test_a_value_that_is_no_count_is_refused_by_name(fleet, value):
    for model in VERSIONS:
        error = assert_error(fleet.post(CHAT, request_for(CHAT, model, best_of=value)), 400)
        assert "best_of" in error["message"] and error["param"].endswith("best_of")


def test_an_error_of_the_server_comes_as_it_is(fleet):
    response = fleet.post(CHAT, request_for(CHAT, "new", best_of=2, max_tokens=10**6))
    error = assert_error(response, 400)
    assert error["param"] == "max_tokens" and response.header("x-olla-endpoint") == "new"


def test_an_answer_that_is_no_document_comes_as_it_is(world):
    backend = world.backend(lambda exchange: exchange.reply(200, b"not \xff JSON"))
    fleet = world.fleet(backend.endpoint())
    response = fleet.post(CHAT, request_for(CHAT, "any", best_of=2))
    assert (response.status, response.body) == (200, b"not \xff JSON")


def test_an_answer_that_breaks_off_is_no_success(world):
    def break_off(exchange):
        exchange.begin_stream("application/json")
        exchange.event('{"choices":')
        exchange.reset()

    fleet = world.fleet(world.backend(break_off).endpoint())
    response = fleet.post(CHAT, request_for(CHAT, "any", best_of=2))
    assert_error(response, 502, 503)

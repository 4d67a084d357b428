"""The official openai SDK, with the gateway before simulated servers and with one of them alone."""

import asyncio
import base64
import json
import struct

import openai
import pytest

from harness.environment import scaled
from harness.message import chunk

MODEL = "tiny"
MESSAGES = [{"role": "user", "content": "Tell me about gateways."}]


@pytest.fixture(scope="module")
def sim(shared):
    parsers = ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]
    return shared.sim("--ttft", "2ms", "--itl", "1ms", *parsers, model=MODEL, count=2)


@pytest.fixture(scope="module")
def gateway(shared, sim):
    return shared.gateway_before(sim)


def options_for(port: int, prefix: str = "") -> dict:
    return {
        "base_url": f"http://127.0.0.1:{port}{prefix}/v1",
        "api_key": "not-needed",
        "max_retries": 0,
        "timeout": scaled(20),
    }


@pytest.fixture
def gateway_options(gateway):
    return options_for(gateway.port, "/olla/vllm")


@pytest.fixture(params=["gateway", "simulator"])
def options(request, gateway_options, sim):
    return gateway_options if request.param == "gateway" else options_for(sim.ports[0])


@pytest.fixture
def client(options):
    with openai.OpenAI(**options) as made:
        yield made


def joined(events, index: int = 0) -> str:
    return "".join(
        choice.delta.content or ""
        for event in events
        for choice in event.choices
        if choice.index == index
    )


def test_chat(client):
    answer = client.chat.completions.create(model=MODEL, messages=MESSAGES, max_tokens=12, seed=1)
    assert answer.object == "chat.completion" and answer.model == MODEL
    assert answer.id.startswith("chatcmpl-")
    (choice,) = answer.choices
    assert choice.message.role == "assistant" and choice.message.content
    assert choice.finish_reason in ("length", "stop")
    usage = answer.usage
    assert usage.prompt_tokens > 0 and 0 < usage.completion_tokens <= 12
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_chat_streamed_says_the_same_as_whole(client):
    request = {"model": MODEL, "messages": MESSAGES, "max_tokens": 20, "seed": 7, "temperature": 0}
    whole = client.chat.completions.create(**request)
    events = list(client.chat.completions.create(**request, stream=True))
    assert len(events) > 2
    assert {event.object for event in events} == {"chat.completion.chunk"}
    assert len({event.id for event in events}) == 1
    assert events[0].choices[0].delta.role == "assistant"
    assert joined(events) == whole.choices[0].message.content
    reasons = [c.finish_reason for event in events for c in event.choices if c.finish_reason]
    assert reasons == [whole.choices[0].finish_reason]
    assert all(event.usage is None for event in events)


def test_chat_streamed_with_usage(client):
    events = list(
        client.chat.completions.create(
            model=MODEL,
            messages=MESSAGES,
            max_tokens=9,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    *others, last = events
    assert last.choices == [] and 0 < last.usage.completion_tokens <= 9
    assert all(event.usage is None for event in others)


@pytest.mark.parametrize("stream", [False, True])
def test_chat_with_two_choices(client, stream):
    answer = client.chat.completions.create(
        model=MODEL, messages=MESSAGES, max_tokens=8, n=2, seed=3, stream=stream
    )
    if stream:
        events = list(answer)
        assert joined(events, 0) and joined(events, 1)
    else:
        assert [choice.index for choice in answer.choices] == [0, 1]
        assert all(choice.message.content for choice in answer.choices)


def test_chat_ends_at_a_stop_string(client):
    request = {"model": MODEL, "messages": MESSAGES, "max_tokens": 60, "seed": 5, "temperature": 0}
    text = client.chat.completions.create(**request).choices[0].message.content
    words = text.split()
    stop = words[len(words) // 2]
    cut = client.chat.completions.create(**request, stop=[stop]).choices[0]
    assert cut.finish_reason == "stop"
    assert cut.message.content == text[: text.index(stop)]


def test_chat_with_logprobs(client):
    answer = client.chat.completions.create(
        model=MODEL, messages=MESSAGES, max_tokens=4, logprobs=True, top_logprobs=2
    )
    tokens = answer.choices[0].logprobs.content
    assert len(tokens) == answer.usage.completion_tokens
    for token in tokens:
        assert token.logprob <= 0 and len(token.top_logprobs) == 2


def test_completion(client):
    answer = client.completions.create(model=MODEL, prompt="Once upon", max_tokens=10, seed=2)
    assert answer.object == "text_completion" and answer.id.startswith("cmpl-")
    assert answer.choices[0].text and answer.usage.completion_tokens <= 10


def test_completion_streamed_says_the_same_as_whole(client):
    request = {"model": MODEL, "prompt": "Once", "max_tokens": 15, "seed": 2, "temperature": 0}
    whole = client.completions.create(**request)
    events = list(client.completions.create(**request, stream=True))
    assert "".join(event.choices[0].text for event in events) == whole.choices[0].text


def test_embeddings(client):
    answer = client.embeddings.create(
        model=MODEL, input=["one text", "another text"], encoding_format="float"
    )
    assert [item.index for item in answer.data] == [0, 1]
    sizes = {len(item.embedding) for item in answer.data}
    assert len(sizes) == 1 and sizes.pop() > 0
    assert answer.data[0].embedding != answer.data[1].embedding
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 0


def test_embeddings_in_base64_are_the_same_numbers(client):
    numbers = client.embeddings.create(model=MODEL, input="text", encoding_format="float")
    text = client.embeddings.create(model=MODEL, input="text", encoding_format="base64")
    raw = base64.b64decode(text.data[0].embedding)
    unpacked = struct.unpack(f"<{len(raw) // 4}f", raw)
    assert unpacked == pytest.approx(numbers.data[0].embedding, rel=1e-6)


def test_models(client):
    models = client.models.list().data
    assert [model.id for model in models] == [MODEL]
    assert models[0].owned_by == "vllm"


def test_models_page_may_be_fetched_twice_on_one_connection(client):
    assert client.models.list().data[0].id == client.models.list().data[0].id


def test_the_raw_answer_names_the_endpoint(gateway_options):
    with openai.OpenAI(**gateway_options) as client:
        raw = client.chat.completions.with_raw_response.create(
            model=MODEL, messages=MESSAGES, max_tokens=2
        )
    assert raw.headers["x-olla-endpoint"] in ("sim-0", "sim-1")
    assert raw.headers["x-olla-model"] == MODEL
    assert raw.headers["x-olla-request-id"]
    assert raw.parse().choices


def test_an_unknown_model_is_a_not_found_error(client):
    with pytest.raises(openai.NotFoundError) as error:
        client.chat.completions.create(model="no-such-model", messages=MESSAGES)
    assert error.value.status_code == 404
    assert "no-such-model" in error.value.message


def test_a_bad_parameter_is_a_bad_request_error(client):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=MODEL, messages=MESSAGES, max_tokens=-1)


def test_an_unknown_route_is_a_not_found_error(options):
    known = "/vllm" if "/vllm" in options["base_url"] else "/v1"
    options["base_url"] = options["base_url"].replace(known, "/nowhere")
    with pytest.raises(openai.NotFoundError):
        openai.OpenAI(**options).models.list()


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}


@pytest.mark.parametrize("choice", ["auto", "required", {"type": "function"}])
def test_a_tool_is_called(client, choice):
    if isinstance(choice, dict):
        choice = {**choice, "function": {"name": "get_weather"}}
    asked = [{"role": "user", "content": "[[tool]]"}]
    answer = client.chat.completions.create(
        model=MODEL, messages=asked, tools=[WEATHER], tool_choice=choice
    ).choices[0]
    (call,) = answer.message.tool_calls
    assert call.function.name == "get_weather" and call.id.startswith("chatcmpl-tool-")
    assert isinstance(json.loads(call.function.arguments)["city"], str)
    asked += [answer.message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    told = client.chat.completions.create(model=MODEL, messages=asked, tools=[WEATHER])
    assert told.choices[0].message.content and not told.choices[0].message.tool_calls


def test_calls_of_tools_are_streamed(client):
    asked = [{"role": "user", "content": "[[tools2]]"}]
    with client.chat.completions.stream(model=MODEL, messages=asked, tools=[WEATHER]) as stream:
        kinds = {event.type for event in stream}
        (choice,) = stream.get_final_completion().choices
    assert "tool_calls.function.arguments.delta" in kinds
    assert choice.finish_reason == "tool_calls" and choice.message.content
    assert len(choice.message.tool_calls) == 2


def test_a_response_calls_a_tool(client):
    tool = {"type": "function", **WEATHER["function"]}
    with client.responses.stream(model=MODEL, input="[[tool]]", tools=[tool]) as stream:
        for _ in stream:
            pass
        (call,) = stream.get_final_response().output
    assert call.type == "function_call" and json.loads(call.arguments)["city"]
    whole = client.responses.create(model=MODEL, input="[[hello]]")
    assert whole.output_text == "Hello, this is a scripted answer from the tiny model."


def test_thoughts_are_told_apart(world):
    thinker = world.sim("--reasoning-parser", "qwen3", model=MODEL)
    asked = [{"role": "user", "content": "[[think]]"}]
    with openai.OpenAI(**options_for(thinker.ports[0])) as client:
        message = client.chat.completions.create(model=MODEL, messages=asked).choices[0].message
        items = client.responses.create(model=MODEL, input="[[think]]").output
    assert message.reasoning.strip() and message.content == "\n\nThe answer is 4."
    assert [item.type for item in items] == ["reasoning", "message"]


def sdk_before(world, handler) -> openai.OpenAI:
    """The SDK with a gateway before one scripted backend."""
    gateway = world.gateway(world.backend(handler), config={"proxy": {"read_timeout": "500ms"}})
    return openai.OpenAI(
        base_url=f"http://127.0.0.1:{gateway.port}/olla/vllm/v1",
        api_key="x",
        max_retries=0,
        timeout=scaled(20),
    )


def test_no_backend_is_an_internal_server_error(world):
    backend = world.backend()
    gateway = world.gateway(backend)
    backend.refuse()
    client = openai.OpenAI(
        base_url=f"http://127.0.0.1:{gateway.port}/olla/vllm/v1", api_key="x", max_retries=0
    )
    with pytest.raises(openai.InternalServerError) as error:
        client.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert error.value.status_code == 503


def test_a_garbled_backend_is_an_internal_server_error(world):
    client = sdk_before(world, lambda exchange: exchange.send(b"garbage\r\n\r\n"))
    with pytest.raises(openai.InternalServerError) as error:
        client.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert error.value.status_code == 502


FIRST_EVENT = (
    '{"id":"c","object":"chat.completion.chunk","created":1,"model":"tiny",'
    '"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}'
)


def test_a_stream_that_falls_silent_is_an_api_error(world):
    def fall_silent(exchange):
        exchange.begin_stream()
        exchange.event(FIRST_EVENT)
        exchange.wait_for_close()

    stream = sdk_before(world, fall_silent).chat.completions.create(
        model=MODEL, messages=MESSAGES, stream=True
    )
    assert next(stream).choices[0].delta.content == "Hello"
    with pytest.raises(openai.APIError):
        list(stream)


def test_a_stream_that_breaks_off_does_not_end_like_a_whole_one(world):
    def break_off(exchange):
        exchange.begin_stream()
        exchange.event(FIRST_EVENT)
        exchange.send(chunk(b'data: {"id":')[:-4])
        exchange.reset()

    with pytest.raises(Exception) as error:
        list(
            sdk_before(world, break_off).chat.completions.create(
                model=MODEL, messages=MESSAGES, stream=True
            )
        )
    assert not isinstance(error.value, AssertionError)


def test_reuses_its_connection_to_the_gateway(world, sim):
    gateway = world.gateway_before(sim)
    options = options_for(gateway.port, "/olla/vllm")
    others, ports = client_ports(gateway.port), set()
    with openai.OpenAI(**options) as client:
        for _ in range(10):
            client.chat.completions.create(model=MODEL, messages=MESSAGES, max_tokens=2)
            ports |= client_ports(gateway.port) - others
    assert len(ports) == 1


def client_ports(gateway_port: int) -> set[int]:
    """Local ports of this machine's open connections to the gateway."""
    ports = set()
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            _, local, remote, state = line.split()[:4]
            if state == "01" and int(remote.split(":")[1], 16) == gateway_port:
                ports.add(int(local.split(":")[1], 16))
    return ports


def test_fifty_streams_at_once(options):
    async def one(client, seed: int) -> str:
        events = await client.chat.completions.create(
            model=MODEL, messages=MESSAGES, max_tokens=30, seed=seed, temperature=0, stream=True
        )
        return joined([event async for event in events])

    async def all_at_once():
        async with openai.AsyncOpenAI(**options) as client:
            return await asyncio.gather(*(one(client, seed) for seed in range(50)))

    texts = asyncio.run(all_at_once())
    with openai.OpenAI(**options) as client:
        alone = client.chat.completions.create(
            model=MODEL, messages=MESSAGES, max_tokens=30, seed=17, temperature=0
        )
    assert all(texts) and texts[17] == alone.choices[0].message.content

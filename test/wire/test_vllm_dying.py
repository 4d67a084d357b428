"""What vLLM does when it ends, and what its clients see of that."""

import json
import threading

import openai
import pytest

from harness.environment import scaled
from harness.errors import assert_error
from harness.fleet import CHAT, ENDLESS, FAST, MESSAGES, PREFIX, answered_by, events_of
from harness.message import LAST_CHUNK, json_request

OFTEN = {"vllm": {"metrics_interval": "100ms"}}
QUICK = ("--ttft", "0", "--itl", "0")
COMPLETE = {"messages": MESSAGES, "max_tokens": 100, "ignore_eos": True, "stream": True}
STREAMED = {"model": "tiny", **ENDLESS}


def pair_of(world, *sims, config=OFTEN, **endpoint):
    entries = [sim.endpoint(name=name, **endpoint) for sim, name in zip(sims, "ab")]
    return world.fleet(*entries, config=config)


def fall_ill(world, sim, how):
    response = world.connect(sim).request("POST", "/sim/" + how)
    assert response.status < 300, response


def stream_on(fleet, name):
    """An endless stream of this endpoint; others that come first end at once."""
    while True:
        client = fleet.stream(CHAT, STREAMED)
        if client.head.header("x-olla-endpoint") == name:
            return client
        client.close()


# --- draining ---


@pytest.mark.parametrize("version", ["0.11.0", "0.32.0"])
def test_no_request_is_lost_while_one_of_two_drains(world, version):
    draining = world.sim("--ttft", "0", "--itl", "10ms", "--vllm-version", version)
    other = world.sim(*QUICK)
    fleet = pair_of(world, draining, other)
    running = stream_on(fleet, "a")  # An endless one holds the server in its drain.
    statuses, lock = [], threading.Lock()

    def ask_ten_times():
        for number in range(10):
            more = {"stream": True} if number % 2 else {}
            response = fleet.chat(max_tokens=3, **more)
            with lock:
                statuses.append((response.status, response.header("x-olla-endpoint")))

    threads = [threading.Thread(target=ask_ten_times) for _ in range(4)]
    for thread in threads:
        thread.start()
    fall_ill(world, draining, "drain")
    for thread in threads:
        thread.join()
    assert {status for status, _ in statuses} == {200} and len(statuses) == 40

    fleet.until(lambda: fleet.chat(max_tokens=3).status == 200 and is_draining(fleet), "the drain")
    for _ in range(6):
        assert answered_by(fleet.chat(max_tokens=3)) == "b"
    document = fleet.health()
    assert document["status"] == "degraded"
    assert [part["status"] for part in document["endpoints"]] == ["draining", "healthy"]
    # What runs there goes on.
    for _ in range(5):
        assert running.reader.through(b"\n\n")
    running.close()


def is_draining(fleet):
    return fleet.status_of("a") == "draining"


def test_a_stream_on_a_draining_server_comes_to_its_end(world):
    draining = world.sim("--ttft", "0", "--itl", "10ms")
    fleet = pair_of(world, draining)
    client = fleet.stream(CHAT, {"model": "tiny", **COMPLETE})
    fall_ill(world, draining, "drain")
    body = client.read_body(client.head).body
    events = events_of(body)
    assert len(events) >= 99 and events[-1]["choices"][0]["finish_reason"] == "length"
    client.close()


def test_the_only_server_that_drains_is_a_503(world):
    draining = world.sim(*QUICK)
    fleet = pair_of(world, draining)
    fall_ill(world, draining, "drain")
    for _ in range(2):
        response = fleet.chat()
        assert_error(response, 503)
        assert int(response.header("retry-after")) >= 1
    assert fleet.get("/health").status == 503 and is_draining(fleet)


@pytest.mark.parametrize(
    ("path", "request_body"),
    [
        ("/v1/completions", {"prompt": "a", "max_tokens": 3}),
        ("/v1/completions", {"prompt": "a", "max_tokens": 3, "best_of": 2}),
        ("/v1/messages", {"messages": MESSAGES, "max_tokens": 3}),
        ("/v1/responses", {"input": "a", "max_output_tokens": 3}),
    ],
)
def test_whatever_is_asked_of_a_draining_server_goes_elsewhere(world, path, request_body):
    draining = world.sim(*QUICK)
    fleet = pair_of(world, draining, world.sim(*QUICK))
    fall_ill(world, draining, "drain")
    for _ in range(4):
        response = fleet.post(path, {"model": "tiny", **request_body})
        assert answered_by(response) == "b"


DRAINING = (
    b'{"error":{"message":"cannot schedule new futures after shutdown",'
    b'"type":"InternalServerError","param":null,"code":500}}'
)


def test_a_server_that_drained_and_came_back_is_used_again(world):
    backends = [world.backend(name=name) for name in "ab"]
    backends[0].handler = lambda exchange: exchange.reply(500, DRAINING)
    fleet = world.fleet(*(backend.endpoint(**FAST, slow_start="0s") for backend in backends))
    for _ in range(6):
        assert answered_by(fleet.chat()) == "b"
    assert fleet.status_of("a") == "draining" and len(backends[0].requests) == 1
    backends[0].health = 503
    fleet.until_status("a", "unhealthy")
    backends[0].health, backends[0].handler = 200, lambda exchange: exchange.reply()
    fleet.until_status("a", "healthy")
    assert {answered_by(fleet.chat()) for _ in range(4)} == {"a", "b"}


def test_another_500_is_nobodys_drain(world):
    """A request that kills servers must not be handed to the next one."""
    poison = b'{"error":{"message":"EngineCore encountered an issue.","type":"x","code":500}}'
    backends = [world.backend(name=name) for name in "ab"]
    for backend in backends:
        backend.handler = lambda exchange: exchange.reply(500, poison)
    fleet = world.fleet(*(backend.endpoint() for backend in backends))
    response = fleet.chat()
    assert (response.status, response.body) == (500, poison)
    assert len(backends[0].requests) + len(backends[1].requests) == 1
    assert fleet.health()["status"] == "healthy"


# --- busy ---


@pytest.mark.parametrize("stream", [False, True])
def test_a_busy_server_sends_its_requests_elsewhere(world, stream):
    busy = world.sim("--itl", "1s", "--max-num-queued-reqs", "1")
    fleet = pair_of(world, busy, world.sim(*QUICK))
    # Not by way of the gateway, which would prefer the one with fewer requests.
    occupant = world.connect(busy)
    occupant.send(json_request(CHAT, STREAMED))
    occupant.read_head()
    for _ in range(6):
        assert answered_by(fleet.chat(max_tokens=3, stream=stream)) == "b"
    assert fleet.health()["status"] == "healthy", "busy is not ill"
    rejected = b'vllm:admission_rejections_total{model_name="tiny",reason="max_num_queued_reqs"} '
    count = float(world.connect(busy).request("GET", "/metrics").body.split(rejected)[1].split()[0])
    assert count >= 1, "the busy one was never asked"


def test_when_all_are_busy_one_of_them_says_so(world):
    sims = [world.sim("--itl", "1s", "--max-num-queued-reqs", "1") for _ in range(2)]
    fleet = pair_of(world, *sims)
    for sim in sims:
        occupant = world.connect(sim)
        occupant.send(json_request(CHAT, STREAMED))
        occupant.read_head()
    error = assert_error(fleet.chat(), 503)
    assert "The engine is currently busy" in error["message"]
    assert error["type"] == "Service Unavailable"


# --- the engine's process is killed ---


@pytest.mark.parametrize("version", ["0.11.0", "0.32.0"])
def test_an_engine_that_dies_is_counted_though_its_stream_ends_well(world, version):
    dying = world.sim("--ttft", "0", "--itl", "10ms", "--vllm-version", version)
    fleet = pair_of(world, dying, world.sim(*QUICK), **FAST)
    client = stream_on(fleet, "a")
    fall_ill(world, dying, "kill_engine")
    response = client.read_body(client.head)
    pieces = response.body.decode().split("\n\n")
    assert pieces[-2:] == ["data: [DONE]", ""]
    assert "EngineCore encountered an issue" in pieces[-3] and '"error"' in pieces[-3]
    client.close()
    identity = response.header("x-olla-request-id")
    (record,) = fleet.gateway.access(request_id=identity)
    assert record["error"] == "the endpoint told an error" and record["status"] == 200
    fleet.gateway.wait_for_record(
        lambda r: r["msg"] == "endpoint ended its answer with an error" and r["endpoint"] == "a",
        "the failure of a",
    )
    fleet.until_status("a", "unhealthy")
    for _ in range(4):
        assert answered_by(fleet.chat(max_tokens=3)) == "b"
    assert fleet.health()["status"] == "degraded"


@pytest.mark.parametrize(
    "events",
    [
        b'data: {"error": {"message": "x", "code": 500}}\n\ndata: [DONE]\n\n',
        b'event: error\ndata: {"type":"error","error":{"type":"x","message":"y"}}\n\n',
    ],
)
def test_an_error_event_asks_for_a_health_check(world, events):
    def tell_error(exchange):
        exchange.begin_stream()
        exchange.event('{"choices":[]}')
        exchange.send(b"%x\r\n%s\r\n" % (len(events), events))
        exchange.end_stream()

    backend = world.backend(tell_error, name="a")
    fleet = world.fleet(backend.endpoint())  # Checked every 30 s.
    checks = len(backend.health_times)
    response = fleet.chat(stream=True)
    assert response.status == 200 and response.body.endswith(events)
    backend.wait_until(lambda: len(backend.health_times) > checks, "a health check")
    assert fleet.gateway.access(error="the endpoint told an error", endpoint="a")


def test_a_text_that_speaks_of_errors_is_a_success(world):
    def speak(exchange):
        exchange.begin_stream()
        exchange.event('{"choices":[{"delta":{"content":"data: {\\"error\\": 1}"}}]}')
        exchange.event('{"choices":[],"error":null}')
        exchange.event("[DONE]")
        exchange.end_stream()

    backend = world.backend(speak, name="a")
    fleet = world.fleet(backend.endpoint())
    checks = len(backend.health_times)
    response = fleet.chat(stream=True)
    (record,) = fleet.gateway.access(request_id=response.header("x-olla-request-id"))
    assert "error" not in record, record
    assert len(backend.health_times) == checks


# --- the server hangs ---


def hang_config(by):
    """Who finds out that the port refuses: the scrape or the health check."""
    return OFTEN if by == "scrape" else {"vllm": {"metrics_interval": "0"}}


@pytest.mark.parametrize("by", ["scrape", "health check"])
def test_a_stream_of_a_server_that_hangs_is_ended_with_an_error_event(world, by):
    hanging = world.sim("--ttft", "0", "--itl", "20ms")
    endpoint = {} if by == "scrape" else FAST
    fleet = pair_of(world, hanging, config=hang_config(by), **endpoint)
    client = fleet.stream(CHAT, STREAMED)
    fall_ill(world, hanging, "hang")
    # The limit on silence is ten minutes: only the port that refuses can end this.
    rest = client.read_rest()
    assert rest.endswith(b"\n\n\r\n") and not rest.endswith(LAST_CHUNK)
    assert b"[DONE]" not in rest
    last = json.loads(rest[rest.rindex(b"data: ") + 6 :])
    assert last["error"]["code"] == 502 and "endpoint" in last["error"]["message"]
    (record,) = fleet.gateway.access(request_id=client.head.header("x-olla-request-id"))
    assert record["error"] == "the endpoint broke off"
    client.close()


def test_a_message_of_a_server_that_hangs_ends_with_an_event_of_its_kind(world):
    hanging = world.sim("--ttft", "0", "--itl", "500ms")
    fleet = pair_of(world, hanging)
    request = {"model": "tiny", "messages": MESSAGES, "max_tokens": 4000, "stream": True}
    client = fleet.stream("/v1/messages", request)
    fall_ill(world, hanging, "hang")
    rest = client.read_rest()
    last = rest[rest.rindex(b"event: ") :].split(b"\n")
    assert last[0] == b"event: error"
    assert json.loads(last[1].removeprefix(b"data: "))["type"] == "error"
    client.close()


def test_the_sdk_sees_an_error_when_a_server_hangs(world):
    hanging = world.sim("--ttft", "0", "--itl", "20ms")
    fleet = pair_of(world, hanging)
    with fleet.openai() as client:
        extra = {"ignore_eos": True}
        stream = client.chat.completions.create(
            model="tiny", messages=MESSAGES, max_tokens=4000, stream=True, extra_body=extra
        )
        assert next(stream).choices
        fall_ill(world, hanging, "hang")
        with pytest.raises(openai.APIError) as error:
            for _ in stream:
                pass
    assert "The connection to the endpoint broke" in str(error.value)


def test_a_request_that_has_not_begun_goes_elsewhere_when_its_server_hangs(world):
    hanging = world.sim("--ttft", "600s", "--enable-server-load-tracking")
    other = world.backend(name="b")
    release = threading.Event()

    def hold(exchange):
        assert release.wait(scaled(30))
        exchange.json(b"{}")

    other.handler, other.models = hold, ["tiny"]
    fleet = world.fleet(hanging.endpoint(name="a"), other.endpoint(), config=OFTEN)
    # Neither is answered before the other one has come, so that one goes to each.
    clients = [world.connect(fleet.gateway) for _ in range(2)]
    for client in clients:
        client.send(json_request(PREFIX + CHAT, {"model": "tiny", "messages": MESSAGES}))
    other.wait_for_requests(1)
    direct = world.connect(hanging)
    fleet.until(
        lambda: direct.request("GET", "/load").json() == {"server_load": 1}, "a request at a"
    )
    fall_ill(world, hanging, "hang")
    other.wait_for_requests(2)
    release.set()
    for client in clients:
        assert answered_by(client.read_response()) == "b"


def test_silence_of_a_server_whose_port_answers_is_no_failure(world):
    slow = world.sim("--ttft", "0", "--itl", "1300ms")
    fleet = pair_of(world, slow)
    request = {"model": "tiny", "messages": MESSAGES, "stream": True, "max_tokens": 2}
    client = fleet.stream(CHAT, {**request, "min_tokens": 2})
    body = client.read_body(client.head).body
    assert body.endswith(b"data: [DONE]\n\n") and b'"error"' not in body
    client.close()


# --- ids ---


@pytest.mark.parametrize(
    ("path", "more", "prefix"),
    [
        (CHAT, {"messages": MESSAGES}, "chatcmpl-"),
        ("/v1/completions", {"prompt": "a"}, "cmpl-"),
        ("/v1/embeddings", {"input": "a"}, "embd-"),
    ],
)
@pytest.mark.parametrize("header", [None, "X-Olla-Request-ID", "X-Request-Id"])
def test_the_id_of_an_answer_is_the_id_of_the_request(world, path, more, prefix, header):
    fleet = pair_of(world, world.sim(*QUICK))
    given = [(header, "my-own.id_7")] if header else []
    for stream in (False, True) if "embed" not in path else (False,):
        response = fleet.post(path, {"model": "tiny", "stream": stream, **more}, given)
        identity = response.header("x-olla-request-id")
        assert identity == "my-own.id_7" if header else identity
        told = events_of(response.body)[0] if stream else response.json()
        assert told["id"] == prefix + identity
        assert fleet.gateway.access(request_id=identity, path="/olla/vllm" + path)


def test_vllm_gets_the_id_once_and_others_do_not(world):
    vllm, other = world.backend(name="v"), world.backend(name="o")
    other_entry = other.endpoint(type="openai-compatible")
    ids = [("X-Request-Id", "two"), ("X-Olla-Request-ID", "one")]
    fleet = world.fleet(vllm.endpoint())
    assert fleet.chat(headers=ids).header("x-olla-request-id") == "one"
    (got,) = vllm.requests
    assert got.header_values("x-request-id") == got.header_values("x-olla-request-id") == ["one"]
    gateway = world.gateway(other, config={"endpoints": [other_entry]})
    response = world.connect(gateway).post("/olla/openai" + CHAT, {}, ids)
    assert response.status == 200
    assert other.requests[-1].header_values("x-request-id") == ["two"], "the client's own"

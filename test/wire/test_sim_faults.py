"""What a simulated server does wrong when it is told to."""

import socket
import time

import pytest

from harness.environment import scaled
from harness.message import Malformed, Truncated, json_request

CHAT = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "What is a queue?"}]
EVENTS = 3


@pytest.fixture(scope="module")
def sim(shared):
    return shared.sim("--ttft", "2ms", "--itl", "1ms")


@pytest.fixture
def told(world, sim):
    """Sets faults, and takes them back in the end."""

    def tell(*faults, **more):
        response = world.connect(sim).post("/sim/faults", {"faults": faults, **more})
        assert response.status == 200, response
        return response.json()["faults"]

    yield tell
    tell()


def chat(**more):
    return {"model": "tiny", "messages": MESSAGES, "max_tokens": 20, "ignore_eos": True, **more}


def stream(client, **more):
    """Sends a chat that is streamed, and reads its head."""
    client.send(json_request(CHAT, chat(stream=True, **more)))
    head = client.read_head()
    assert head.status == 200
    return head


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=scaled(5)).close()
    except ConnectionRefusedError:
        return True
    return False


def is_silent(client) -> bool:
    """Whether nothing has come since it was asked last, and no end either."""
    try:
        client.assert_open()
        return True
    except AssertionError:
        assert client.reader.some(), "the end came"
        return False


def until(condition, what: str):
    deadline = time.monotonic() + scaled(15)
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_resets_a_request_as_often_as_it_is_told(world, sim, told):
    told("reset,count=2")
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            world.connect(sim).post(CHAT, chat())
    assert world.connect(sim).post(CHAT, chat()).status == 200
    (fault,) = world.connect(sim).request("GET", "/sim/faults").json()["faults"]
    assert fault == {"kind": "reset", "struck": 2, "active": False}


def test_says_nothing(world, sim, told):
    told("hang")
    client = world.connect(sim)
    client.send(json_request(CHAT, chat()))
    client.assert_open()
    client.close()
    assert world.connect(sim).request("GET", "/health").status == 200


@pytest.mark.parametrize(
    "kind, status, words",
    [
        ("busy", 503, "The engine is currently busy and cannot accept new requests."),
        ("engine_dead", 500, "EngineCore encountered an issue."),
        ("shutting_down", 500, "cannot schedule new futures after shutdown"),
    ],
)
def test_fails_in_the_words_of_vllm(world, sim, told, kind, status, words):
    told({"kind": kind, "count": 2})
    client = world.connect(sim)
    response = client.post(CHAT, chat())
    assert response.status == status and response.json()["error"]["code"] == status
    assert response.json()["error"]["message"].startswith(words)
    assert [name for name, _ in response.headers] == [
        "date",
        "server",
        "content-length",
        "content-type",
        "vary",
    ]
    message = client.post("/v1/messages", chat())
    assert message.status == status and message.json()["type"] == "error"
    assert client.post(CHAT, chat()).status == 200


def test_fails_without_words(world, sim, told):
    told("internal_error")
    response = world.connect(sim).post(CHAT, chat())
    assert response.status == 500 and response.body == b"Internal Server Error"


def test_looks_ill(world, sim, told):
    told("unhealthy")
    client = world.connect(sim)
    health = client.request("GET", "/health")
    assert health.status == 503 and health.body == b""
    assert client.post(CHAT, chat()).status == 200


def test_strikes_the_paths_that_it_is_told(world, sim, told):
    told("busy,path=/v1/models")
    client = world.connect(sim)
    assert client.request("GET", "/v1/models").status == 503
    assert client.post(CHAT, chat()).status == 200


def test_answers_late(world, sim, told):
    told("delay,delay=300ms")
    started = time.monotonic()
    assert world.connect(sim).post(CHAT, chat()).status == 200
    assert time.monotonic() - started >= 0.3


def test_writes_garbage(world, sim, told):
    told("garbage", seed=3)
    client = world.connect(sim)
    client.send(json_request(CHAT, chat()))
    first = client.read_rest()
    assert len(first) == 64 and not first.startswith(b"HTTP")
    told("garbage", seed=3)
    again = world.connect(sim)
    again.send(json_request(CHAT, chat()))
    assert again.read_rest() == first


def test_resets_a_stream(world, sim, told):
    told(f"stream_reset,after={EVENTS}")
    client = world.connect(sim)
    client.send(json_request(CHAT, chat(stream=True)))
    # It may destroy what was not read yet, the head too.
    with pytest.raises((ConnectionResetError, Truncated), match="reset"):
        client.read_response()


def test_closes_within_a_stream(world, sim, told):
    told(f"stream_close,after={EVENTS}")
    client = world.connect(sim)
    stream(client)
    rest = client.read_rest()
    assert rest.count(b"data: ") == EVENTS and b"[DONE]" not in rest
    assert not rest.endswith(b"0\r\n\r\n")


def test_ends_a_stream_in_order_but_early(world, sim, told):
    told(f"stream_end,after={EVENTS}")
    client = world.connect(sim)
    head = stream(client)
    events = client.read_body(head).body.split(b"\n\n")
    assert len(events) == EVENTS + 1 and b"data: [DONE]" not in events
    # The connection is as good as before.
    assert client.request("GET", "/health").status == 200


def test_falls_silent_within_a_stream(world, sim, told):
    told(f"stream_hang,after={EVENTS}")
    client = world.connect(sim)
    stream(client)
    for _ in range(EVENTS):
        client.reader.through(b"\n\n\r\n")
    client.assert_open()


def test_dies_within_a_stream(world, sim, told):
    told(f"stream_error,after={EVENTS}")
    client = world.connect(sim)
    head = stream(client)
    events = client.read_body(head).body.decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert events[-3].startswith('data: {"error": {"message": "EngineCore encountered an issue.')
    metrics = world.connect(sim).request("GET", "/metrics").body.decode()
    assert 'vllm:num_requests_running{engine="0",model_name="tiny"} 0.0' in metrics


def test_writes_garbage_within_a_stream(world, sim, told):
    told(f"stream_garbage,after={EVENTS}")
    client = world.connect(sim)
    head = stream(client)
    with pytest.raises((Malformed, Truncated, ValueError)):
        client.read_body(head)


def test_becomes_slow_within_a_stream(world, sim, told):
    told(f"stream_slow,after={EVENTS},delay=100ms")
    client = world.connect(sim)
    client.send(json_request(CHAT, chat(stream=True, max_tokens=4)))
    started = time.monotonic()
    response = client.read_body(client.read_head())
    # The role, four tokens and [DONE]: three of them come after the first three.
    assert response.body.endswith(b"data: [DONE]\n\n")
    assert time.monotonic() - started >= 0.3


def test_refuses_for_a_while(world, sim, told):
    told("refuse,for=300ms")
    until(lambda: is_refused(sim.port), "the port never closed")
    until(lambda: not is_refused(sim.port), "the port never opened again")
    assert world.connect(sim).post(CHAT, chat()).status == 200


def test_starts_slowly(world):
    sim = world.sim("--fault", "refuse,for=1s")
    assert is_refused(sim.port)
    until(lambda: not is_refused(sim.port), "the port never opened")
    assert world.connect(sim).post(CHAT, chat()).status == 200


def test_is_told_by_its_command_line(world):
    sim = world.sim("--fault", "busy,count=1", "--fault", "reset,count=1")
    assert world.connect(sim).post(CHAT, chat()).status == 503
    with pytest.raises(ConnectionResetError):
        world.connect(sim).post(CHAT, chat())
    assert world.connect(sim).post(CHAT, chat()).status == 200


def test_says_what_is_wrong_with_a_fault(world, sim):
    response = world.connect(sim).post("/sim/faults", {"faults": ["resett"]})
    assert response.status == 400 and "one of refuse" in response.json()["error"]["message"]


# --- SIGTERM ---


def running(world, *arguments):
    """A server and a stream that it is at."""
    sim = world.sim("--ttft", "2ms", "--itl", "20ms", *arguments)
    client = world.connect(sim)
    head = stream(client, max_tokens=100)
    client.reader.through(b"\n\n\r\n")
    return sim, client, head


def test_drains_when_it_is_told_to_end(world):
    sim, client, head = running(world, "--on-sigterm", "drain")
    sim.signal()
    probe = world.connect(sim)
    until(lambda: probe.post(CHAT, chat(max_tokens=1)).status == 500, "it never refused")
    assert probe.request("GET", "/health").status == 200
    assert client.read_body(head).body.endswith(b"data: [DONE]\n\n")
    assert sim.wait() == 0


def test_hangs_when_it_is_told_to_end(world):
    sim, client, _ = running(world, "--on-sigterm", "hang")
    sim.signal()
    until(lambda: is_refused(sim.port), "the port never closed")
    assert sim.running()
    until(lambda: is_silent(client), "the stream went on")
    time.sleep(0.2)  # Ten tokens.
    assert is_silent(client) and sim.running()
    client.close()
    assert sim.wait() == 0


def test_stops_at_the_second_signal(world):
    sim, client, _ = running(world, "--on-sigterm", "hang")
    sim.signal()
    until(lambda: is_refused(sim.port), "the port never closed")
    sim.signal()
    assert sim.wait() == 0

"""What the gateway says of its work, and what it must never say."""

import contextlib
import json
import os
import re
import subprocess
import time

import pytest

from harness.client import Client
from harness.environment import binary, scaled
from harness.message import request_bytes
from harness.process import write_config

CHAT = "/olla/vllm/v1/chat/completions"
BODY = {"model": "Some/Model", "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"prompt_tokens": 11, "completion_tokens": 22, "total_tokens": 33}
FIELDS = {
    "request_id",
    "client",
    "method",
    "path",
    "model",
    "endpoint",
    "status",
    "bytes",
    "ttfb_ms",
    "duration_ms",
}


@pytest.fixture
def backend(world):
    return world.backend(name="vllm-server")


@pytest.fixture
def gateway(world, backend):
    return world.gateway(backend)


def with_id(value):
    return [("X-Olla-Request-ID", value)]


def test_writes_one_line_for_each_request(world, gateway, backend):
    backend.handler = lambda exchange: exchange.json(b'{"object": "x"}')
    client = world.connect(gateway)
    for number in range(3):
        client.post(CHAT, BODY, with_id(f"log-{number}"))
    for number in range(3):
        records = gateway.access(request_id=f"log-{number}")
        assert len(records) == 1
        (record,) = records
        assert FIELDS <= set(record), FIELDS - set(record)
        assert record["client"].startswith("127.0.0.1")
        assert record["method"] == "POST" and record["status"] == 200
        assert record["path"] == CHAT
        assert record["model"] == "Some/Model" and record["endpoint"] == "vllm-server"
        assert record["bytes"] >= len(b'{"object": "x"}')
        assert 0 <= record["ttfb_ms"] <= record["duration_ms"] < 60_000
        assert "completion_tokens" not in record and "prompt_tokens" not in record


def test_logs_the_tokens_of_a_whole_answer(world, gateway, backend):
    document = json.dumps({"object": "chat.completion", "usage": USAGE}).encode()
    backend.handler = lambda exchange: exchange.json(document)
    world.connect(gateway).post(CHAT, BODY, with_id("whole"))
    (record,) = gateway.access(request_id="whole")
    assert (record["prompt_tokens"], record["completion_tokens"]) == (11, 22)


def test_logs_the_tokens_of_a_stream(world, gateway, backend):
    def answer(exchange):
        exchange.begin_stream()
        exchange.event(json.dumps({"choices": [{"delta": {"content": "x"}}]}))
        exchange.event(json.dumps({"choices": [], "usage": USAGE}))
        exchange.event("[DONE]")
        exchange.end_stream()

    backend.handler = answer
    world.connect(gateway).post(CHAT, {**BODY, "stream": True}, with_id("stream"))
    (record,) = gateway.access(request_id="stream")
    assert (record["prompt_tokens"], record["completion_tokens"]) == (11, 22)


def test_logs_what_it_answered_itself(world, gateway):
    client = world.connect(gateway)
    client.request("GET", "/nowhere", with_id("not-found"))
    client.request("POST", CHAT, with_id("bad"), b"[]")
    assert gateway.access(request_id="not-found")[0]["status"] == 404
    assert gateway.access(request_id="bad")[0]["status"] == 400


def test_logs_a_client_that_left(world, gateway, backend):
    def wait(exchange):
        exchange.begin_stream()
        exchange.wait_for_close()

    backend.handler = wait
    client = world.connect(gateway)
    client.send(b"GET /olla/vllm/v1/audio/x HTTP/1.1\r\nHost: h\r\nX-Olla-Request-ID: left\r\n\r\n")
    client.read_head()
    client.close()
    assert len(gateway.access(request_id="left")) == 1


def test_writes_valid_json_whatever_the_request_holds(world, gateway):
    client = world.connect(gateway)
    odd = 'odd"\\{}'
    target = '/olla/vllm/v1/"quoted"\\x?a="b"'
    response = client.request("GET", target, with_id(odd))
    (record,) = gateway.access(request_id=odd)
    assert record["status"] == response.status
    client.send(b"GET /olla/vllm/\xc3\xa9\xff HTTP/1.1\r\nHost: h\r\n\r\n")
    status = client.read_response().status
    gateway.access(count=1, status=status)
    gateway.records()  # Every line that begins as JSON is JSON.


def test_keeps_secrets_out_of_the_log(world, backend):
    gateway = world.gateway(
        backend,
        endpoint={
            "headers": {"X-API-Key": "${OLLA_TEST_KEY}", "Authorization": "Bearer of-endpoint-7"},
            "forward_client_auth": True,
        },
        environment={"OLLA_TEST_KEY": "key-of-endpoint-7"},
        config={"logging": {"level": "debug"}},
    )
    secrets = [
        ("Authorization", "Bearer of-client-7"),
        ("X-Api-Key", "key-of-client-7"),
        ("Cookie", "session=cookie-of-client-7"),
        ("Proxy-Authorization", "Basic proxy-of-client-7"),
    ]
    client = world.connect(gateway)
    client.post(CHAT, BODY, [*secrets, *with_id("with-secrets")])
    backend.handler = lambda exchange: exchange.send(b"key-of-endpoint-7 is no response\r\n\r\n")
    client.post(CHAT, BODY, [*secrets, *with_id("with-error")])
    client.post(CHAT, {**BODY, "messages": [{"role": "user", "content": "prompt-of-client-7"}]})
    client.send(b"GET / HTTP/1.1\r\nAuthorization : Bearer of-client-7\r\n\r\n")
    client.read_response()
    gateway.access(request_id="with-secrets")
    gateway.access(request_id="with-error")
    gateway.stop()
    for secret in ("-of-client-7", "of-client-7", "-of-endpoint-7", "of-endpoint-7"):
        assert secret not in gateway.output(), secret


def test_cuts_what_a_client_made_long(world, gateway):
    client = world.connect(gateway)
    client.post(CHAT, {**BODY, "model": "m" * 1_000_000}, with_id("long-model"))
    client.request("GET", "/" + "p" * 500_000, with_id("long-path"))
    (model,) = gateway.access(request_id="long-model")
    (path,) = gateway.access(request_id="long-path")
    assert model["model"] == "m" * 1024 + "...[cut]"
    assert path["path"] == "/" + "p" * 1023 + "...[cut]"


def test_can_log_as_text(world, backend):
    gateway = world.gateway(backend, config={"logging": {"format": "text"}})
    world.connect(gateway).request("GET", "/olla/vllm/v1/audio/x", with_id("as-text"))
    line = gateway.wait_for_line(lambda text: text if "as-text" in text else None, "the line")
    assert not line.startswith("{")
    assert re.search(r"\b200\b", line) and "vllm-server" in line


def test_logs_less_at_a_higher_level(world, backend):
    # No record says which port it is, so the port has to be known before.
    probe = world.backend()
    probe.refuse()
    config = {"server": {"port": probe.port}, "logging": {"level": "error"}}
    gateway = world.gateway(config=config, listening_on=probe.port)
    assert world.connect(gateway).request("GET", "/internal/health").status == 200
    assert gateway.records() == []


@contextlib.contextmanager
def gateway_with_own_log(tmp_path, backend):
    """A gateway whose standard output is this test's to read, or not. Gives process and port."""
    config = {"server": {"host": "127.0.0.1", "port": 0}, "endpoints": [backend.endpoint()]}
    command = [str(binary()), "serve", "-c", str(write_config(config, tmp_path))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)
    try:
        record = {}
        while record.get("msg") != "listening":
            record = json.loads(process.stdout.readline())
        yield process, record["port"]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_outlives_the_reader_of_its_log(tmp_path, backend):
    with gateway_with_own_log(tmp_path, backend) as (process, port):
        process.stdout.close()
        for _ in range(3):
            client = Client(port)
            assert client.request("GET", "/olla/vllm/v1/audio/x").status == 200
            client.close()
        assert process.poll() is None
        process.terminate()
        assert process.wait(scaled(20)) == 0


def test_lets_nothing_take_the_place_of_a_closed_stream(tmp_path, backend):
    config = {"server": {"host": "127.0.0.1", "port": 0}, "endpoints": [backend.endpoint()]}
    command = [str(binary()), "serve", "-c", str(write_config(config, tmp_path))]
    closing = ["bash", "-c", 'exec "$@" <&- >&- 2>&-', "bash"]
    with subprocess.Popen([*closing, *command]) as process:
        try:
            # Without a log the first health check tells that it runs, and has all its descriptors.
            deadline = time.monotonic() + scaled(20)
            while not backend.health_requests:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.01)
            streams = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)]
            assert streams == ["/dev/null"] * 3
            process.terminate()
            assert process.wait(scaled(20)) == 0
        finally:
            process.kill()


def test_ends_although_nobody_reads_its_log(tmp_path, backend):
    with gateway_with_own_log(tmp_path, backend) as (process, port):
        client = Client(port)
        # More lines than a pipe holds.
        for _ in range(600):
            assert client.request("GET", "/olla/vllm/v1/audio/x").status == 200
        client.close()
        process.terminate()
        assert process.wait(scaled(20)) == 0


def test_keeps_the_query_and_the_authority_of_a_target_out_of_the_log(world, gateway, backend):
    client = world.connect(gateway)
    client.request("GET", "/olla/vllm/v1/audio/x?api_key=sk-s3cret", with_id("query"))
    client.request("GET", "http://s3cret.test/olla/vllm/v1/audio/x", with_id("authority"))
    for name in ("query", "authority"):
        (record,) = gateway.access(request_id=name)
        assert record["path"] == "/olla/vllm/v1/audio/x"
    assert "s3cret" not in gateway.output()


def test_writes_a_line_for_a_client_that_leaves_during_its_upload(world, gateway):
    client = world.connect(gateway)
    head = [("Content-Length", "10"), ("X-Olla-Request-ID", "upload")]
    client.send(request_bytes("POST", CHAT, head) + b"half")
    client.close()
    (record,) = gateway.access(request_id="upload")
    assert record["status"] == 499

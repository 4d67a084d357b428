"""What Olla gets wrong on the wire, by the number of the fault, and that it is right here.

The faults of one part of the gateway are tested with that part; here are the others."""

import json
import re
import threading
import time
from pathlib import Path

import pytest

from harness import environment
from harness.backend import Backend
from harness.errors import assert_error
from harness.process import run
from harness.world import World

CHAT = "/olla/vllm/v1/chat/completions"
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def answer(exchange) -> None:
    exchange.json(b'{"id":"c-1","object":"chat.completion","choices":[]}')


def ask(client, document=None, headers=()):
    return client.post(CHAT, document or QUESTION, headers)


def test_olla_w20_a_body_of_known_length_keeps_it(world: World):
    backend = world.backend(answer)
    client = world.connect(world.gateway(backend))
    assert ask(client).status == 200
    (request,) = backend.wait_for_requests(1)
    assert request.header("transfer-encoding") is None
    assert request.header("content-length") == str(len(request.body))
    assert json.loads(request.body) == QUESTION


def test_olla_w27_tells_the_whole_time_in_a_trailer(world: World):
    def slow_stream(exchange) -> None:
        exchange.begin_stream()
        exchange.event('{"choices":[]}')
        time.sleep(0.2)
        exchange.event("[DONE]")
        exchange.end_stream()

    client = world.connect(world.gateway(world.backend(slow_stream)))
    response = ask(client, headers=[("TE", "trailers")])
    to_head = int(response.header("x-olla-response-time").removesuffix("ms"))
    (in_all,) = [
        content for name, content in response.trailers if name.lower() == "x-olla-response-time"
    ]
    assert int(in_all.removesuffix("ms")) >= max(200, to_head)


def test_olla_w28_the_request_id_reaches_the_backend(world: World):
    backend = world.backend(answer)
    client = world.connect(world.gateway(backend))
    response = ask(client, headers=[("X-Request-ID", "mine-7")])
    (request,) = backend.wait_for_requests(1)
    assert request.header("x-olla-request-id") == "mine-7"
    assert response.header("x-olla-request-id") == "mine-7"


def test_olla_w28_errors_are_json_and_name_no_address(world: World):
    backends = [world.backend(lambda exchange: exchange.reset()) for _ in range(2)]
    client = world.connect(world.gateway(*backends))
    response = ask(client)
    assert response.status in (502, 503)
    error = assert_error(response, response.status)
    assert set(error) >= {"message", "type", "param", "code"}
    text = response.body.decode()
    assert "127.0.0.1" not in text
    assert not any(str(backend.port) in text for backend in backends)


def test_olla_w29_credentials_reach_the_backends_that_are_to_get_them(world: World):
    mine = [("Authorization", "Bearer users-own"), ("X-Api-Key", "users-key")]
    for forwards in (False, True):
        backend = world.backend(answer)
        gateway = world.gateway(backend, endpoint={"forward_client_auth": forwards})
        assert ask(world.connect(gateway), headers=mine).status == 200
        (request,) = backend.wait_for_requests(1)
        assert (request.header("authorization") == "Bearer users-own") is forwards
        assert (request.header("x-api-key") == "users-key") is forwards


def test_olla_w37_standard_output_is_json_lines_alone(world: World):
    gateway = world.gateway(world.backend(answer))
    client = world.connect(gateway)
    ask(client)
    client.request("GET", "/nowhere")
    gateway.stop()
    lines = gateway.output().splitlines()
    assert lines
    for line in lines:
        assert isinstance(json.loads(line), dict), line


def peak_bytes(gateway) -> int:
    status = Path(f"/proc/{gateway.pid}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE).group(1)) * 1024


@pytest.mark.skipif(environment.sanitized(), reason="sanitizers keep freed memory")
def test_olla_w41_a_large_body_is_held_once(world: World):
    """Olla's peak grows by 2.3 times a body of 50 MB."""
    got = threading.Event()

    def take(exchange) -> None:
        got.set()
        answer(exchange)

    gateway = world.gateway(world.backend(take))
    client = world.connect(gateway)
    before = peak_bytes(gateway)
    text = "x" * 50_000_000
    assert ask(client, {**QUESTION, "messages": [{"role": "user", "content": text}]}).status == 200
    assert got.is_set()
    assert peak_bytes(gateway) - before < 1.5 * len(text)


def test_olla_w42_routes_that_change_a_server_are_no_clients_business(world: World):
    backend: Backend = world.backend(answer)
    client = world.connect(world.gateway(backend))
    for method, path in [
        ("POST", "/sleep"),
        ("POST", "/wake_up"),
        ("POST", "/v1/load_lora_adapter"),
        ("POST", "/v1/unload_lora_adapter"),
        ("POST", "/reset_prefix_cache"),
        ("POST", "/collective_rpc"),
    ]:
        for prefix in ("/olla/vllm", "/olla/openai", "/olla/proxy"):
            body = b"{}" if method == "POST" else None
            assert_error(client.request(method, prefix + path, body=body), 403)
    assert backend.requests == []


TYPES = ["ollama", "llamacpp", "litellm", "docker-model-runner", "lm-studio", "sglang"]
TYPES += ["vllm-mlx", "lmdeploy", "vllm", "lemonade", "omlx", "openai-compatible", "auto"]


def test_olla_w49_every_type_is_there_without_a_folder_of_profiles(tmp_path: Path):
    listed = [
        {"url": f"http://127.0.0.1:{number}", "name": kind, "type": kind}
        for number, kind in enumerate(TYPES, start=1)
    ]
    (tmp_path / "olla.yaml").write_text(json.dumps({"endpoints": listed}))
    done = run("check", "olla.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert f"no errors, 0 warnings, {len(TYPES)} endpoints" in done.stdout

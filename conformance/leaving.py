"""A client that is gone: how soon the real server stops generating."""

import re
import time

from cases import CHAT, fixed
from compare import Result
from harness.client import Client
from harness.message import json_request

# The server's gauge follows within an engine step; the rest is for a busy machine.
STOPPED_MS_MAX = 1000


def running(port: int) -> int:
    text = Client(port).request("GET", "/metrics").body.decode()
    counts = re.findall(r"^vllm:num_requests_running\{[^}]*\} ([0-9.e+]+)$", text, re.MULTILINE)
    if not counts:
        raise RuntimeError("the server has no vllm:num_requests_running")
    return int(sum(map(float, counts)))


def _wait_for(count: int, port: int, seconds: float) -> float | None:
    """Milliseconds until the server runs `count` requests; None when it never did."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if running(port) == count:
            return (time.monotonic() - started) * 1000
    return None


def _leave(vllm_port: int, port: int, prefix: str, stream: bool, how: str) -> str | float:
    """Milliseconds from the client's leaving to an idle server, or what went wrong."""
    client = Client(port, timeout=60)
    request = fixed(max_tokens=2000, ignore_eos=True, stream=stream)
    client.send(json_request(prefix + CHAT, request))
    if stream:
        client.read_head()
        for _ in range(10):
            client.reader.through(b"\n\n")
    if _wait_for(1, vllm_port, 10) is None:
        return "the request never ran"
    getattr(client, how)()
    stopped = _wait_for(0, vllm_port, 10)
    return "the request still runs after 10 s" if stopped is None else stopped


def compare_leaving(vllm_port: int, port: int, prefix: str) -> list[Result]:
    results = []
    for stream in (True, False):
        for how in ("close", "reset"):
            direct = _leave(vllm_port, vllm_port, "", stream, how)
            through = _leave(vllm_port, port, prefix, stream, how)
            name = f"client leaves ({how}), {'mid-stream' if stream else 'before the answer'}"
            slow = isinstance(through, str) or through > STOPPED_MS_MAX
            differences = [f"{through}"] if slow else []
            results.append(Result(name, _words(direct), _words(through), differences))
    return results


def _words(outcome: str | float) -> str:
    return outcome if isinstance(outcome, str) else f"0 running after {outcome:.0f} ms"

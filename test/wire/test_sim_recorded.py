"""Every request that was recorded with a real vLLM, repeated at the simulated one.

What differs is listed in recorded/differences.tsv, each with its reason. A difference that is not
listed fails, and so does one that is listed and not there any more. `OLLA_DIFFERENCES=FILE` writes
what was found in the form of the list."""

import os
import re
import socket
import time
from pathlib import Path

import pytest

from harness import recorded
from harness.environment import REPOSITORY, scaled
from harness.message import (
    Reader,
    Truncated,
    json_request,
    read_body,
    read_head,
    request_bytes,
)

LIST = recorded.FOLDER / "differences.tsv"
DOCUMENT = REPOSITORY / "docs/simulator.md"

FAST = ("--max-model-len", "2048", "--ttft", "0", "--itl", "0")
SLOW = ("--max-model-len", "2048", "--ttft", "0", "--itl", "1s")
PLAIN = ("--kind", "generate", *FAST)
FULL = ("--kind", "generate", "--model", "tiny-alias", "--lora", "tiny-sql", "--dev-mode")
FULL = (*FULL, "--allow-runtime-lora-updating", "--enable-request-id-headers", *FAST)
FULL = (*FULL, "--enable-prompt-tokens-details", "--enable-server-load-tracking")
TOOLS = ("--enable-auto-tool-choice", "--tool-call-parser", "hermes")
FULL = (*FULL, *TOOLS, "--reasoning-parser", "qwen3")
DEV = ("--kind", "generate", "--lora", "tiny-sql", "--dev-mode", *SLOW)
DEV = (*DEV, "--enable-server-load-tracking")
GUARD = ("--kind", "generate", "--api-key", "secret-one", "--api-key", "secret-two")
GUARD = (*GUARD, "--enable-force-include-usage", "--allowed-origins", "http://localhost:3000")
GUARD = (*GUARD, *TOOLS)
GUARDED = (*GUARD, *FAST)
FULL_QUEUE = (*GUARD, *SLOW, "--max-num-seqs", "2", "--max-num-queued-reqs", "4")

# How the recorded server was started, in the simulator's flags, and its model.
SERVERS = {
    "b-full": ("tiny", FULL),
    "b-lora": ("tiny", FULL),
    "b-dev": ("tiny", FULL),
    "c-embed": ("tiny-embed", ("--kind", "embed", *FAST)),
    "d-rerank": ("tiny-rerank", ("--kind", "rerank", *FAST)),
    "e-classify": ("tiny-classify", ("--kind", "classify", *FAST)),
    "f-auth": ("tiny", GUARDED),
    "f-tools": ("tiny", GUARDED),
    "f-queue": ("tiny", FULL_QUEUE),
    "i-scaleout": ("tiny", (*PLAIN, "--enable-scale-out")),
}


def server(exchange: recorded.Exchange) -> tuple[str, tuple[str, ...]]:
    """The server of an exchange. In the folders of the second one are exchanges with a third, which
    was started with less."""
    model, flags = SERVERS.get(exchange.folder, ("tiny", PLAIN))
    has_id = any(name == "x-request-id" for a in exchange.answers for name, _ in a["fields"])
    if exchange.folder.startswith("b-") and not has_id:
        flags = DEV
    if exchange.version != "0.32.0":
        flags = ("--vllm-version", "0.11.0.post2", *flags)
    return model, flags


KEY = {"Authorization": "Bearer secret-one"}


def long_request(stream: bool, more: dict | None = None) -> bytes:
    """A chat that runs until somebody ends it."""
    document = {"model": "tiny", "messages": [{"role": "user", "content": "tell me"}]}
    document |= {"max_tokens": 1500, "ignore_eos": True, "stream": stream}
    return json_request("/v1/chat/completions", document, [*(more or {}).items()])


# What has to run when a request comes, and which recording tells what it got in the end.
RUNNING = {
    "b-full/load-during": {"": [long_request(True)] * 2},
    "b-dev/pause-abort": {
        "paused-plain": [long_request(False)],
        "paused-stream": [long_request(True)],
    },
    "b-dev/abort-requests": {"aborted-stream": [long_request(True, {"X-Request-Id": "kill-me"})]},
    "f-queue/embeddings-503": {"": [long_request(True, KEY)] * 4},
}


class Replay:
    """Repeats exchanges at one server. Ids that it gave stand in for the recorded ones."""

    def __init__(self, port: int):
        self._port = port
        self._ids: dict[str, str] = {}
        self._running: dict[str, list[socket.socket]] = {}

    def close(self) -> None:
        for sock in [s for socks in self._running.values() for s in socks]:
            sock.close()

    def prepare(self, exchange: recorded.Exchange) -> None:
        """Starts what has to run already, and ends what ran for another request."""
        for sock in self._running.pop("", []) if exchange.folder != "f-queue" else []:
            sock.close()
        wanted = RUNNING.get(f"{exchange.folder}/{exchange.name}", {})
        for name, requests in wanted.items():
            for request in requests:
                self._running.setdefault(name, []).append(self._send(request))
        self._wait_until_running(sum(len(requests) for requests in wanted.values()))

    def _wait_until_running(self, count: int) -> None:
        deadline = time.monotonic() + scaled(10)
        while count:
            with self._send(request_bytes("GET", "/metrics")) as sock:
                reader = Reader(sock)
                text = read_body(reader, read_head(reader)).body.decode()
            name = "^vllm:num_requests_(?:running|waiting)"
            figures = re.findall(name + r"{.* ([0-9.]+)$", text, re.M)
            if sum(map(float, figures)) == count:
                return
            assert time.monotonic() < deadline, figures

    def _send(self, request: bytes) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self._port), scaled(10))
        sock.sendall(request)
        return sock

    def ask(self, exchange: recorded.Exchange) -> list[str]:
        """The differences of all its answers."""
        if exchange.after:
            with self._running.pop(exchange.name)[0] as sock:
                return self._read(exchange, Reader(sock))
        self.prepare(exchange)
        request, later = exchange.request, b""
        for old, new in self._ids.items():
            request = request.replace(old.encode(), new.encode())
        if b"Expect: 100-continue" in request:
            request, mark, later = request.partition(b"\r\n\r\n")
            request += mark
        with self._send(request) as sock:
            if not exchange.answers:
                sock.settimeout(0.1)
                return [] if silent(sock) else ["an answer"]
            return self._read(exchange, Reader(sock), lambda: sock.sendall(later))

    def _read(self, exchange, reader: Reader, on_interim=None) -> list[str]:
        out, method = [], "HEAD" if exchange.is_head else "GET"
        for answer in exchange.answers:
            try:
                response = read_body(reader, read_head(reader), method)
            except (Truncated, ConnectionError, socket.timeout) as error:
                out.append(f"no answer: {type(error).__name__}")
                break
            out += recorded.differences(answer, response, exchange.is_scripted)
            if response.status == 100:
                on_interim()
            self._remember(answer, response)
        if ["connection", "close"] in exchange.answers[-1]["fields"] and not out:
            out += [] if reader.at_end() else ["the connection stays open"]
        return list(dict.fromkeys(out))

    def _remember(self, answer, response) -> None:
        one = re.search(r'"id":"(resp_[^"]+)"', answer.get("body", ""))
        other = re.search(rb'"id":"(resp_[^"]+)"', response.body)
        if one and other:
            self._ids[one.group(1)] = other.group(1).decode()


def silent(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b"?"
    except socket.timeout:
        return True


@pytest.fixture(scope="module")
def replays(shared):
    """One server for each row of flags, which starts when it is asked for."""
    started: dict[tuple, Replay] = {}

    def replay(exchange: recorded.Exchange) -> Replay:
        model, flags = key = server(exchange)
        if key not in started:
            started[key] = Replay(shared.sim(*flags, model=model).port)
        return started[key]

    yield replay
    for each in started.values():
        each.close()


def listed() -> dict[str, dict[str, str]]:
    """Of each exchange: its differences, and the reason of each."""
    out: dict[str, dict[str, str]] = {}
    for line in LIST.read_text().splitlines():
        exchange, difference, reason = line.split("\t")
        assert difference not in out.setdefault(exchange, {}), f"listed twice: {line}"
        out[exchange][difference] = reason
    return out


@pytest.mark.parametrize("version, folder", recorded.folders())
def test_answers_as_a_real_one_did(replays, version, folder):
    known = listed()
    found, wrong = [], []
    for exchange in recorded.load(version, folder):
        here = replays(exchange).ask(exchange)
        there = known.get(exchange.id, {})
        found += [f"{exchange.id}\t{d}\t{there.get(d, '?')}\n" for d in here]
        wrong += [f"not listed: {exchange.id}\t{d}" for d in here if d not in there]
        wrong += [f"not there any more: {exchange.id}\t{d}" for d in there if d not in here]
    if file := os.environ.get("OLLA_DIFFERENCES"):
        Path(file).open("a").writelines(found)
    assert not wrong, "\n".join(wrong)


def test_the_document_tells_each_reason():
    """Its list of differences has the reasons of this one, and no others."""
    _, _, section = DOCUMENT.read_text().partition("### Against the recordings\n")
    section = section.partition("\n## ")[0]
    told = [" ".join(item.split()) for item in re.findall(r"^- (.*(?:\n  .*)*)", section, re.M)]
    reasons = {reason for each in listed().values() for reason in each.values()}
    assert sorted(told) == sorted(reasons)

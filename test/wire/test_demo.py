"""The commands that need no file: `olla demo`, and plain `olla`."""

import re
import subprocess

import pytest

from harness.backend import Backend
from harness.client import Client
from harness.environment import scaled
from harness.own_network import Unavailable, in_own_network
from harness.process import Process

GATEWAY_PORT = 40114


def alone(work) -> None:
    """Runs `work` where nobody else has the default ports."""
    try:
        in_own_network(work)
    except Unavailable as reason:
        pytest.skip(f"needs a network of its own: {reason}")


def listening(process: Process) -> None:
    process.wait_for_line(
        lambda line: "listening" in line and str(GATEWAY_PORT) in line, "that it listens"
    )


def test_demo_answers_and_its_curl_lines_work(world):
    demo = world.process(Process(["demo", "--port", "0"]))
    demo.wait_for(lambda: len(curl_lines(demo)) >= 3, "three curl lines", 20)
    for command in curl_lines(demo):
        done = subprocess.run(
            ["bash", "-c", command + " --fail --silent --show-error"],
            capture_output=True,
            timeout=scaled(20),
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
        assert done.stdout, command
    client = Client(int(re.search(r":(\d+)/", curl_lines(demo)[0]).group(1)))
    assert len(client.request("GET", "/olla/vllm/v1/models").json()["data"]) == 2


def test_demo_has_the_default_port():
    def work():
        demo = Process(["demo"])
        try:
            demo.wait_for(lambda: len(curl_lines(demo)) >= 3, "three curl lines", 20)
            assert Client(GATEWAY_PORT).request("GET", "/olla/vllm/v1/models").status == 200
        finally:
            demo.stop()

    alone(work)


def curl_lines(process: Process) -> list[str]:
    """The commands to try, each joined to one line where it was printed on several."""
    text = re.sub(r"\\\n\s*", " ", "\n".join(process.lines))
    return [line.strip() for line in text.split("\n") if line.strip().startswith("curl ")]


@pytest.mark.parametrize("arguments", [[], ["serve"]], ids=["plain", "serve"])
def test_without_a_file_says_what_to_do_and_keeps_looking(tmp_path, arguments):
    def work():
        gateway = Process(arguments, cwd=tmp_path)
        try:
            listening(gateway)
            client = Client(GATEWAY_PORT)
            assert client.request("GET", "/olla/vllm/version").status == 503
            gateway.wait_for_line(
                lambda line: "localhost:8000" in line, "where it looks for a server"
            )
            # A server that appears later is found.
            late = Backend(lambda exchange: exchange.json(b'{"data": []}'), port=8000)
            late.wait_until(lambda: late.health_times, "a health check", 20)
            for _ in range(2000):
                if client.request("GET", "/olla/vllm/version").status == 200:
                    break
            else:
                raise AssertionError("the server was never used")
            late.close()
        finally:
            gateway.stop()

    alone(work)


def test_help_names_every_command():
    done = Process(["--help"])
    assert done.wait() == 0
    for command in ("serve", "check", "sim", "demo"):
        assert any(re.match(rf"\s*{command}\b", line) for line in done.lines), done.output()


def test_an_unknown_command_is_refused():
    done = Process(["no-such-command"])
    assert done.wait() != 0
    assert "no-such-command" in done.output()

"""The config file: what is refused, with all faults at once, and what is accepted."""

import re
import socket

import pytest

from harness.client import Client
from harness.process import Gateway, run, write_config
from harness.world import DEFAULTS

BROKEN = """\
server:
  port: 99999
  hots: localhost
  request_limits:
    max_body_size: -5
proxy:
  connection_timeout: 5 parsecs
endpoints:
  - url: "ftp://127.0.0.1:8000"
    name: first
    check_interval: often
  - name: second
    priority: -1
logging:
  level: chatty
"""

# Every fault of BROKEN: key path and line. A missing key is reported where its entry begins.
FAULTS = [
    ("server.port", 2),
    ("server.hots", 3),
    ("server.request_limits.max_body_size", 5),
    ("proxy.connection_timeout", 7),
    ("endpoints[0].url", 9),
    ("endpoints[0].check_interval", 11),
    ("endpoints[1].url", 12),
    ("endpoints[1].priority", 13),
    ("logging.level", 15),
]

VALID = """\
server:
  host: 127.0.0.1
  port: 0
endpoints:
  - url: "http://127.0.0.1:9"
    name: nobody
    type: vllm
"""


@pytest.fixture
def file(tmp_path):
    """Writes a config and returns its path."""

    def write(text: str):
        path = tmp_path / "olla.yaml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("command", [["check"], ["serve", "-c"]], ids=["check", "serve"])
def test_reports_every_fault_at_once_with_key_path_and_line(file, command):
    path = file(BROKEN)
    done = run(*command, str(path))
    assert done.returncode == 2, done.stdout
    for key, line in FAULTS:
        pattern = rf"{re.escape(path.name)}:{line}\b[^\n]*{re.escape(key)}(?![\w\[.])"
        assert re.search(pattern, done.stdout), f"{key} at line {line} is not in:\n{done.stdout}"


@pytest.mark.parametrize(
    "text",
    ["server: [unclosed\n", "server:\n\tport: 1\n", "just a word\n", "endpoints: {a: b}\n"],
    ids=["not YAML", "tab", "a scalar", "a map for a list"],
)
def test_refuses_a_document_of_the_wrong_form(file, text):
    path = file(text)
    done = run("check", str(path))
    assert done.returncode == 2, done.stdout
    assert re.search(rf"{re.escape(path.name)}:\d+", done.stdout), done.stdout


def test_refuses_a_file_that_is_not_there(tmp_path):
    missing = tmp_path / "missing.yaml"
    for command in (["check"], ["serve", "-c"]):
        done = run(*command, str(missing))
        assert done.returncode == 2, done.stdout
        assert "missing.yaml" in done.stdout


@pytest.mark.parametrize("command", [["check", ""], ["serve", "-c", ""], ["-c", ""]], ids=" ".join)
def test_refuses_an_empty_name_of_a_file(command):
    done = run(*command)  # Not the gateway that runs without a file.
    assert done.returncode == 2, done.stdout
    assert done.stdout.startswith('error: "": '), done.stdout


def test_accepts_a_valid_file(file):
    done = run("check", str(file(VALID)))
    assert done.returncode == 0, done.stdout


def test_warns_once_of_a_known_key_that_is_not_implemented(file):
    done = run("check", str(file(VALID + "dashboard:\n  enabled: true\n")))
    assert done.returncode == 0, done.stdout
    assert len([line for line in done.stdout.splitlines() if "dashboard" in line]) == 1, done.stdout


def test_names_the_variable_that_a_header_needs(file):
    text = VALID + '    headers:\n      X-API-Key: "${OLLA_TEST_UNSET_VARIABLE}"\n'
    done = run("check", str(file(text)))
    assert done.returncode == 2, done.stdout
    assert "OLLA_TEST_UNSET_VARIABLE" in done.stdout
    assert re.search(r"olla\.yaml:9\b", done.stdout), done.stdout


def test_puts_variables_and_defaults_into_header_values(world):
    backend = world.backend()
    headers = {
        "X-API-Key": "${OLLA_TEST_KEY}",
        "X-Region": "eu-${OLLA_TEST_UNSET:-north}-1",
        "X-Plain": "$HOME",
    }
    gateway = world.gateway(
        backend, endpoint={"headers": headers}, environment={"OLLA_TEST_KEY": "from-environment"}
    )
    world.connect(gateway).request("GET", "/olla/vllm/v1/audio/x")
    (request,) = backend.requests
    assert request.header("x-api-key") == "from-environment"
    assert request.header("x-region") == "eu-north-1"
    assert request.header("x-plain") == "$HOME"


def test_accepts_the_nesting_under_discovery(world, tmp_path):
    backend = world.backend()
    endpoints = [backend.endpoint()]
    config = {**DEFAULTS, "discovery": {"type": "static", "static": {"endpoints": endpoints}}}
    gateway = world.process(Gateway(write_config(config, tmp_path)))
    world.wait_until_used(gateway, backend)
    assert world.connect(gateway).request("GET", "/olla/vllm/v1/audio/x").status == 200


def test_refuses_a_port_in_use_with_a_message(world, file):
    backend = world.backend()
    done = run("serve", "-c", str(file(VALID.replace("port: 0", f"port: {backend.port}"))))
    assert done.returncode not in (0, 2), done.stdout
    assert str(backend.port) in done.stdout


def test_listens_on_the_port_of_the_config(world, tmp_path):
    probe = world.backend()
    port = probe.port
    probe.refuse()
    config = {**DEFAULTS, "server": {"host": "127.0.0.1", "port": port}, "endpoints": []}
    gateway = world.process(Gateway(write_config(config, tmp_path)))
    assert gateway.port == port
    assert Client(port).request("GET", "/internal/health").status == 200
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), timeout=1):
        pass  # Bound to 127.0.0.1 alone.

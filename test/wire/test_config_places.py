"""Where the configuration comes from: places, flags, variables and Olla's own default file."""

import json
import os
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest

from harness.client import Client
from harness.environment import binary, scaled
from harness.process import Gateway, run, write_config
from harness.world import DEFAULTS

ENDPOINT = {"url": "http://127.0.0.1:9", "name": "nobody", "type": "vllm"}
OLLA_DEFAULT = (
    Path(__file__).resolve().parents[2] / "src" / "config" / "testdata" / "olla_default.yaml"
)


def put(folder: Path, place: str, name: str) -> None:
    """A config at `place` whose one endpoint is not valid and is told by its line."""
    file = folder / place
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{name}: 1\n")


# In the order in which they are looked for.
PLACES = [
    "config/config.local.yaml",
    "config/config.yaml",
    "config.yaml",
    "olla.yaml",
    "default.yaml",
]


def test_looks_for_the_file_in_ollas_places(tmp_path):
    for place in reversed(PLACES):
        put(tmp_path, place, "wrong")
        for command in (["check"], ["serve"], [], ["-validate-config"]):
            done = run(*command, cwd=tmp_path)
            assert done.returncode == 2, done.stdout
            assert f"error: {place}:1: wrong: unknown key" in done.stdout, done.stdout


def test_a_variable_names_the_file_and_a_flag_wins_over_it(tmp_path):
    for name in ("config", "named", "given"):
        put(tmp_path, f"{name}.yaml", name)
    environment = {"OLLA_CONFIG_FILE": "named.yaml"}
    done = run("check", environment=environment, cwd=tmp_path)
    assert "named.yaml:1: named: unknown key" in done.stdout
    done = run("-c", "given.yaml", environment=environment, cwd=tmp_path)
    assert "given.yaml:1: given: unknown key" in done.stdout
    done = run("check", environment={"OLLA_CONFIG_FILE": "missing.yaml"}, cwd=tmp_path)
    assert done.returncode == 2
    assert "missing.yaml: cannot be opened" in done.stdout


@pytest.mark.parametrize(
    "flags",
    [
        ["-config", "x.yaml"],
        ["--config", "x.yaml"],
        ["-config=x.yaml"],
        ["-c=x.yaml"],
        ["--c", "x.yaml"],
        ["-c", "x.yaml", "-validate-config"],
        ["--validate-config", "-config", "x.yaml"],
        ["-validate-config=true", "-config", "x.yaml"],
    ],
    ids=" ".join,
)
def test_takes_ollas_flags(tmp_path, flags):
    put(tmp_path, "x.yaml", "wrong")
    done = run(*flags, cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    assert "x.yaml:1: wrong: unknown key" in done.stdout


def test_validates_a_right_config(tmp_path):
    file = write_config({"endpoints": [ENDPOINT]}, tmp_path)
    done = run("-validate-config", "-c", str(file))
    assert done.returncode == 0, done.stdout
    assert "no errors, 0 warnings, 1 endpoints" in done.stdout


def test_says_that_there_is_no_profiler(tmp_path):
    file = write_config({"endpoints": [ENDPOINT]}, tmp_path)
    done = run("-profile", "-validate-config", "-c", str(file))
    assert done.returncode == 0, done.stdout
    assert "warning: -profile has no effect" in done.stdout


@pytest.mark.parametrize("flag", ["-version", "--version", "-v"])
def test_tells_its_version(flag):
    done = run(flag)
    assert done.returncode == 0
    assert re.fullmatch(r"olla v\d+\.\d+\.\d+\n", done.stdout), done.stdout


def test_tells_its_version_when_a_variable_asks(tmp_path):
    done = run(environment={"OLLA_SHOW_VERSION": "true"}, cwd=tmp_path)
    assert done.returncode == 0
    assert re.fullmatch(r"olla v\d+\.\d+\.\d+\n", done.stdout), done.stdout


@pytest.mark.parametrize("flag", ["-nonsense", "--nonsense", "-servr"])
def test_shows_how_it_is_used_after_an_unknown_flag(flag):
    done = subprocess.run(
        [str(binary()), flag], capture_output=True, text=True, timeout=scaled(20), check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Usage: olla" in done.stderr and "--config" in done.stderr, done.stderr


def test_olla_w46_a_wrong_variable_is_an_error(tmp_path):
    file = write_config({"endpoints": [ENDPOINT]}, tmp_path)
    for command in (["check", str(file)], ["serve", "-c", str(file)]):
        done = run(*command, environment={"OLLA_SERVER_PORT": "70000"})
        assert done.returncode == 2, done.stdout
        assert "error: $OLLA_SERVER_PORT: must be a whole number, 0 to 65535" in done.stdout


def test_variables_win_over_the_file(world, tmp_path):
    backend = world.backend()
    config = {**DEFAULTS, "endpoints": [backend.endpoint()]}
    config["server"] = {**DEFAULTS["server"], "host": "192.0.2.1"}  # Nobody has this address.
    environment = {"OLLA_SERVER_HOST": "127.0.0.1", "OLLA_SERVER_PORT": "0"}
    gateway = world.process(Gateway(write_config(config, tmp_path), environment))
    world.wait_until_used(gateway, backend)
    assert world.connect(gateway).request("GET", "/olla/vllm/v1/audio/x").status == 200


def test_olla_w45_starts_with_ollas_default_file(world):
    gateway = world.process(Gateway(OLLA_DEFAULT, {"OLLA_SERVER_PORT": "0"}))
    answer = world.connect(gateway).request("GET", "/internal/health")
    assert answer.status in (200, 503)
    assert answer.json()["status"]
    warnings = [record["warning"] for record in gateway.records() if record["msg"] == "config"]
    paths = [warning.split(": ")[1] for warning in warnings]
    assert paths == [
        "server.rate_limits.per_endpoint",
        "proxy.response_header_timeout",
        "discovery.health_check",
        "dashboard.enabled",
    ]


@pytest.mark.parametrize(
    "keys",
    [
        {"proxy": {"engine": "foo"}},
        {"proxy": {"load_balancer": "foo"}},
        {"endpoints": [{**ENDPOINT, "type": "foo"}]},
        {"endpoints": [{**ENDPOINT, "auth": {"type": "bearer", "token": "${OLLA_TEST_UNSET}"}}]},
        {"endpoints": [{**ENDPOINT, "auth": {"type": "bearer", "token_file": "/nowhere"}}]},
        {"endpoints": [{**ENDPOINT, "auth": {"type": "oauth"}}]},
        {"endpoints": [ENDPOINT, ENDPOINT]},
        {"endpoints": [{**ENDPOINT, "model_filter": {"include": ["a*b"]}}]},
        {"model_registry": {"type": "redis"}},
    ],
    ids=lambda keys: json.dumps(keys)[:60],
)
def test_olla_w47_check_finds_what_would_not_start(tmp_path, keys):
    file = write_config({"endpoints": [ENDPOINT], **keys}, tmp_path)
    checked = run("check", str(file))
    assert checked.returncode == 2, checked.stdout
    served = run("serve", "-c", str(file))
    assert served.returncode == 2
    assert served.stdout == checked.stdout


def test_sends_credentials_from_files(world, tmp_path):
    secret = tmp_path / "token"
    secret.write_text("t0ken\n")
    backend = world.backend()
    auth = {"type": "bearer", "token_file": "${OLLA_TEST_SECRETS}/token"}
    gateway = world.gateway(
        backend, endpoint={"auth": auth}, environment={"OLLA_TEST_SECRETS": str(tmp_path)}
    )
    headers = [("Authorization", "Bearer of-the-client")]
    world.connect(gateway).request("GET", "/olla/vllm/v1/audio/x", headers)
    (request,) = backend.requests
    assert request.header("authorization") == "Bearer t0ken"
    assert "t0ken" not in gateway.output()


def test_olla_w19_one_server_is_two_endpoints(world, tmp_path):
    backend = world.backend()
    endpoints = [backend.endpoint(name="first"), backend.endpoint(name="second", type="ollama")]
    config = {**DEFAULTS, "endpoints": endpoints}
    gateway = world.process(Gateway(write_config(config, tmp_path)))
    world.wait_until_used(gateway, backend)
    asked = {"first": "/olla/vllm/v1/audio/x", "second": "/olla/ollama/api/version"}
    deadline = time.monotonic() + scaled(10)
    for name, path in asked.items():
        while world.connect(gateway).request("GET", path).header("x-olla-endpoint") != name:
            assert time.monotonic() < deadline, f"{name} never answered"
            time.sleep(0.05)


def test_the_log_goes_to_a_file_when_it_is_told_so(tmp_path):
    config = {**DEFAULTS, "endpoints": [ENDPOINT], "logging": {"output": "file"}}
    file = write_config(config, tmp_path)
    process = subprocess.Popen(
        [str(binary()), "-c", str(file)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={**os.environ, "OLLA_LOG_DIR": str(tmp_path / "logs")},
        cwd=tmp_path,
    )
    try:
        log = tmp_path / "logs" / "olla.log"
        deadline = time.monotonic() + scaled(10)
        port = None
        while port is None:
            assert process.poll() is None and time.monotonic() < deadline
            lines = log.read_text().splitlines() if log.exists() else []
            records = [json.loads(line) for line in lines]
            port = next((r["port"] for r in records if r["msg"] == "listening"), None)
            time.sleep(0.01)
        client = Client(port)
        client.request("GET", "/nowhere")
        client.close()
        process.terminate()
        assert process.wait(scaled(20)) == 0
        assert process.stdout.read() == b""
        records = map(json.loads, log.read_text().splitlines())
        assert [r["path"] for r in records if r["msg"] == "request"] == ["/nowhere"]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_log_file_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "logs" / "olla.log").mkdir(parents=True)
    for folder in ("file", "file/deeper", "logs"):
        config = {"endpoints": [ENDPOINT], "logging": {"output": "file", "directory": folder}}
        file = write_config(config, tmp_path)
        for command in (["check", str(file)], ["-c", str(file)]):
            done = run(*command, cwd=tmp_path)
            assert done.returncode == 2, done.stdout
            assert re.match(r"error: \S*: logging\.directory: ", done.stdout), done.stdout
    config["logging"]["directory"] = "new/deeper"
    done = run("check", str(write_config(config, tmp_path)), cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert not (tmp_path / "new").exists()


def test_a_log_that_only_a_try_shows_to_be_impossible_is_an_error(tmp_path):
    # Of root too, who may write everywhere by his rights.
    config = {"endpoints": [ENDPOINT], "logging": {"output": "file", "directory": "/proc/olla"}}
    for command in ("check", "serve"):
        flag = ["-c"] if command == "serve" else []
        done = run(command, *flag, str(write_config(config, tmp_path)), cwd=tmp_path)
        assert done.returncode == 2, done.stdout
        assert "logging.directory: cannot be made: " in done.stdout, done.stdout


def test_a_check_leaves_a_log_as_it_is(tmp_path):
    log = tmp_path / "olla.log"
    log.write_text("line\n")
    config = {"endpoints": [ENDPOINT], "logging": {"output": "file", "directory": "."}}
    file = write_config(config, tmp_path)
    assert run("check", str(file), cwd=tmp_path).returncode == 0
    assert log.read_text() == "line\n"


def test_a_check_makes_and_removes_nothing_where_there_is_no_log(tmp_path):
    config = {"endpoints": [ENDPOINT], "logging": {"output": "file", "directory": "logs"}}
    logs = tmp_path / "logs"
    logs.mkdir()
    file = write_config(config, tmp_path)
    assert run("check", str(file), cwd=tmp_path).returncode == 0
    assert list(logs.iterdir()) == []
    link = logs / "olla.log"
    for target in ("real.log", str(tmp_path / "far.log")):
        link.symlink_to(target)
        assert run("check", str(file), cwd=tmp_path).returncode == 0
        assert link.is_symlink() and not link.exists()
        assert list(logs.iterdir()) == [link] and not (tmp_path / "far.log").exists()
        link.unlink()
    for target in ("missing/real.log", "olla.log"):
        link.symlink_to(target)
        done = run("check", str(file), cwd=tmp_path)
        assert done.returncode == 2 and "logging.directory: cannot be written" in done.stdout
        assert list(logs.iterdir()) == [link]
        link.unlink()


@pytest.mark.parametrize("host", ["no-such-name.invalid", "192.0.2.1", ":::1"])
def test_a_check_finds_hosts_that_a_start_could_not_listen_on(tmp_path, host):
    config = {"endpoints": [ENDPOINT], "server": {"host": host, "port": 0}}
    file = write_config(config, tmp_path)
    done = run("check", str(file))
    assert done.returncode == 2, done.stdout
    assert f'server.host: cannot listen on "{host}"' in done.stdout, done.stdout
    assert run("serve", "-c", str(file)).returncode == 1


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_the_unspecified_address_of_ipv6_serves_both_kinds_and_tells_them_apart(world):
    backend = world.backend()
    gateway = world.gateway(backend, config={"server": {"host": "::"}})
    for host in ("127.0.0.1", "::1"):
        request = b"GET /olla/vllm/v1/audio/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        with socket.create_connection((host, gateway.port), scaled(10)) as client:
            client.sendall(request)
            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert backend.requests[-1].header("x-forwarded-for") == host


def test_a_check_does_not_mind_a_port_in_use(tmp_path, world):
    backend = world.backend()
    config = {"endpoints": [ENDPOINT], "server": {"host": "127.0.0.1", "port": backend.port}}
    done = run("check", str(write_config(config, tmp_path)))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("flag", ["-configuration", "-cx.yaml", "-versio", "-vc", "-validate"])
def test_several_letters_behind_one_dash_are_one_flag(tmp_path, flag):
    put(tmp_path, "onfiguration", "wrong")
    put(tmp_path, "x.yaml", "wrong")
    done = run(flag, cwd=tmp_path)
    assert done.returncode == 2
    assert "wrong: unknown key" not in done.stdout and "Usage: olla" in done.stdout, done.stdout


def test_olla_w45_what_is_passed_over_is_told(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "models.yaml").write_text("{}")
    config = {"endpoints": [{**ENDPOINT, "name": "${OLLA_MY_NAME}"}]}
    (tmp_path / "config" / "config.yaml").write_text(json.dumps(config))
    environment = {
        "OLLA_CONFIG_DIR": "/etc/olla",
        "OLLA_SERVER_PROT": "1",
        "OLLA_MY_NAME": "mine",
        "OLLA_SERVER_PORT": "tcp://10.0.0.1:40114",
        "OLLA_PORT": "tcp://10.0.0.1:40114",
        "OLLA_SERVICE_HOST": "10.0.0.1",
        "OLLA_PORT_40114_TCP_ADDR": "10.0.0.1",
    }
    done = run("check", environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    warnings = [line for line in done.stdout.splitlines() if line.startswith("warning: ")]
    words = ["$OLLA_SERVER_PORT: is ignored", "$OLLA_CONFIG_DIR: has no effect"]
    words += ["$OLLA_SERVER_PROT: is not known", "config/models.yaml: is not read"]
    assert len(warnings) == len(words), done.stdout
    for word in words:
        assert any(word in line for line in warnings), done.stdout


def test_olla_w46_without_request_logging_only_failures_have_a_line(world):
    backend = world.backend()
    gateway = world.gateway(backend, config={"server": {"request_logging": False}})
    client = world.connect(gateway)
    for path in ("/olla/vllm/v1/audio/well", "/nowhere", "/olla/vllm/v1/audio/well"):
        client.request("GET", path)
    (record,) = gateway.access(path="/nowhere")
    assert record["status"] == 404
    assert {r["path"] for r in gateway.records() if r["msg"] == "request"} == {"/nowhere"}


def keep_alive_timers(port: int) -> set[str]:
    """The kinds of timers of connections to this local port, proc_pid_net_tcp(5): 02 is that of
    keep-alive."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        remote, state, timer = fields[2], fields[3], fields[5]
        if remote == f"0100007F:{port:04X}" and state == "01":
            found.add(timer.split(":")[0])
    return found


@pytest.mark.parametrize(("interval", "timer"), [("30s", "02"), ("0", "00")], ids=["30s", "0"])
def test_olla_w46_tcp_asks_whether_an_endpoint_is_there(world, interval, timer):
    backend = world.backend()
    gateway = world.gateway(backend, config={"proxy": {"connection_keep_alive": interval}})
    assert world.connect(gateway).request("GET", "/olla/vllm/v1/audio/x").status == 200
    deadline = time.monotonic() + scaled(10)
    # Until the last acknowledgement has come, there is another timer.
    while keep_alive_timers(backend.port) != {timer}:
        assert time.monotonic() < deadline, keep_alive_timers(backend.port)
        time.sleep(0.01)

"""olla as a child process, with its output at hand."""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Callable

import yaml

from .environment import binary, scaled


def _environment(added: dict | None) -> dict:
    """This process's, without what is for the tests, which olla would not know."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("OLLA_")}
    return {**own, **(added or {})}


class Process:
    """One run of olla. Output lines are collected as they come; nothing is lost on a crash."""

    def __init__(self, arguments: list[str], environment: dict | None = None, cwd=None):
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [str(binary()), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(environment),
            cwd=cwd,
        )
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _read(self) -> None:
        for line in self._process.stdout:
            with self._changed:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def errors(self) -> str:
        """Standard error so far."""
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace")

    def output(self) -> str:
        """Everything that was printed so far, on both streams."""
        with self._changed:
            return "\n".join(self.lines) + "\n" + self.errors()

    def records(self) -> list[dict]:
        """The log so far: every line that is a JSON object."""
        with self._changed:
            lines = list(self.lines)
        return [json.loads(line) for line in lines if line.startswith("{")]

    def wait_for(self, search: Callable[[], object], what: str, timeout: float = 10):
        """The first true value of `search`, which is asked again after every new line."""
        with self._changed:
            self._changed.wait_for(lambda: search() or self._ended, scaled(timeout))
            hit = search()
        if not hit:
            raise AssertionError(f"olla never printed {what}; it printed:\n{self.output()}")
        return hit

    def wait_for_line(self, found: Callable[[str], object], what: str, timeout: float = 10):
        """The first true value of `found` over the lines, now or as they come."""
        return self.wait_for(
            lambda: next((hit for line in self.lines if (hit := found(line))), None), what, timeout
        )

    def wait_for_record(self, matches: Callable[[dict], bool], what: str, timeout: float = 10):
        """The first log record that matches, now or later."""

        def found(line: str):
            if not line.startswith("{"):
                return None
            record = json.loads(line)
            return record if matches(record) else None

        return self.wait_for_line(found, what, timeout)

    def running(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: int = signal.SIGTERM) -> None:
        self._process.send_signal(number)

    def wait(self, timeout: float = 20) -> int:
        """The exit code; a negative number is the signal that ended it."""
        code = self._process.wait(scaled(timeout))
        self._reader.join(scaled(5))
        return code

    def stop(self) -> None:
        """SIGTERM, and the promise that it ends with 0 (a sanitizer's report ends with another)."""
        if self.running():
            self.signal()
            try:
                code = self.wait()
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                raise AssertionError(
                    f"olla ignored SIGTERM; it printed:\n{self.output()}"
                ) from None
        else:
            code = self.wait()
        self._process.stdout.close()
        assert code == 0, f"olla ended with {code}; it printed:\n{self.output()[-8000:]}"

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_kb(self) -> int:
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1))


def write_config(config: dict, folder: Path) -> Path:
    """A new file in `folder` with this config."""
    file = folder / f"olla-{os.urandom(4).hex()}.yaml"
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    return file


class Gateway(Process):
    """`olla serve -c FILE`; it listens when the constructor ends.

    The port comes from the log, or is `port` when the log is to be silent."""

    def __init__(self, file: Path, environment: dict | None = None, port: int | None = None):
        super().__init__(["serve", "-c", str(file)], environment)
        if port is None:
            self.port = self.wait_for_line(_listening_port, "the port it listens on")
        else:
            self.port = port
            self._wait_for_port()

    def _wait_for_port(self) -> None:
        deadline = time.monotonic() + scaled(10)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                assert self.running() and time.monotonic() < deadline, self.output()
                time.sleep(0.01)

    def access(self, count: int = 1, timeout: float = 10, **fields) -> list[dict]:
        """Access records whose fields have these values; waits for `count` of them."""

        def matches(record: dict) -> bool:
            return record.get("msg") == "request" and all(
                record.get(key) == wanted for key, wanted in fields.items()
            )

        def search():
            hits = [record for record in self.records() if matches(record)]
            return hits if len(hits) >= count else None

        return self.wait_for(search, f"{count} access lines with {fields}", timeout)


def _listening_port(line: str) -> int | None:
    """From the record of a JSON log, or from a line of a text log."""
    if line.startswith("{"):
        record = json.loads(line)
        return record.get("port") if record.get("msg") == "listening" else None
    text = re.search(r"\blistening\b.*?\bport\D{0,2}(\d+)", line)
    return int(text.group(1)) if text else None


class Sim(Process):
    """`olla sim`: `count` simulated servers, whose ports are known when the constructor ends."""

    def __init__(self, *arguments: str, model: str = "tiny", count: int = 1, port: int = 0):
        options = ["--port", str(port), "--model", model]
        if count != 1:
            options += ["--count", str(count)]
        super().__init__(["sim", *options, *arguments])
        pattern = re.compile(r"listening on 127\.0\.0\.1:(\d+)")

        def search():
            ports = [int(m.group(1)) for line in self.lines if (m := pattern.search(line))]
            return ports if len(ports) >= count else None

        self.ports = self.wait_for(search, f"{count} ports")
        self.port = self.ports[0]
        self.model = model

    def endpoint(self, index: int = 0, **more) -> dict:
        return {
            "url": f"http://127.0.0.1:{self.ports[index]}",
            "name": f"sim-{index}",
            "type": "vllm",
            "health_check_url": "/health",
            "model_url": "/v1/models",
            "check_interval": "30s",
            "check_timeout": "2s",
            **more,
        }


def run(*arguments: str, environment: dict | None = None, cwd=None, timeout: float = 20):
    """Runs olla to its end; the finished process with both streams joined as text."""
    return subprocess.run(
        [str(binary()), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment(environment),
        cwd=cwd,
        text=True,
        timeout=scaled(timeout),
        check=False,
    )

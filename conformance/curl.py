"""Runs the command lines of the API page with curl, as they stand there."""

import os
import subprocess
import tempfile
from pathlib import Path

from harness.message import Response, parse_fields

from check import Way

PAGE = Path(__file__).resolve().parent / "page"
PREFIX = "/olla/vllm"  # Of the page's addresses.


def command(name: str) -> str:
    """The text of the page: page/NAME.curl."""
    return (PAGE / f"{name}.curl").read_text(encoding="utf-8")


def run(way: Way, line: str) -> Response:
    """What curl gets. Its config file, and not the command line, says to whom it connects in place
    of localhost:40114; for a server without a gateway the prefix is left out of the address."""
    if not way.gateway:
        line = line.replace(PREFIX, "", 1)
    with tempfile.TemporaryDirectory() as folder:
        settings = ["silent", "show-error", "include", "max-time = 180"]
        settings += [f'connect-to = "localhost:40114:127.0.0.1:{way.port}"']
        Path(folder, ".curlrc").write_text("\n".join(settings) + "\n", encoding="utf-8")
        environment = {**os.environ, "CURL_HOME": folder, "no_proxy": "*"}
        done = subprocess.run(["bash", "-c", line], capture_output=True, env=environment)
    if done.returncode != 0:
        raise OSError(f"curl: {done.returncode}, {done.stderr.decode(errors='replace')}")
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    version, status = first.split(b" ")[:2]
    headers = parse_fields(fields)
    return Response(head, version.decode(), int(status), headers, raw_body=body, body=body)

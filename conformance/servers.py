"""The real vLLM and the gateway before it, as processes."""

import http.server
import os
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from cases import PAGE_CHAT_MODEL, PAGE_COMPLETION_MODEL, PAGE_EMBEDDING_MODEL
from harness.client import Client
from harness.environment import listen_below_ephemeral

HERE = Path(__file__).resolve().parent
START_SECONDS = 240

# The page's own names first: an answer's `model` is the first served name.
SERVED_NAMES = {
    "tiny-llama": [PAGE_CHAT_MODEL, PAGE_COMPLETION_MODEL, "tiny"],
    "tiny-embed": [PAGE_EMBEDDING_MODEL],
}

# The page's example, with the address of the server here, a GPU's exporter, and one of the routes
# that are guarded.
CONFIG = """\
server:
  host: 127.0.0.1
  port: 0
vllm:
  admin_routes: [/openapi.json]
endpoints:
  - url: "http://127.0.0.1:{port}"
    name: "vllm-server"
    type: "vllm"
    priority: 90
    model_url: "/v1/models"
    health_check_url: "/health"
    check_interval: 5s
    check_timeout: 2s
    headers:
      X-API-Key: "${{VLLM_API_KEY}}"
    gpu_metrics_url: "http://127.0.0.1:{gpu_port}/metrics"
"""

# Of NVIDIA's dcgm-exporter, in MiB: the number of the page's example.
GPU_METRICS = b"""\
# HELP DCGM_FI_DEV_FB_USED Framebuffer memory used (in MiB).
# TYPE DCGM_FI_DEV_FB_USED gauge
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-1",device="nvidia0",modelName="none"} 12288
"""


def free_port() -> int:
    with listen_below_ephemeral() as listener:
        return listener.getsockname()[1]


class Vllm:
    """`vllm serve` with one of the tiny models; it answers when the constructor ends."""

    def __init__(self, venv: Path, models: Path, model: str):
        self.port = free_port()
        self._log = tempfile.NamedTemporaryFile("w+", prefix="vllm-", suffix=".log")
        script = str(HERE / "run-vllm-cpu.sh")
        names = ["--served-model-name", *SERVED_NAMES[model]]
        self._process = subprocess.Popen(
            [script, "serve", str(venv), str(models), str(self.port), model, *names],
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        started = time.monotonic()
        while not self._healthy():
            if self._process.poll() is not None or time.monotonic() - started > START_SECONDS:
                self.stop()
                self._log.seek(0)
                raise RuntimeError("vLLM did not start:\n" + self._log.read()[-4000:])
            time.sleep(0.25)
        self.start_seconds = time.monotonic() - started

    def _healthy(self) -> bool:
        try:
            return Client(self.port).request("GET", "/health").status == 200
        except OSError:
            return False

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class GpuExporter:
    """A stand-in for the exporter of a GPU, which a machine without one cannot have."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(GPU_METRICS)))
                self.end_headers()
                self.wfile.write(GPU_METRICS)

            def log_message(self, *_):
                pass

        self.port = free_port()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def write_config(folder: Path, port: int, gpu_port: int) -> Path:
    file = folder / "olla.yaml"
    file.write_text(CONFIG.format(port=port, gpu_port=gpu_port))
    return file


def versions(venv: Path) -> dict[str, str]:
    """vLLM's and torch's, as the environment itself tells them."""
    script = (
        "from importlib.metadata import version;"
        "print(version('vllm-cpu'), version('torch'), version('uvicorn'))"
    )
    out = subprocess.run(
        [str(venv / "bin/python"), "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    return dict(zip(("vLLM (CPU build)", "torch", "uvicorn"), out))


def machine() -> dict[str, str]:
    """The kernel and the processor."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    system = os.uname()
    return {
        "kernel": f"{system.sysname} {system.release} {system.machine}",
        "CPU": f"{model}, {os.cpu_count()} cores",
    }

"""What a fleet as large as the configuration allows costs while nobody asks anything of it."""

import dataclasses
import json
import tempfile
import time
import urllib.request
from pathlib import Path

import gateways
import report
from rounds import Programs

ENDPOINTS = 1024
MODELS_EACH = 10
MEMORY_MAX = 100 * 1000 * 1000
CHECK_SHARE_MAX = 0.05
# Of a server that has answered requests: what it says about itself.
METRICS = "src/vllm/testdata/metrics-0.32-streams.txt"
_START_SECONDS = 60

_CONFIG = """\
server: {{port: {port}, threads: 1}}
logging: {{output: file, directory: "{folder}/olla-log"}}
{more}
endpoints:
{endpoints}
"""


@dataclasses.dataclass
class Sample:
    """Of one run. `share` is of one core."""

    ready_seconds: float
    start_cpu_seconds: float
    share: float
    resident: int


def _cpu_seconds(server: gateways.Server) -> float:
    total = 0
    for file in Path(f"/proc/{server.process.pid}/task").glob("*/schedstat"):
        total += int(file.read_text().split()[0])
    return total / 1e9


def _healthy(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/internal/status/endpoints",
                                timeout=10) as answer:
        return json.load(answer)["healthy_count"]


def _models(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/olla/vllm/v1/models",
                                timeout=10) as answer:
        return len(json.load(answer)["data"])


def _wait(done, what: str) -> None:
    end = time.monotonic() + _START_SECONDS
    while not done():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} within {_START_SECONDS} s")
        time.sleep(0.1)


def _measure(programs: Programs, root: Path, more: str, seconds: float) -> Sample:
    with tempfile.TemporaryDirectory(prefix="olla-fleet-") as name:
        folder = Path(name)
        upstream_port, port = gateways.free_port(), gateways.free_port()
        fleet = [str(programs.upstream), "--port", str(upstream_port),
                 "--addresses", str(ENDPOINTS), "--models", str(MODELS_EACH),
                 "--metrics", str(root / METRICS)]
        endpoints = "\n".join(
            f'  - {{url: "http://127.1.{i // 256}.{i % 256}:{upstream_port}", type: vllm}}'
            for i in range(ENDPOINTS))
        config = folder / "olla.yaml"
        config.write_text(_CONFIG.format(port=port, folder=folder, more=more, endpoints=endpoints))
        upstream = gateways.start("fleet", fleet, upstream_port, folder, address="127.1.0.0")
        try:
            began = time.monotonic()
            server = gateways.start("olla", [str(programs.olla), "serve", "-c", str(config)], port,
                                    folder)
            try:
                _wait(lambda: _healthy(port) == ENDPOINTS, "not all endpoints are healthy")
                _wait(lambda: _models(port) == ENDPOINTS * MODELS_EACH + 1,
                      "not all models are known")
                ready = time.monotonic() - began
                start_cpu = _cpu_seconds(server)
                time.sleep(2)  # The work of the start is done.
                cpu, clock = _cpu_seconds(server), time.monotonic()
                time.sleep(seconds)
                share = (_cpu_seconds(server) - cpu) / (time.monotonic() - clock)
                return Sample(ready, start_cpu, share, server.resident_bytes())
            finally:
                server.stop()
        finally:
            upstream.stop()


def measure(programs: Programs, root: Path, seconds: float) -> list[str]:
    """A table of figures and goals, as Markdown."""
    checks = _measure(programs, root, "vllm: {metrics_interval: 0s}", seconds)
    whole = _measure(programs, root, "", seconds)
    rows = [
        ["health checks every 5 s, of a core", f"<= {CHECK_SHARE_MAX:.0%}", f"{checks.share:.1%}",
         "yes" if checks.share <= CHECK_SHARE_MAX else "**no**"],
        ["RSS", f"<= {MEMORY_MAX / 1e6:.0f} MB", f"{checks.resident / 1e6:.0f} MB",
         "yes" if checks.resident <= MEMORY_MAX else "**no**"],
        ["RSS, with the metrics of all servers", f"<= {MEMORY_MAX / 1e6:.0f} MB",
         f"{whole.resident / 1e6:.0f} MB",
         "yes" if whole.resident <= MEMORY_MAX else "**no**"],
        ["checks and metrics read every second, of a core", "", f"{whole.share:.1%}", ""],
        ["from the start until all are healthy and their models known", "",
         f"{whole.ready_seconds:.1f} s, {whole.start_cpu_seconds:.1f} s of processor time", ""],
    ]
    return report.table(["figure", "goal", "measured", "reached"], rows)

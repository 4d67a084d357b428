"""Runs the workloads against the gateways, in turn, round after round."""

import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable

import gateways
from workloads import MODEL, Workload

DIRECT = "direct"
# Added to the others where the machine has the cores for two threads of it and its surroundings.
OLLA_TWO = "olla-2"
NAMES = ["direct", "nginx", "haproxy", "olla"]
CORES_FOR_TWO_THREADS = 6


@dataclasses.dataclass
class Programs:
    """What a run needs, all built and unpacked."""

    olla: Path
    load: Path
    upstream: Path
    debian: Path


@dataclasses.dataclass
class Sample:
    """One workload on one gateway in one round. Times in microseconds."""

    cpu: float  # Per request or event.
    p50: float
    p90: float
    p99: float
    rate: float  # Of requests or events.
    resident: int  # Bytes, while the workload runs.
    errors: int
    late: int
    load_share: float  # Of one core.
    upstream_share: float


class Results:
    """Samples by workload and gateway, in the order of the rounds."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, str], list[Sample]] = {}
        self.idle_bytes: dict[str, list[int]] = {}

    def add(self, workload: str, gateway: str, sample: Sample) -> None:
        self._samples.setdefault((workload, gateway), []).append(sample)

    def samples(self, workload: str, gateway: str) -> list[Sample]:
        return self._samples.get((workload, gateway), [])

    def values(self, workload: str, gateway: str, of: Callable[[Sample], float]) -> list[float]:
        return [of(sample) for sample in self.samples(workload, gateway)]

    def median(self, workload: str, gateway: str, of: Callable[[Sample], float]) -> float:
        return statistics.median(self.values(workload, gateway, of))

    def added(self, workload: str, gateway: str, percentile: str) -> list[float]:
        """How much later than without a gateway, round by round, in microseconds."""
        pairs = zip(self.samples(workload, gateway), self.samples(workload, DIRECT))
        return [getattr(one, percentile) - getattr(direct, percentile) for one, direct in pairs]


def load_command(programs: Programs, server: gateways.Server, options: tuple[str, ...],
                 warm_up: float, seconds: float) -> list[str]:
    return [str(programs.load), "--port", str(server.port), "--path", server.path,
            "--model", MODEL, "--warm-up", str(warm_up), "--seconds", str(seconds), *options]


def _sample(report: dict, workload: Workload) -> Sample:
    units = {"request": report["requests"], "event": report["events"]}[workload.unit]
    times = report["delay_us" if workload.unit == "event" else "latency_us"]
    nanoseconds = report["seconds"] * 1e9
    return Sample(
        cpu=report["cpu_ns"]["gateway"] / 1000 / max(units, 1),
        p50=times["p50"], p90=times["p90"], p99=times["p99"],
        rate=units / report["seconds"],
        resident=report["resident_bytes"]["gateway"],
        errors=report["errors"], late=report["late"],
        load_share=report["cpu_ns"]["load"] / nanoseconds,
        upstream_share=report["cpu_ns"]["upstream"] / nanoseconds,
    )


def run_workload(programs: Programs, workload: Workload, gateway: gateways.Server,
                 upstream: gateways.Server, seconds: float) -> Sample:
    seconds = max(seconds, workload.seconds_min)
    command = load_command(programs, gateway, workload.options, workload.warm_up, seconds)
    command += gateway.watched("gateway") + upstream.watched("upstream")
    beside = None
    if workload.background:
        beside = subprocess.Popen(
            load_command(programs, gateway, workload.background, 0, 3600),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        limit = 60 + 10 * (seconds + workload.warm_up)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit)
    finally:
        if beside:
            beside.kill()
            beside.wait()
    if done.returncode != 0:
        raise RuntimeError(f"{workload.name} on {gateway.name}: {done.stderr}")
    return _sample(json.loads(done.stdout), workload)


def run_round(programs: Programs, chosen: list[Workload], names: list[str], seconds: float,
              turn: int, results: Results) -> None:
    """All workloads on all gateways, each started anew; `turn` decides who is asked first."""
    with tempfile.TemporaryDirectory(prefix="olla-bench-") as name:
        folder = Path(name)
        upstream, ports = gateways.start_upstream(programs.upstream, folder)
        running = [upstream]
        servers = {DIRECT: dataclasses.replace(upstream, name=DIRECT)}
        try:
            for gateway in names:
                if gateway == DIRECT:
                    continue
                if gateway == "nginx":
                    server = gateways.start_nginx(folder, programs.debian, ports)
                elif gateway == "haproxy":
                    server = gateways.start_haproxy(folder, programs.debian, ports)
                else:
                    threads = 2 if gateway == OLLA_TWO else 1
                    server = gateways.start_olla(folder, programs.olla, ports, threads,
                                                 name=gateway)
                running.append(server)
                servers[gateway] = server
                results.idle_bytes.setdefault(gateway, []).append(server.resident_bytes())
            for number, workload in enumerate(chosen):
                for gateway in _rotated(names, turn + number):
                    sample = run_workload(programs, workload, servers[gateway], upstream, seconds)
                    results.add(workload.name, gateway, sample)
                    print(f"round {turn + 1}: {workload.name:14} {gateway:8} "
                          f"{sample.cpu:9.2f} us, {sample.rate:9.0f}/s, p50 {sample.p50:9.0f} us, "
                          f"{sample.errors} errors", file=sys.stderr, flush=True)
        finally:
            for server in reversed(running):
                server.stop()


def _rotated(names: list[str], by: int) -> list[str]:
    by %= len(names)
    return names[by:] + names[:by]

"""What a request costs in numbers that do not depend on the machine's mood: instructions,
allocations, system calls. One client, one request at a time."""

import contextlib
import dataclasses
import json
import re
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Iterator

import gateways
from rounds import Programs, load_command

GROWTH_MAX = 1.10


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    options: tuple[str, ...]
    requests: int  # That many, after as many that are not counted.
    units: int = 1  # Events of each.


CASES = [
    Case("unary", (), 400),
    Case("event", ("--stream", "200 5000"), 2, 200),
    Case("prompt-70k", ("--body-bytes", "70000"), 50),
    Case("prompt-1m", ("--body-bytes", "1000000"), 10),
    Case("malformed-json", ("--fault", "json", "--expect", "400"), 200),
]

# Nothing shall be asked of the endpoints while a request's work is counted.
_NO_BACKGROUND = ", check_interval: 1h"


def _run_load(programs: Programs, server: gateways.Server, case: Case) -> None:
    command = load_command(programs, server, case.options, 0, 0)
    command += ["--requests", str(case.requests)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    report = json.loads(done.stdout)
    if report["errors"]:
        raise RuntimeError(f"{case.name}: {report['errors']} requests went wrong")


def _units(case: Case) -> int:
    return case.requests * case.units


@contextlib.contextmanager
def _olla(programs: Programs, **how) -> Iterator[tuple[gateways.Server, Path]]:
    """olla with one upstream, and the folder of the files that it leaves."""
    with tempfile.TemporaryDirectory(prefix="olla-counts-") as name:
        folder = Path(name)
        upstream, ports = gateways.start_upstream(programs.upstream, folder)
        try:
            server = gateways.start_olla(folder, programs.olla, ports[:1], more=_NO_BACKGROUND,
                                         **how)
            try:
                yield server, folder
            finally:
                server.stop()
        finally:
            upstream.stop()


def instructions(programs: Programs) -> dict[str, float]:
    """By valgrind's callgrind: those of the program itself, without the kernel's."""
    counted = {}
    with tempfile.TemporaryDirectory(prefix="olla-callgrind-") as name:
        out = Path(name) / "callgrind.out"
        valgrind = ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no",
                    f"--callgrind-out-file={out}"]

        def control(*words: str) -> None:
            subprocess.run(["callgrind_control", *words, str(server.process.pid)], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)

        with _olla(programs, wrap=lambda command: [*valgrind, *command]) as (server, _):
            for number, case in enumerate(CASES, 1):
                _run_load(programs, server, case)
                control("--instr=on")
                _run_load(programs, server, case)
                control("--instr=off")
                control("--dump")
                text = Path(f"{out}.{number}").read_text("utf-8", "replace")
                total = int(re.search(r"^totals: (\d+)", text, re.M).group(1))
                counted[case.name] = total / _units(case)
    return counted


def allocations(programs: Programs, library: Path) -> dict[str, tuple[float, float]]:
    """Number and bytes of the allocations of each unit."""
    counted = {}
    with tempfile.NamedTemporaryFile(prefix="olla-allocations-") as file:

        def read() -> tuple[int, int]:
            return struct.unpack("QQ", Path(file.name).read_bytes())

        environment = {"LD_PRELOAD": str(library), "BENCH_ALLOCATIONS": file.name}
        with _olla(programs, environment=environment) as (server, _):
            for case in CASES:
                _run_load(programs, server, case)
                before = read()
                _run_load(programs, server, case)
                counted[case.name] = tuple((after - start) / _units(case)
                                           for start, after in zip(before, read()))
    return counted


def system_calls(programs: Programs) -> dict[str, dict[str, float]]:
    """How often each system call is made for each unit, by strace."""
    counted = {}
    with _olla(programs) as (server, folder):
        for case in CASES:
            _run_load(programs, server, case)
            out = folder / "strace"
            tracer = subprocess.Popen(
                ["strace", "-c", "-f", "-U", "calls,name", "-p", str(server.process.pid),
                 "-o", str(out)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            if "attached" not in tracer.stderr.readline():
                raise RuntimeError("strace could not attach to olla")
            _run_load(programs, server, case)
            tracer.terminate()
            tracer.communicate(timeout=30)
            rows = re.findall(r"^\s*(\d+)\s+(\w+)$", out.read_text("utf-8"), re.M)
            counted[case.name] = {name: int(calls) / _units(case) for calls, name in rows
                                  if name != "total"}
    return counted


def _print_system_calls(counted: dict[str, dict[str, float]]) -> None:
    print("\nsystem calls")
    for case, calls in counted.items():
        often = sorted(calls.items(), key=lambda call: -call[1])
        text = ", ".join(f"{name} {count:.2f}" for name, count in often if count >= 0.05)
        print(f"  {case:16} {sum(calls.values()):8.2f}: {text}")


def _print_instructions(counted: dict[str, float], baseline: dict[str, float]) -> list[str]:
    """The names of the cases that grew too much, or that the baseline does not have."""
    bad = []
    print(f"{'instructions':18} {'now':>12} {'baseline':>12} {'growth':>8}")
    for case, now in counted.items():
        before = baseline.get(case)
        growth = now / before if before else float("inf")
        mark = ""
        if growth > GROWTH_MAX:
            bad.append(case)
            mark = "  too much"
        print(f"  {case:16} {now:12,.0f} {before or 0:12,.0f} {growth - 1:+8.1%}{mark}")
    return bad


def check(programs: Programs, library: Path, baseline_file: Path, accept: bool) -> int:
    """Prints what was counted; 1 when instructions grew by more than GROWTH_MAX."""
    began = time.monotonic()
    baseline = json.loads(baseline_file.read_text("utf-8")) if baseline_file.exists() else {}
    counted = instructions(programs)
    bad = _print_instructions(counted, baseline)
    print("\nallocations")
    for case, (number, size) in allocations(programs, library).items():
        print(f"  {case:16} {number:8.2f} of {size:12,.0f} bytes in all")
    _print_system_calls(system_calls(programs))
    print(f"bench/compare: {time.monotonic() - began:.0f} s", file=sys.stderr)
    if accept:
        rounded = {case: round(number) for case, number in counted.items()}
        baseline_file.write_text(json.dumps(rounded, indent=2) + "\n", "utf-8")
        return 0
    if bad:
        print(f"\nmore than {GROWTH_MAX - 1:.0%} over bench/baseline.json: {', '.join(bad)}")
    return 1 if bad else 0

"""What the gateways are asked to do."""

import dataclasses

MODEL = "bench-model"


@dataclasses.dataclass(frozen=True)
class Workload:
    """One way to use a gateway, and the options of bench_load that do it."""

    name: str
    title: str
    options: tuple[str, ...]
    unit: str = "request"  # What CPU time is divided by: "request" or "event".
    background: tuple[str, ...] = ()  # A second load generator that runs beside it.
    warm_up: float = 0.5
    seconds_min: float = 0.0  # Where less than that says nothing.
    quick: bool = True  # Also run with --quick.


def _stream(events: int, gap_us: int) -> tuple[str, str]:
    return ("--stream", f"{events} {gap_us}")


PROMPT_1M = ("--body-bytes", "1000000")
STREAMS_64 = ("--connections", "64", *_stream(1_000_000, 20_000), "--spread", "0.02")

WORKLOADS = [
    # First, while the gateways' memory is as it was after their start.
    Workload("idle-1000", "1,000 streams with one event a second",
             ("--connections", "1000", *_stream(1_000_000, 1_000_000), "--spread", "1"),
             unit="event", warm_up=1.5, seconds_min=1.0),
    Workload("one", "one connection", ("--connections", "1")),
    Workload("unary-32", "32 connections", ("--connections", "32")),
    Workload("prompt-70k", "16 connections, prompts of 70 KB",
             ("--connections", "16", "--body-bytes", "70000")),
    Workload("prompt-1m", "4 connections, prompts of 1 MB", ("--connections", "4", *PROMPT_1M)),
    Workload("prompt-1m-one", "1 connection, prompts of 1 MB",
             ("--connections", "1", *PROMPT_1M), quick=False),
    Workload("streams-128", "128 streams of 100 events, 20 ms apart",
             ("--connections", "128", *_stream(100, 20_000), "--spread", "2"),
             unit="event", warm_up=2.0),
    Workload("events-16", "16 connections of events without a pause",
             ("--connections", "16", *_stream(5000, 0)), unit="event"),
    Workload("connect-200", "200 new connections a second",
             ("--connections", "64", "--fresh", "--rate", "200"), seconds_min=1.0),
    Workload("fresh-8", "8 clients, a new connection for each request",
             ("--connections", "8", "--fresh"), quick=False),
    Workload("malformed-8", "the same, but each request with two lengths that differ",
             ("--connections", "8", "--fresh", "--fault", "framing", "--expect", "400"),
             quick=False),
    Workload("mixed-prompts", "64 streams, 20 ms apart, beside 50 MB/s of 1 MB prompts",
             STREAMS_64, unit="event", quick=False,
             background=("--connections", "8", "--rate", "50", *PROMPT_1M)),
    Workload("mixed-flood", "64 streams, 20 ms apart, beside 32 connections of small requests",
             STREAMS_64, unit="event", quick=False, background=("--connections", "32")),
]

"""What was measured, as Markdown."""

import statistics

from rounds import DIRECT, OLLA_TWO, Results, Sample
from workloads import Workload

KIB = 1024
MIB = 1024 * 1024


def _cpu(sample: Sample) -> float:
    return sample.cpu


def _rate(sample: Sample) -> float:
    return sample.rate


def _spread(values: list[float], digits: int = 1) -> str:
    """The median, and the smallest and largest in brackets."""
    text = f"{statistics.median(values):,.{digits}f}"
    if len(values) > 1:
        text += f" ({min(values):,.{digits}f} to {max(values):,.{digits}f})"
    return text


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def workload_table(results: Results, workload: Workload, names: list[str]) -> list[str]:
    unit = workload.unit
    header = ["", f"CPU per {unit}, us", "added p50, us", "added p90, us", "added p99, us",
              f"{unit}s per second", "RSS, MiB", "load, upstream: share of a core"]
    rows = []
    for name in names:
        samples = results.samples(workload.name, name)
        if not samples:
            continue
        shares = (f"{statistics.median(s.load_share for s in samples):.2f}, "
                  f"{statistics.median(s.upstream_share for s in samples):.2f}")
        if name == DIRECT:
            times = [f"(is {statistics.median(getattr(s, p) for s in samples):,.0f})"
                     for p in ("p50", "p90", "p99")]
        else:
            times = [_spread(results.added(workload.name, name, p), 0)
                     for p in ("p50", "p90", "p99")]
        cpu = "" if name == DIRECT else _spread([s.cpu for s in samples])
        resident = statistics.median(s.resident for s in samples) / MIB
        errors = sum(s.errors for s in samples)
        rows.append([name + (f" ({errors} errors)" if errors else ""), cpu, *times,
                     f"{statistics.median(s.rate for s in samples):,.0f}",
                     "" if name == DIRECT else f"{resident:.1f}", shares])
    return [f"### {workload.title}", "", *table(header, rows), ""]


class Goals:
    """The figures to reach: what, the bar, what was measured, whether that is enough."""

    def __init__(self, results: Results, names: list[str]) -> None:
        self._results = results
        self._names = names
        self.rows: list[list[str]] = []

    def _has(self, *workloads: str) -> bool:
        return all(self._results.samples(workload, name)
                   for workload in workloads for name in self._names)

    def _row(self, what: str, bar: str, value: float, enough: bool, unit: str = "x") -> None:
        self.rows.append([what, bar, f"{value:.2f}{unit}", "yes" if enough else "**no**"])

    def _ratio(self, workload: str, other: str, at_most: float, what: str) -> None:
        """Of olla's processor time to another's: the median over the rounds of their ratios, since
        what disturbs the machine in a round disturbs both."""
        if not self._has(workload):
            return
        pairs = zip(self._results.values(workload, "olla", _cpu),
                    self._results.values(workload, other, _cpu))
        value = statistics.median(mine / theirs for mine, theirs in pairs)
        self._row(what, f"<= {at_most}x", value, value <= at_most)

    def compute(self) -> list[list[str]]:
        results = self._results
        self._ratio("unary-32", "nginx", 1.0, "CPU per request, 32 connections, to nginx")
        self._ratio("unary-32", "haproxy", 0.9, "CPU per request, 32 connections, to HAProxy")
        for workload in ("streams-128", "events-16"):
            if self._has(workload):
                better = min(("nginx", "haproxy"),
                             key=lambda name: results.median(workload, name, _cpu))
                self._ratio(workload, better, 0.95, f"CPU per event, {workload}, to {better}")
        self._ratio("prompt-70k", "nginx", 1.05, "CPU per prompt of 70 KB, to nginx")
        self._ratio("prompt-1m", "nginx", 1.2, "CPU per prompt of 1 MB, to nginx")
        self._latencies()
        self._memory()
        self._threads()
        return self.rows

    def _latencies(self) -> None:
        results = self._results
        if self._has("prompt-1m-one"):
            value = statistics.median(results.added("prompt-1m-one", "olla", "p50")) / 1000
            self._row("added at p50, prompt of 1 MB", "< 1 ms", value, value < 1, " ms")
        if self._has("one"):
            value = statistics.median(
                mine.p99 / theirs.p99 for mine, theirs in
                zip(results.samples("one", "olla"), results.samples("one", "nginx")))
            self._row("p99 of one connection, to nginx", "<= 1.1x", value, value <= 1.1)
        for workload in ("mixed-prompts", "mixed-flood"):
            if self._has(workload):
                value = statistics.median(results.added(workload, "olla", "p99")) / 1000
                self._row(f"added at p99 to an event, {workload}", "< 2 ms", value, value < 2,
                          " ms")
        if self._has("fresh-8", "malformed-8"):
            value = (results.median("malformed-8", "olla", _cpu) /
                     results.median("fresh-8", "olla", _cpu))
            self._row("CPU per malformed request, to good ones", "<= 1.0x", value, value <= 1.0)

    def _memory(self) -> None:
        results = self._results
        idle = statistics.median(results.idle_bytes["olla"])
        self._row("RSS idle", "<= 20 MiB", idle / MIB, idle <= 20 * MIB, " MiB")
        if self._has("idle-1000"):
            grown = statistics.median(
                sample.resident - before for sample, before in
                zip(results.samples("idle-1000", "olla"), results.idle_bytes["olla"]))
            value = grown / KIB / 1000
            self._row("RSS per open stream", "<= 24 KiB", value, value <= 24, " KiB")

    def _threads(self) -> None:
        if OLLA_TWO not in self._names:
            return
        value = (self._results.median("unary-32", OLLA_TWO, _rate) /
                 self._results.median("unary-32", "olla", _rate))
        self._row("rate with two threads, to one", ">= 1.7x", value, value >= 1.7)


def goals_table(rows: list[list[str]]) -> list[str]:
    return table(["figure", "goal", "measured", "reached"], rows) + [""]


def idle_table(results: Results) -> list[str]:
    rows = [[name, f"{statistics.median(values) / MIB:.1f}"]
            for name, values in results.idle_bytes.items()]
    return table(["idle", "RSS, MiB"], rows) + [""]

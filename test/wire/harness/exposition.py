"""The Prometheus text format: a checker with the rules of `promtool check metrics`, and samples."""

import dataclasses
import math
import re
from typing import Container

from prometheus_client.parser import text_string_to_metric_families

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{((?:{_LABEL})(?:,{_LABEL})*),?\}})? (\S+)")
_ONE_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
_TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}
_SUFFIXES = {"histogram": {"_bucket", "_sum", "_count"}, "summary": {"", "_sum", "_count"}}

Series = tuple[str, frozenset]


@dataclasses.dataclass
class _Family:
    name: str
    type: str = ""
    help: str = ""
    samples: dict[Series, float] = dataclasses.field(default_factory=dict)

    def takes(self, name: str) -> bool:
        suffixes = _SUFFIXES.get(self.type, {""})
        return name.removeprefix(self.name) in suffixes if name.startswith(self.name) else False


def check_exposition(text: str, misnamed: Container[str] = ()) -> dict[Series, float]:
    """Every sample, by its name and labels. Fails where a rule is broken: HELP and TYPE once for
    each family and before its samples, families contiguous, no series twice, counters (and they
    alone, but for those in `misnamed`) end in _total, histograms whole and cumulative."""
    assert text.endswith("\n") or not text, "the last line has no end"
    families: dict[str, _Family] = {}
    present = None
    for line in text.splitlines():
        if line.startswith("# "):
            _, word, name, *rest = line.split(" ", 3)
            assert word in ("HELP", "TYPE") and re.fullmatch(_NAME, name), line
            if present is None or present.name != name:
                assert name not in families, f"the family {name} is not contiguous"
                present = families[name] = _Family(name)
            assert not present.samples, f"behind samples: {line}"
            if word == "HELP":
                assert not present.help and not present.type and rest, f"HELP out of place: {line}"
                present.help = rest[0]
            else:
                assert not present.type and rest[0] in _TYPES, f"TYPE out of place: {line}"
                present.type = rest[0]
            continue
        name, labels, value = _parse(line)
        assert present is not None and present.takes(name), f"outside of its family: {line}"
        series = (name, frozenset(labels.items()))
        assert series not in present.samples, f"twice: {line}"
        present.samples[series] = value
    for family in families.values():
        _check_family(family, misnamed)
    return {
        series: value for family in families.values() for series, value in family.samples.items()
    }


def _parse(line: str) -> tuple[str, dict[str, str], float]:
    match = _SAMPLE.fullmatch(line)
    assert match, f"no sample: {line!r}"
    pairs = _ONE_LABEL.findall(match.group(2) or "")
    labels = dict(pairs)
    assert len(labels) == len(pairs), f"a label twice: {line}"
    return match.group(1), labels, float(match.group(3).replace("Inf", "inf"))


def _check_family(family: _Family, misnamed: Container[str]) -> None:
    name = family.name
    assert family.help and family.type, f"{name} has no HELP or no TYPE"
    assert family.samples, f"{name} has no samples"
    if family.type != "untyped" and name not in misnamed:
        assert (family.type == "counter") == name.endswith("_total"), f"{name} is a {family.type}"
    if family.type == "histogram":
        _check_histogram(family)
    elif family.type == "counter":
        assert all(value >= 0 for value in family.samples.values()), f"{name} is negative"


def _check_histogram(family: _Family) -> None:
    buckets: dict[frozenset, list[tuple[float, float]]] = {}
    for (name, labels), value in family.samples.items():
        if name != family.name + "_bucket":
            continue
        bound = float(dict(labels)["le"].replace("Inf", "inf"))
        rest = frozenset(label for label in labels if label[0] != "le")
        buckets.setdefault(rest, []).append((bound, value))
    assert buckets, f"{family.name} has no buckets"
    for labels, pairs in buckets.items():
        bounds, counts = [bound for bound, _ in pairs], [count for _, count in pairs]
        assert bounds == sorted(set(bounds)) and bounds[-1] == math.inf, f"{family.name} {bounds}"
        assert counts == sorted(counts), f"{family.name} is not cumulative: {counts}"
        assert family.samples[(family.name + "_count", labels)] == counts[-1], family.name
        assert (family.name + "_sum", labels) in family.samples, family.name


def series(name: str, **labels: str) -> Series:
    return name, frozenset(labels.items())


def assert_same(one: dict[Series, float], other: dict[Series, float]) -> None:
    """Equal, where NaN equals itself."""
    assert {key: repr(float(value)) for key, value in one.items()} == {
        key: repr(float(value)) for key, value in other.items()
    }


def official_samples(text: str) -> dict[Series, float]:
    """The same by the official Python client, which has opinions of its own."""
    samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = series(sample.name, **sample.labels)
            assert key not in samples, f"the official parser sees {key} twice"
            samples[key] = sample.value
    return samples

"""Metrics in the Prometheus text format, read by the official parser and by its rules."""

import collections
import math
import re

from prometheus_client.parser import text_string_to_metric_families

from check import expect


def families(text: str) -> dict:
    """The families by name. Unmet when a scraper could take offence."""
    found = list(text_string_to_metric_families(text))
    names = collections.Counter(family.name for family in found)
    _expect_single("families in two pieces", names)
    # From the text: the parser takes such a counter for a family without a type.
    counters = re.findall(r"^# TYPE (\S+) counter", text, re.MULTILINE)
    odd = [name for name in counters if not name.endswith("_total")]
    expect(not odd, f"counters that do not end in _total: {odd[:3]}")
    comments = re.findall(r"^# (?:HELP|TYPE) \S+", text, re.MULTILINE)
    _expect_single("comments twice", collections.Counter(comments))
    series = collections.Counter(
        (sample.name, tuple(sorted(sample.labels.items()))) for f in found for sample in f.samples
    )
    _expect_single("series twice", series)
    for family in found:
        if family.type == "histogram":
            _expect_histogram(family)
    return {family.name: family for family in found}


def _expect_single(fault: str, counter: collections.Counter) -> None:
    several = [key for key, count in counter.items() if count > 1]
    expect(not several, f"{fault}: {several[:3]}")


def _expect_histogram(family) -> None:
    """Buckets never fall, and the last one is the count."""
    buckets, counts = collections.defaultdict(list), {}
    for sample in family.samples:
        labels = {name: text for name, text in sample.labels.items() if name != "le"}
        key = tuple(sorted(labels.items()))
        if sample.name.endswith("_bucket"):
            buckets[key].append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_count"):
            counts[key] = sample.value
    for key, pairs in buckets.items():
        values = [value for _, value in pairs]
        expect(pairs == sorted(pairs) and values == sorted(values), f"{family.name} falls")
        last = pairs[-1]
        expect(last == (math.inf, counts.get(key)), f"{family.name}: last bucket {last}")


def total(found: dict, name: str, **labels: str) -> float:
    """The sum of the samples of a gauge that have these labels."""
    expect(name in found, f"no {name}")
    samples = [s for s in found[name].samples if labels.items() <= s.labels.items()]
    expect(samples, f"no {name} with {labels}")
    return sum(sample.value for sample in samples)

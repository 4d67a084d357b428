#!/usr/bin/env python3
"""Draws what bench/compare measured.

    build/venv-bench/bin/python bench/plots.py RESULTS.json FOLDER

The JSON document holds, for each figure, its title, its unit, the names of the groups and for each
gateway one [smallest, median, largest] per group.
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402 (the backend is chosen first)

COLOURS = {"nginx": "#009639", "haproxy": "#3b6ea5", "olla": "#d1495b", "olla-2": "#8d2f3c"}


def draw(figure: dict, path: Path) -> None:
    groups = figure["groups"]
    gateways = figure["gateways"]
    width = 0.8 / len(gateways)
    picture, axes = pyplot.subplots(figsize=(1.6 * len(groups) + 2.5, 4), dpi=110)
    for index, (name, values) in enumerate(gateways.items()):
        places = [group + (index - (len(gateways) - 1) / 2) * width
                  for group in range(len(groups))]
        medians = [value[1] for value in values]
        errors = [[value[1] - value[0] for value in values],
                  [value[2] - value[1] for value in values]]
        axes.bar(places, medians, width, yerr=errors, capsize=2, label=name,
                 color=COLOURS.get(name))
    axes.set_xticks(range(len(groups)), groups)
    axes.set_ylabel(figure["unit"])
    axes.set_title(figure["title"])
    axes.grid(axis="y", alpha=0.3)
    axes.legend()
    picture.tight_layout()
    picture.savefig(path)
    pyplot.close(picture)


def main() -> None:
    figures = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    for name, figure in figures.items():
        draw(figure, Path(sys.argv[2]) / f"performance-{name}.png")


if __name__ == "__main__":
    main()

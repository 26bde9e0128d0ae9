# SPDX-License-Identifier: GPL-2.0-only
"""Table, JSON and plot of a benchmark, from lines of tools/bench/bench.

A line is "figure MODE DRIVER ROUND NAME UNIT VALUE LIMIT-NAME LIMIT" or
"target MODE PATTERN AGAINST FACTOR", separated by tabs.
"""
import contextlib
import fnmatch
import json
import math
import statistics
import sys
from html import escape

OURS, THEIRS, PLAIN = "nvgpu_vfio_pci", "nvgrace_gpu_vfio_pci", "vfio-pci"
UNITS = {"ns": ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1, "ns")),
         "instr": ((1e9, "Gi"), (1e6, "Mi"), (1e3, "ki"), (1, "i"))}


class Figure:
    """All samples of one figure in one mode, "time" or "count"."""

    def __init__(self, mode, name, unit):
        self.mode, self.name, self.unit = mode, name, unit
        self.samples, self.limits, self.over, self.limit_name = {}, {}, {}, None

    def add(self, driver, value, limit_name, limit):
        self.samples.setdefault(driver, []).append(value)
        if limit_name == "-":
            return
        self.limit_name = limit_name
        self.limits.setdefault(driver, []).append(limit)
        if limit:
            self.over.setdefault(driver, []).append(value / limit)

    def settle(self):
        """Where plain vfio-pci was measured as well, it is the limit."""
        if PLAIN not in self.samples:
            return
        self.limit_name = PLAIN
        plain = self.median(PLAIN)
        for driver in (OURS, THEIRS):
            values = self.samples.get(driver, [])
            self.limits[driver] = [plain] * len(values)
            self.over[driver] = [value / plain for value in values]

    def median(self, driver):
        values = self.samples.get(driver)
        return statistics.median(values) if values else None

    def times_limit(self, driver):
        values = self.over.get(driver)
        return statistics.median(values) if values else None

    def limit(self):
        values = self.limits.get(OURS)
        return statistics.median(values) if values else None

    def times_ours(self):
        ours, theirs = self.median(OURS), self.median(THEIRS)
        return theirs / ours if ours and theirs is not None else None

    def spread(self, driver):
        """Distance of the extremes, as a part of the median."""
        values = self.samples.get(driver)
        middle = self.median(driver)
        return (max(values) - min(values)) / middle if middle else 0.0


class Target:
    """What a figure has to be: so many times its limit or the other driver's, or so much."""

    def __init__(self, mode, pattern, against, factor):
        self.mode, self.pattern, self.against = mode, pattern, against
        self.factor, _, extra = factor.partition("+")
        self.factor, self.extra = float(self.factor), float(extra or 0)

    def applies(self, figure):
        return self.mode == figure.mode and fnmatch.fnmatch(figure.name, self.pattern)

    def text(self):
        extra = f"+{self.extra / 1e6:g}ms" if self.extra else ""
        sign = ">=" if self.against == "gain" else "<="
        return f"{sign} {self.factor:g}{extra} {self.against}"

    def is_met(self, figure):
        ours, limit = figure.median(OURS), figure.limit()
        if self.against == "limit":
            if not self.extra:
                return figure.times_limit(OURS) <= self.factor
            return ours <= limit * self.factor + self.extra
        if self.against == "peer":
            return figure.times_ours() is None or 1 / figure.times_ours() <= self.factor
        if self.against == "value":
            return ours <= self.factor
        return figure.times_ours() >= self.factor


def read_input(lines):
    figures, targets = {}, []
    for line in lines:
        kind, *words = line.rstrip("\n").split("\t")
        if kind == "target":
            targets.append(Target(*words))
        elif kind == "figure":
            mode, driver, _, name, unit, value, limit_name, limit = words
            if mode == "count":
                unit = unit.replace("ns", "instr")
            figure = figures.setdefault((mode, name), Figure(mode, name, unit))
            figure.add(driver, float(value), limit_name, float(limit))
    for figure in figures.values():
        figure.settle()
    return list(figures.values()), targets


def quantity(value, unit):
    if value is None:
        return "-"
    base, _, per = unit.partition("/")
    for scale, name in UNITS.get(base, ((1, base),)):
        if abs(value) >= scale or scale == 1:
            number = f"{value / scale:.3g}" if value < 1000 * scale else f"{value / scale:.0f}"
            return f"{number} {name}{'/' + per if per else ''}".rstrip()
    return f"{value:.3g}"


def factor(value):
    return "-" if value is None else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def verdicts(figure, targets):
    return [(target, target.is_met(figure)) for target in targets
            if target.applies(figure) and figure.median(OURS) is not None]


def row(figure, targets):
    judged = [f"{target.text()}: {'met' if met else 'MISSED'}"
              for target, met in verdicts(figure, targets)]
    return [figure.name, quantity(figure.median(OURS), figure.unit),
            f"{figure.spread(OURS):.0%}", quantity(figure.median(THEIRS), figure.unit),
            factor(figure.times_ours()),
            quantity(figure.limit(), figure.unit) +
            (f" {figure.limit_name}" if figure.limit_name else ""),
            factor(figure.times_limit(OURS)), factor(figure.times_limit(THEIRS)),
            ", ".join(judged)]


HEADS = ["figure", "nvgpu", "spread", "nvgrace-gpu", "x nvgpu", "limit", "nvgpu x",
         "nvgrace x", "target"]
TITLES = {"time": "Time: median of the rounds",
          "count": "Instructions of the emulated host: the same in each run"}


def print_table(figures, targets, title):
    print(title)
    met = missed = 0
    for mode, heading in TITLES.items():
        chosen = [figure for figure in figures if figure.mode == mode]
        if not chosen:
            continue
        rows = [HEADS] + [row(figure, targets) for figure in chosen]
        widths = [max(len(line[i]) for line in rows) for i in range(len(HEADS))]
        print(f"\n{heading}\n")
        for line in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
        for figure in chosen:
            results = [is_met for _, is_met in verdicts(figure, targets)]
            met += sum(results)
            missed += len(results) - sum(results)
    print(f"\ntargets: {met} met, {missed} missed")


def print_json(figures, targets, title):
    def one(figure):
        return {"mode": figure.mode, "name": figure.name, "unit": figure.unit,
                "samples": figure.samples, "limit": figure.limit(),
                "limit_name": figure.limit_name,
                "median": {d: figure.median(d) for d in figure.samples},
                "spread": {d: figure.spread(d) for d in figure.samples},
                "times_limit": {d: figure.times_limit(d) for d in figure.over},
                "nvgrace_times_nvgpu": figure.times_ours(),
                "targets": [{"text": target.text(), "met": met}
                            for target, met in verdicts(figure, targets)]}

    json.dump({"title": title, "figures": [one(figure) for figure in figures]},
              sys.stdout, indent=1)
    print()


LEFT, RIGHT, TOP, STEP, DECADE = 300, 40, 60, 16, 150
COLOURS = {OURS: "#0072b2", THEIRS: "#d55e00"}


def dots(figure, y, origin):
    """The two drivers on one line, as multiples of the limit."""
    places = {driver: LEFT + (math.log10(figure.times_limit(driver)) - origin) * DECADE
              for driver in COLOURS if figure.times_limit(driver)}
    label = f"{figure.name}, {figure.mode}, of {figure.limit_name}"
    yield (f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{escape(label)}</text>')
    if len(places) == 2:
        ends = list(places.values())
        yield (f'<line x1="{ends[0]:.1f}" x2="{ends[1]:.1f}" y1="{y}" y2="{y}" '
               'stroke="#bbb"/>')
    for driver, x in places.items():
        yield f'<circle cx="{x:.1f}" cy="{y}" r="4" fill="{COLOURS[driver]}"/>'


def print_svg(figures, _targets, title):
    shown = [figure for figure in figures if figure.times_limit(OURS)]
    values = [math.log10(value) for figure in shown
              for value in (figure.times_limit(OURS), figure.times_limit(THEIRS)) if value]
    low, high = math.floor(min(values + [0])), math.ceil(max(values + [1]))
    height = TOP + STEP * (len(shown) + 1) + 30
    width = LEFT + (high - low) * DECADE + RIGHT
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
          'font-family="sans-serif" font-size="10">')
    print(f'<rect width="{width}" height="{height}" fill="white"/>')
    print(f'<text x="10" y="18" font-size="13">{escape(title)}</text>')
    print('<text x="10" y="36">Multiples of the limit that stands behind each name; '
          f'<tspan fill="{COLOURS[OURS]}">nvgpu</tspan>, '
          f'<tspan fill="{COLOURS[THEIRS]}">nvgrace-gpu</tspan></text>')
    for decade in range(low, high + 1):
        x = LEFT + (decade - low) * DECADE
        print(f'<line x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{height - 30}" '
              f'stroke="{"#444" if decade == 0 else "#ddd"}"/>')
        print(f'<text x="{x}" y="{height - 14}" text-anchor="middle">{10.0 ** decade:g}</text>')
    for number, figure in enumerate(shown):
        print("\n".join(dots(figure, TOP + STEP * number, low)))
    print("</svg>")


def write_all(place, lines, title):
    figures, targets = read_input(lines)
    for name, show in (("table.txt", print_table), ("result.json", print_json),
                       ("plot.svg", print_svg)):
        with open(place / name, "w") as out, contextlib.redirect_stdout(out):
            show(figures, targets, title)

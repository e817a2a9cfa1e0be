"""Says what conc_bench measured: the table for people, JSON for programs."""

import json
import statistics

from bench_figures import machine, number, runs_text, verdict, verdicts

_LAYOUT = "{:<16} {:>10}  {:>9}  {:<28} {:>9}  {:>7}  {:>15}  {:<6} {}"


def _figure(samples, unit):
    return f"{number(statistics.median(samples))} {unit}" if samples else "-"


def line_of(comparison):
    ratios = comparison.ratios()
    return _LAYOUT.format(
        comparison.row,
        f"{comparison.operations:,}",
        _figure(comparison.ours, comparison.unit),
        comparison.against,
        _figure(comparison.theirs, comparison.unit),
        number(comparison.ratio()) if ratios else "-",
        f"{number(min(ratios))} - {number(max(ratios))}" if ratios else "-",
        "" if comparison.asked is None else f">= {comparison.asked:g}",
        verdict(comparison.reached()),
    ).rstrip()


def summary(comparisons):
    lines = verdicts(comparisons)
    if any(not each.ours for each in comparisons):
        lines.append("-: the program has no such row")
    return lines


def print_table(comparisons, runs, cores, scale):
    print(f"medians of {runs_text(runs)}, the sides in turn on cores {', '.join(map(str, cores))}; ratio: theirs / ours", end="")
    print("" if scale == 1 else f"; {scale:g} times the usual operations")
    if len(cores) < 2:
        print("only one core may be used: the two workers of each side share it")
    print()
    print(_LAYOUT.format("row", "operations", "ours", "against", "theirs", "ratio", "min - max", "asked", "").rstrip())
    for comparison in comparisons:
        print(line_of(comparison))
    print()
    for line in summary(comparisons):
        print(line)


def as_json(comparisons, runs, cores, scale):
    results = []
    for comparison in comparisons:
        ratios = comparison.ratios()
        results.append(
            {
                "row": comparison.row,
                "operations": comparison.operations,
                "unit": comparison.unit,
                "against": comparison.against,
                "ours": comparison.ours,
                "theirs": comparison.theirs,
                "ratio": {"median": comparison.ratio(), "min": min(ratios), "max": max(ratios)} if ratios else None,
                "asked": comparison.asked,
                "reached": comparison.reached(),
            }
        )
    whole = {
        **machine(),
        "cores": cores,
        "runs": runs,
        "scale": scale,
        "results": results,
    }
    return json.dumps(whole, indent=2) + "\n"

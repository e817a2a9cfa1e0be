"""Says what net_bench measured: tables for people, JSON for programs."""

import dataclasses
import json
import statistics

from bench_figures import machine, number, runs_text, verdict, verdicts

_SIDES = "{:<12} {:<24} {:>12} {:>10} {:>11} {:>7} {:>12}"
_RATIOS = "{:<12} {:<19} {:<22} {:>7}  {:>15}  {:<10} {:<8} {}"

BUSY = 0.95  # a server that had less to do than this was not what limited the throughput
SHARED = 0.05  # a server that waited longer than this for its core did not have it to itself
_NAMED = 5


def ratio_text(value):
    return f"{value:.3f}" if value < 10 else number(value)


def _median(values, unit=""):
    return f"{number(statistics.median(values))}{unit}" if values else "-"


def _figures_of(row, label, samples):
    if samples.memory:
        return _SIDES.format(row, label, "", "", "", "", _median(samples.memory, " B")).rstrip()
    if samples.calls:
        return _SIDES.format(row, label, "", "", "", "", f"{statistics.median(samples.calls):.3f} calls").rstrip()
    return _SIDES.format(
        row,
        label,
        _median(samples.rates),
        _median(samples.cpu),
        _median(samples.latency),
        f"{statistics.median(samples.busy):.0%}" if samples.busy else "-",
        "",
    ).rstrip()


def _asked(comparison):
    if comparison.asked_bytes is not None:
        return f"<= {comparison.asked_bytes:,} B"
    if comparison.asked is None:
        return ""
    return f"{'>=' if comparison.metric == 'throughput' else '<='} {comparison.asked:g}"


def _by_cpu(comparison):
    """The same comparison by processor time, which counts nothing that others do on the core. Above 1: ours is ahead."""
    ratios = comparison.ratios("cpu") if comparison.metric == "throughput" else []
    return f"{1 / statistics.median(ratios):.3f} by processor time" if ratios else ""


def line_of(comparison):
    ratios = comparison.ratios()
    return _RATIOS.format(
        comparison.row,
        comparison.ours_label,
        comparison.against,
        ratio_text(comparison.ratio()) if ratios else "-",
        f"{ratio_text(min(ratios))} - {ratio_text(max(ratios))}" if ratios else "-",
        _asked(comparison),
        verdict(comparison.reached()),
        _by_cpu(comparison),
    ).rstrip()


def _has_rates(row):
    return all(samples.busy for samples in row.values())


def doubts(figures):
    """What speaks against the figures, in one line each."""
    # Of each row the side that waited least: the threads of a server wait for each other, too.
    least = [min(statistics.median(each.waited) for each in row.values()) for row in figures.values() if _has_rates(row)]
    waited = max(least, default=0.0)
    lines = []
    if waited > SHARED:
        lines.append(
            f"something else used the servers' core: for {waited:.0%} of the time they waited for it. Believe the ratios "
            "by processor time, or measure on a quiet machine, or with --real-time"
        )
    idle = [
        f"{label} ({row})"
        for row, sides in figures.items()
        for label, each in sides.items()
        if each.busy and statistics.median(each.busy) < BUSY and not row.endswith("_1")
    ]
    if idle:
        more = f" and {len(idle) - _NAMED} more" if len(idle) > _NAMED else ""
        lines.append(f"not saturated, so that the load had a part in their throughput: {', '.join(idle[:_NAMED])}{more}")
    return lines


def _how(plan):
    cores = f"servers on core {plan.server_core}, load on core {plan.load_core}"
    if plan.server_core == plan.load_core:
        cores = f"only one core may be used: servers and load share core {plan.server_core}"
    return f"{cores}; {plan.seconds:g} s each{', before all else that runs' if plan.real_time else ''}"


def print_tables(outcome, runs, plan):
    print(f"medians of {runs_text(runs)}, the sides in turn; {_how(plan)}")
    print()
    heads = ("row", "side", "messages/s", "us CPU", "us latency", "busy", "each takes")
    print(_SIDES.format(*heads))
    for row, sides in outcome.figures.items():
        for label, samples in sides.items():
            print(_figures_of(row, label, samples))
    print()
    print(_RATIOS.format("row", "ours", "against", "ratio", "min - max", "asked", "", "").rstrip())
    for comparison in outcome.comparisons:
        print(line_of(comparison))
    print()
    print("ratio: ours / theirs, of messages a second; of a message's processor time in work_*, and system calls in calls_*; "
          "of memory in idle")
    for line in [*verdicts(outcome.comparisons), *doubts(outcome.figures)]:
        print(line)


def as_json(outcome, runs, plan):
    results = []
    for comparison in outcome.comparisons:
        ratios = comparison.ratios()
        results.append(
            {
                "row": comparison.row,
                "metric": comparison.metric,
                "ours": comparison.ours_label,
                "against": comparison.against,
                "ratio": {"median": comparison.ratio(), "min": min(ratios), "max": max(ratios)} if ratios else None,
                "asked": comparison.asked,
                "asked_bytes": comparison.asked_bytes,
                "reached": comparison.reached(),
            }
        )
    figures = {
        row: {label: dataclasses.asdict(samples) for label, samples in sides.items()}
        for row, sides in outcome.figures.items()
    }
    whole = {
        **machine(),
        "server_core": plan.server_core,
        "load_core": plan.load_core,
        "real_time": plan.real_time,
        "runs": runs,
        "seconds": plan.seconds,
        "results": results,
        "samples": figures,
    }
    return json.dumps(whole, indent=2) + "\n"

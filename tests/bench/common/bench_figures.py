"""How the benchmarks write figures, and what they say of the machine."""

import os
import platform
import time


def number(value):
    """About three digits, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def runs_text(runs):
    return f"{runs} run{'s' if runs > 1 else ''}"


def verdict(reached):
    """`reached` is None where nothing is asked, or nothing could be compared."""
    if reached is None:
        return ""
    return "reached" if reached else "MISSES"


def verdicts(comparisons):
    """One line on how many of them reach what is asked; none where nothing is."""
    judged = [each for each in comparisons if each.reached() is not None]
    if not judged:
        return []
    reached = sum(1 for each in judged if each.reached())
    return [f"{reached} of {len(judged)} ratios that are asked for were reached"]


def _processor():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def machine():
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "processor": _processor(),
        "kernel": platform.release(),
        "load": os.getloadavg(),
    }

"""Draws conc_bench's ratios."""

import bench_bars
from bench_figures import number, runs_text


def _bar(comparison):
    ratios = comparison.ratios()
    return bench_bars.Bar(
        what=comparison.row + (" (memory)" if comparison.unit == "B" else ""),
        against=comparison.against,
        ratio=comparison.ratio(),
        figure=number(comparison.ratio()),
        least=min(ratios),
        most=max(ratios),
        asked=comparison.asked,
        reached=comparison.reached(),
    )


def draw(comparisons, runs):
    """The SVG's text. Comparisons that lack a side are left out."""
    return bench_bars.draw(
        [_bar(each) for each in comparisons if each.ratios()],
        "conc against others: the same programs, two workers each",
        f"theirs / ours, median of {runs_text(runs)}, the sides in turn; the axis is logarithmic, longer to the right "
        "is better",
        within=(0.5, 5.0),
        ticks=bench_bars.WIDE,
    )

"""Draws what net_bench measured: the ratios of throughput, and the work for a message as connections grow."""

import math
import statistics

import bench_bars
from bench_figures import runs_text
from bench_svg import line, page, text
from net_report import ratio_text

_WIDTH, _HEIGHT = 900, 470
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 190, 84, 60
_COLOURS = ("#2b7a9e", "#8a8a8a", "#7b4b9e", "#c9b22b", "#3b9e5b", "#c9722b", "#b3362b")


def _bar(comparison):
    ratios = comparison.ratios()
    return bench_bars.Bar(
        what=f"{comparison.row}: {comparison.ours_label.removeprefix('mynahd ')}",
        against=comparison.against,
        ratio=comparison.ratio(),
        figure=ratio_text(comparison.ratio()),
        least=min(ratios),
        most=max(ratios),
        asked=comparison.asked,
        reached=comparison.reached(),
    )


def draw_ratios(comparisons, runs):
    """The SVG's text. Comparisons that lack a side are left out."""
    return bench_bars.draw(
        [_bar(each) for each in comparisons if each.metric == "throughput" and each.ratios()],
        "mynahd against other echo servers, one core each",
        f"messages a second, ours / theirs, median of {runs_text(runs)}, the sides in turn; the axis is logarithmic, longer "
        "to the right is better",
        within=(0.7, 1.4),
        ticks=bench_bars.CLOSE,
    )


class _Plane:
    """Connections (logarithmic) and microseconds (from zero) to positions."""

    def __init__(self, counts, highest):
        self._low, self._high = math.log10(min(counts) / 1.3), math.log10(max(counts) * 1.3)
        self._step = 10.0 ** math.floor(math.log10(highest)) / 2
        self._top = math.ceil(highest * 1.05 / self._step) * self._step

    def x(self, count):
        return _LEFT + (math.log10(count) - self._low) / (self._high - self._low) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value):
        return _HEIGHT - _BOTTOM - value / self._top * (_HEIGHT - _TOP - _BOTTOM)

    def ticks(self):
        return [self._step * i for i in range(round(self._top / self._step) + 1)]


def _draw_side(plane, label, points, colour, label_y):
    """`points`: (connections, samples), by connections."""
    middles = [(plane.x(count), plane.y(statistics.median(values))) for count, values in points]
    parts = [line(*a, *b, colour, 2) for a, b in zip(middles, middles[1:])]
    for (count, values), (x, y) in zip(points, middles):
        parts.append(line(x, plane.y(min(values)), x, plane.y(max(values)), colour))
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')
    x = _WIDTH - _RIGHT + 20
    parts.append(line(x, label_y - 4, x + 22, label_y - 4, colour, 3))
    parts.append(text(x + 28, label_y, label))
    return parts


def draw_work(figures_by_count, runs):
    """The SVG's text. `figures_by_count`: the number of connections -> side -> samples."""
    sides = {}
    for count, figures in sorted(figures_by_count.items()):
        for label, samples in figures.items():
            if samples.cpu:
                sides.setdefault(label, []).append((count, samples.cpu))
    parts = page(
        _WIDTH,
        _HEIGHT,
        "work for a message as connections grow",
        f"microseconds of the server's processor time for 64 B, each connection in turn; median of {runs_text(runs)}, "
        "bars from min to max",
    )
    if sides:
        counts = sorted(figures_by_count)
        plane = _Plane(counts, max(max(values) for points in sides.values() for _, values in points))
        for value in plane.ticks():
            parts.append(line(_LEFT, plane.y(value), _WIDTH - _RIGHT, plane.y(value), "#ddd"))
            parts.append(text(_LEFT - 8, plane.y(value) + 4, f"{value:g}", "end", 11, "#555"))
        for count in counts:
            parts.append(line(plane.x(count), _TOP, plane.x(count), _HEIGHT - _BOTTOM, "#eee"))
            parts.append(text(plane.x(count), _HEIGHT - _BOTTOM + 18, f"{count:,}", "middle", 11, "#555"))
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        parts.append(text(middle, _HEIGHT - 18, "connections (logarithmic)", "middle", colour="#555"))
        for index, (label, points) in enumerate(sides.items()):
            parts += _draw_side(plane, label, points, _COLOURS[index % len(_COLOURS)], _TOP + 14 + 22 * index)
    parts.append("</svg>")
    return "\n".join(parts) + "\n"

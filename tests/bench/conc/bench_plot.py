"""Draws conc_bench's ratios: a bar for each comparison, on a logarithmic axis, from the line where both are equal."""

import math
from html import escape

from bench_report import number, runs_text

_ROW_HEIGHT = 24
_BAR_HEIGHT = 14
_TOP = 84
_LEFT = 370
_PLOT_WIDTH = 600
_RIGHT = 90
_BOTTOM = 74

_COLOURS = {"ahead": "#2b7a9e", "behind": "#c9722b", "missed": "#b3362b"}
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Axis:
    """Ratios to horizontal positions. Reaches from the smallest to the largest of `values`, and always over 0.5 to 5."""

    def __init__(self, values):
        self._low = math.log10(min(0.5, *values) / 1.4)
        self._high = math.log10(max(5.0, *values) * 1.4)

    def __call__(self, value):
        return _LEFT + (math.log10(value) - self._low) / (self._high - self._low) * _PLOT_WIDTH

    def ticks(self):
        return [tick for tick in _TICKS if self._low <= math.log10(tick) <= self._high]


def _text(x, y, content, anchor="start", size=12, colour="#222", weight="normal"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}" '
        f'font-weight="{weight}">{escape(content)}</text>'
    )


def _line(x1, y1, x2, y2, colour, width=1.0):
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width:g}"/>'
    )


def _bar(axis, comparison, y):
    ratio = comparison.ratio()
    ratios = comparison.ratios()
    if comparison.reached() is False:
        colour = _COLOURS["missed"]
    else:
        colour = _COLOURS["ahead" if ratio >= 1 else "behind"]
    one, end = axis(1), axis(ratio)
    middle = y + _ROW_HEIGHT / 2
    top = middle - _BAR_HEIGHT / 2
    what = comparison.row + (" (memory)" if comparison.unit == "B" else "")
    parts = [
        _text(_LEFT - 194, middle + 4, what, "end", weight="bold"),
        _text(_LEFT - 186, middle + 4, comparison.against, size=11, colour="#555"),
        f'<rect x="{min(one, end):.1f}" y="{top:.1f}" width="{max(abs(end - one), 0.5):.1f}" height="{_BAR_HEIGHT}" '
        f'fill="{colour}"/>',
        _line(axis(min(ratios)), middle, axis(max(ratios)), middle, "#222"),
    ]
    if comparison.asked is not None:
        x = axis(comparison.asked)
        parts.append(_line(x, middle - 10, x, middle + 10, "#111", 3))
    parts.append(_text(_LEFT + _PLOT_WIDTH + 12, middle + 4, f"{number(ratio)}x", colour=colour, weight="bold"))
    return parts


def _legend(y):
    parts = []
    entries = (("ahead", "ours is ahead"), ("behind", "ours is behind"), ("missed", "less than is asked"))
    x = _LEFT
    for key, label in entries:
        parts.append(f'<rect x="{x}" y="{y - 9}" width="12" height="12" fill="{_COLOURS[key]}"/>')
        parts.append(_text(x + 17, y + 1, label, size=11))
        x += 130
    parts += [_line(x + 6, y - 11, x + 6, y + 5, "#111", 3), _text(x + 17, y + 1, "what is asked", size=11)]
    parts += [_line(x + 122, y - 3, x + 146, y - 3, "#222"), _text(x + 152, y + 1, "min to max", size=11)]
    return parts


def draw(comparisons, runs):
    """The SVG's text. Comparisons that lack a side are left out."""
    drawn = [each for each in comparisons if each.ratios()]
    values = [value for each in drawn for value in (*each.ratios(), each.asked or 1.0)]
    axis = Axis(values or [1.0])
    height = _TOP + len(drawn) * _ROW_HEIGHT
    width = _LEFT + _PLOT_WIDTH + _RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height + _BOTTOM}" '
        f'viewBox="0 0 {width} {height + _BOTTOM}" font-family="DejaVu Sans, Helvetica, Arial, sans-serif">',
        f'<rect width="{width}" height="{height + _BOTTOM}" fill="white"/>',
        _text(24, 30, "conc against others: the same programs, two workers each", size=17, weight="bold"),
        _text(24, 50, f"theirs / ours, median of {runs_text(runs)}, the sides in turn; the axis is logarithmic, longer to the right "
              "is better", size=12, colour="#555"),
    ]  # fmt: skip
    for index in range(0, len(drawn), 2):
        y = _TOP + index * _ROW_HEIGHT
        parts.append(f'<rect x="16" y="{y}" width="{width - 32}" height="{_ROW_HEIGHT}" fill="#f5f5f5"/>')
    for tick in axis.ticks():
        x = axis(tick)
        parts.append(_line(x, _TOP, x, height, "#ddd"))
        parts.append(_text(x, height + 18, f"{tick:g}", "middle", size=11, colour="#555"))
    for index, comparison in enumerate(drawn):
        parts += _bar(axis, comparison, _TOP + index * _ROW_HEIGHT)
    parts.append(_line(axis(1), _TOP - 6, axis(1), height + 4, "#111", 1.5))
    parts.append(_text(axis(1), _TOP - 10, "equal", "middle", size=11))
    parts += _legend(height + 52)
    parts.append("</svg>")
    return "\n".join(parts) + "\n"

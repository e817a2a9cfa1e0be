"""Ratios as a picture: a bar for each comparison, on a logarithmic axis, from the line where both are equal."""

import math
from dataclasses import dataclass

from bench_svg import line, page, text

_ROW_HEIGHT = 24
_BAR_HEIGHT = 14
_TOP = 84
_LEFT = 370
_PLOT_WIDTH = 600
_RIGHT = 90
_BOTTOM = 74

_COLOURS = {"ahead": "#2b7a9e", "behind": "#c9722b", "missed": "#b3362b"}
WIDE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
CLOSE = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.5, 2, 3, 4, 5, 10)


@dataclass(frozen=True)
class Bar:
    what: str
    against: str
    ratio: float
    figure: str  # the ratio, as it is written beside the bar
    least: float
    most: float
    asked: float | None
    reached: bool | None


class Axis:
    """Ratios to horizontal positions. Reaches from the smallest to the largest of `values`."""

    def __init__(self, values, ticks):
        room = (max(values) / min(values)) ** 0.1
        self._low = math.log10(min(values) / room)
        self._high = math.log10(max(values) * room)
        self._ticks = ticks

    def __call__(self, value):
        return _LEFT + (math.log10(value) - self._low) / (self._high - self._low) * _PLOT_WIDTH

    def ticks(self):
        return [tick for tick in self._ticks if self._low <= math.log10(tick) <= self._high]


def _draw_bar(axis, bar, y):
    if bar.reached is False:
        colour = _COLOURS["missed"]
    else:
        colour = _COLOURS["ahead" if bar.ratio >= 1 else "behind"]
    one, end = axis(1), axis(bar.ratio)
    middle = y + _ROW_HEIGHT / 2
    top = middle - _BAR_HEIGHT / 2
    parts = [
        text(_LEFT - 194, middle + 4, bar.what, "end", weight="bold"),
        text(_LEFT - 186, middle + 4, bar.against, size=11, colour="#555"),
        f'<rect x="{min(one, end):.1f}" y="{top:.1f}" width="{max(abs(end - one), 0.5):.1f}" height="{_BAR_HEIGHT}" '
        f'fill="{colour}"/>',
        line(axis(bar.least), middle, axis(bar.most), middle, "#222"),
    ]
    if bar.asked is not None:
        x = axis(bar.asked)
        parts.append(line(x, middle - 10, x, middle + 10, "#111", 3))
    parts.append(text(_LEFT + _PLOT_WIDTH + 12, middle + 4, f"{bar.figure}x", colour=colour, weight="bold"))
    return parts


def _legend(y):
    parts = []
    entries = (("ahead", "ours is ahead"), ("behind", "ours is behind"), ("missed", "less than is asked"))
    x = _LEFT
    for key, label in entries:
        parts.append(f'<rect x="{x}" y="{y - 9}" width="12" height="12" fill="{_COLOURS[key]}"/>')
        parts.append(text(x + 17, y + 1, label, size=11))
        x += 130
    parts += [line(x + 6, y - 11, x + 6, y + 5, "#111", 3), text(x + 17, y + 1, "what is asked", size=11)]
    parts += [line(x + 122, y - 3, x + 146, y - 3, "#222"), text(x + 152, y + 1, "min to max", size=11)]
    return parts


def draw(bars, title, subtitle, within, ticks):
    """The SVG's text. The axis reaches over `within`, (least, most), and further where a bar does."""
    axis = Axis([*within, *(value for bar in bars for value in (bar.least, bar.most, bar.asked or 1.0))], ticks)
    height = _TOP + len(bars) * _ROW_HEIGHT
    width = _LEFT + _PLOT_WIDTH + _RIGHT
    parts = page(width, height + _BOTTOM, title, subtitle)
    for index in range(0, len(bars), 2):
        y = _TOP + index * _ROW_HEIGHT
        parts.append(f'<rect x="16" y="{y}" width="{width - 32}" height="{_ROW_HEIGHT}" fill="#f5f5f5"/>')
    for tick in axis.ticks():
        x = axis(tick)
        parts.append(line(x, _TOP, x, height, "#ddd"))
        parts.append(text(x, height + 18, f"{tick:g}", "middle", size=11, colour="#555"))
    for index, bar in enumerate(bars):
        parts += _draw_bar(axis, bar, _TOP + index * _ROW_HEIGHT)
    parts.append(line(axis(1), _TOP - 6, axis(1), height + 4, "#111", 1.5))
    parts.append(text(axis(1), _TOP - 10, "equal", "middle", size=11))
    parts += _legend(height + 52)
    parts.append("</svg>")
    return "\n".join(parts) + "\n"

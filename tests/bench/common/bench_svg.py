"""The pieces that the benchmarks' pictures are made of."""

from html import escape

_FONTS = "DejaVu Sans, Helvetica, Arial, sans-serif"


def text(x, y, content, anchor="start", size=12, colour="#222", weight="normal"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}" '
        f'font-weight="{weight}">{escape(content)}</text>'
    )


def line(x1, y1, x2, y2, colour, width=1.0):
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width:g}"/>'
    )


def page(width, height, title, subtitle):
    """The first elements of a picture; "</svg>" ends it."""
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="{_FONTS}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        text(24, 30, title, size=17, weight="bold"),
        text(24, 50, subtitle, size=12, colour="#555"),
    ]

"""A C++ source as the rules see it: the text, and the same text with comments and literals blanked out."""

import re

_TOKEN = re.compile(
    r"""
      (?P<line>//[^\n]*)
    | (?P<block>/\*.*?\*/)
    | (?P<raw>R"(?P<tag>[^()\s\\]{0,16})\(.*?\)(?P=tag)")
    | (?P<string>"(?:\\.|[^"\\\n])*")
    | (?P<char>(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+')
    """,
    re.VERBOSE | re.DOTALL,
)

_OPENING = {"(": ")", "[": "]", "{": "}"}


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def _replace(match, keep_literals):
    text = match.group(0)
    if match.group("line") or match.group("block"):
        return _blank(text)
    if keep_literals:
        return text
    quote = text[-1]
    return quote + _blank(text[1:-1]) + quote


def without_comments(text):
    """The same text and the same lines, with spaces for comments."""
    return _TOKEN.sub(lambda match: _replace(match, keep_literals=True), text)


def code_only(text):
    """The same text and the same lines, with spaces for comments and for what stands between quotes."""
    return _TOKEN.sub(lambda match: _replace(match, keep_literals=False), text)


def comments(text):
    """(line number, text behind the slashes) of every // comment that has its line to itself."""
    for match in _TOKEN.finditer(text):
        if not match.group("line"):
            continue
        start = text.rfind("\n", 0, match.start()) + 1
        if not text[start : match.start()].strip():
            yield line_at(text, match.start()), match.group(0)[2:]


def line_at(text, offset):
    return text.count("\n", 0, offset) + 1


def closing(code, opening):
    """Offset of the bracket that closes the one at `opening`, or the end of the text."""
    close = _OPENING[code[opening]]
    depth = 0
    for offset in range(opening, len(code)):
        if code[offset] == code[opening]:
            depth += 1
        elif code[offset] == close:
            depth -= 1
            if depth == 0:
                return offset
    return len(code)

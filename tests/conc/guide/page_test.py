#!/usr/bin/env python3
"""page_test.py PAGE FOLDER: every ```cpp block of the page stands in one of the folder's .cpp files, modulo indentation."""

import re
import sys
import textwrap
from pathlib import Path

_BLOCK = re.compile(r"^( *)```cpp\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def runs_of_lines(source, count):
    """Every `count` consecutive lines of the source, without what indents all of them."""
    lines = source.split("\n")
    for first in range(len(lines) - count + 1):
        yield textwrap.dedent("\n".join(lines[first : first + count]))


def main():
    page = Path(sys.argv[1])
    text = page.read_text(encoding="utf-8")
    sources = [path.read_text(encoding="utf-8") for path in sorted(Path(sys.argv[2]).glob("*.cpp"))]
    blocks = list(_BLOCK.finditer(text))
    missing = 0
    for block in blocks:
        code = textwrap.dedent(block[2]).rstrip("\n")
        if not any(code in runs_of_lines(source, code.count("\n") + 1) for source in sources):
            line = text.count("\n", 0, block.start()) + 1
            print(f"{page}:{line}: no source in {sys.argv[2]} holds these lines:\n{textwrap.indent(code, '    ')}")
            missing += 1
    if not blocks:
        print(f"{page}: no block of C++ at all")
    return 1 if missing or not blocks else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""doxygen_filter.py FILE: prints a header as Doxygen is to read it, with its contract as the file's documentation.

The lines of the contract stand as they are. Line numbers stay the same, so that warnings name the right ones.
"""

import re
import sys
from pathlib import Path


def documented(text, path):
    lines = text.split("\n")
    end = next(number for number, line in enumerate(lines) if not line.startswith("//"))
    if end == 0:
        return text
    contract = [re.sub(r"^// ?", "", line) for line in lines[:end]]
    # No line is added: the commands stand on the first two, of which the second is empty, and on the last.
    what = re.sub(r"^\S+ -- ", "", contract[0])
    brief = re.split(r"\s{2,}", what)[0]
    title = f"/** @file {path} @brief {brief}"
    if end == 1:
        return "\n".join([title + " */", *lines[end:]])
    if contract[1]:
        contract[0] = f"/** @file {path} @verbatim {contract[0]}"
    else:
        contract[:2] = [title, f"@verbatim {contract[0]}"]
    contract[-1] += " @endverbatim */"
    return "\n".join(contract + lines[end:])


def main():
    path = Path(sys.argv[1])
    sys.stdout.write(documented(path.read_text(encoding="utf-8"), path))


if __name__ == "__main__":
    sys.exit(main())

"""What the command lines of the benchmarks have in common: one line for what is wrong, and exit status 2."""

import argparse
import re
from pathlib import Path

USAGE_ERROR = 2
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    def __init__(self, prog, description, epilog):
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message):
        self.exit(USAGE_ERROR, f"{self.prog}: {message}; --help explains\n")


def runs(text):
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 to 1000")
    return int(text)


def number_between(least, most):
    """For add_argument's type: a number within these bounds."""

    def convert(text):
        try:
            value = float(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError(f"'{text}' is no number from {least:g} to {most:g}")
        return value

    return convert


def some_of(rows):
    """For add_argument's type: those of the rows whose name a regular expression matches, anywhere in it."""

    def convert(text):
        try:
            pattern = re.compile(text)
        except re.error as error:
            raise argparse.ArgumentTypeError(f"'{text}' is no regular expression: {error}") from None
        chosen = [row for row in rows if pattern.search(row.name)]
        if not chosen:
            raise argparse.ArgumentTypeError(f"no row matches '{text}': --list names them")
        return chosen

    return convert


def output(text):
    """A file that can be written: better known before the measurement than after it."""
    path = Path(text)
    try:
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot write '{text}': {error.strerror}") from None
    return path

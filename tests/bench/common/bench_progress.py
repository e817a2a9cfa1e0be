"""Progress on a terminal, and the cores that a benchmark runs on."""

import os
import sys


class Failure(Exception):
    """A program did not do what it should; the text says which and how, in one line."""


class Progress:
    """One line on a terminal, rewritten; nothing elsewhere."""

    def __init__(self, steps):
        self._steps = steps
        self._done = 0
        self._shown = sys.stderr.isatty()

    def step(self, text):
        self._done += 1
        if self._shown:
            print(f"\r\033[K[{self._done}/{self._steps}] {text}", end="", file=sys.stderr, flush=True)

    def clear(self):
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def take_cores(count):
    """Leaves this process, and all that it starts, the first `count` of the cores that it may use. Returns them."""
    cores = sorted(os.sched_getaffinity(0))[:count]
    os.sched_setaffinity(0, cores)
    return cores

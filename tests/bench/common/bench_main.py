"""What the benchmarks' main functions have in common: how a run ends."""

import sys

from bench_options import INTERRUPTED
from bench_progress import Failure


def exit_status(name, run, options):
    """What run(options) returns; 1, with one line, where a program failed; 130 where somebody has had enough."""
    try:
        return run(options)
    except (Failure, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED

#!/usr/bin/env python3
"""conc_bench: conc against the same programs in Go, with Asio, Boost.Fiber, oneTBB and the standard
library. See --help."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "common"))

import bench_main  # noqa: E402
import bench_options  # noqa: E402
import bench_plot  # noqa: E402
import bench_progress  # noqa: E402
import bench_report  # noqa: E402
import bench_run  # noqa: E402
from bench_rows import DEFAULT_RUNS, ROWS  # noqa: E402

DESCRIPTION = """\
Compares conc with the same programs in Go (and, where they have it, with Asio, Boost.Fiber, oneTBB and the standard
library): each row runs
ours, theirs, ours, theirs ... on the same two cores, two workers each, equal numbers of operations. The ratio is their
time (or memory) over ours, round by round: above 1, ours is ahead. A row says MISSES where the median of its ratios is
below what is asked for it."""

EPILOG = """\
examples:
  ./dev bench conc                                     every row, 5 runs
  ./dev bench conc --rows 'ping_pong|spsc' --runs 11   some rows, looked at more closely
  ./dev bench conc --svg build/conc.svg --json build/conc.json

Measure on a quiet machine. exit status: 0 measured; 1 a program failed, or --strict and a row misses; 2 wrong usage"""


def parse(arguments):
    parser = bench_options.Parser("conc_bench", DESCRIPTION, EPILOG)
    parser.add_argument("--runs", type=bench_options.runs, default=DEFAULT_RUNS, metavar="N",
                        help="rounds in which each side has its turn (default: %(default)s)")  # fmt: skip
    parser.add_argument("--rows", type=bench_options.some_of(ROWS), default=list(ROWS), metavar="REGEX",
                        help="only the rows whose name it matches, anywhere in it")  # fmt: skip
    parser.add_argument("--scale", type=bench_options.number_between(0.0001, 100), default=1.0, metavar="FACTOR",
                        help="times the usual operations, on all sides; 0.001 shows quickly whether all works")  # fmt: skip
    parser.add_argument("--json", type=bench_options.output, metavar="FILE", help="write all figures there, each run's")
    parser.add_argument("--svg", type=bench_options.output, metavar="FILE", help="draw the ratios there")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a row misses what is asked")
    parser.add_argument("--list", action="store_true", help="name the rows, and what one operation is, and end")
    parser.add_argument("--programs", default=os.getcwd(), metavar="FOLDER",
                        help="where conc_rows, go_rows and the others are (./dev bench says it)")  # fmt: skip
    return parser.parse_args(arguments)


def print_rows():
    for row in ROWS:
        print(f"{row.name:<16} {row.operations:>10,}  {row.what}")


def run(options):
    programs = bench_run.Programs(options.programs)
    for program in programs.absent():
        print(f"conc_bench: there is no {program}: its side is left out", file=sys.stderr)
    cores = bench_progress.take_cores(bench_run.CORES)
    comparisons = bench_run.compare(options.rows, programs, options.runs, options.scale)
    bench_report.print_table(comparisons, options.runs, cores, options.scale)
    if options.json is not None:
        text = bench_report.as_json(comparisons, options.runs, cores, options.scale)
        options.json.write_text(text, encoding="utf-8")
    if options.svg is not None:
        options.svg.write_text(bench_plot.draw(comparisons, options.runs), encoding="utf-8")
    missed = any(each.reached() is False for each in comparisons)
    return 1 if options.strict and missed else 0


def main():
    options = parse(sys.argv[1:])
    if options.list:
        print_rows()
        return 0
    return bench_main.exit_status("conc_bench", run, options)


if __name__ == "__main__":
    sys.exit(main())

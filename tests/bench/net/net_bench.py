#!/usr/bin/env python3
"""net_bench: mynahd against bare loops in C, Asio, Go and Tokio. See --help."""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "common"))

import bench_main  # noqa: E402
import bench_options  # noqa: E402
import bench_progress  # noqa: E402
import net_calls  # noqa: E402
import net_plot  # noqa: E402
import net_report  # noqa: E402
import net_run  # noqa: E402
from net_rows import DEFAULT_RUNS, DEFAULT_SECONDS, ROWS  # noqa: E402

QUICK_SECONDS = 0.02

DESCRIPTION = """\
Compares mynahd, one worker, with bare loops in C over the same system calls and with echo servers of Asio, Go and
Tokio. The server has one core, the load another; both sides of a row run in turn, and every byte that comes back is
checked. The ratio is ours over theirs, round by round: of messages a second; of processor time for a message in work_*;
of its system calls in calls_*, those of the connections' beginning and end among them; of a connection's memory in idle.
A row says MISSES where the median does not reach what is asked: that is of throughput, and the last column gives the
same by processor time (above 1 ours is ahead), which what else runs on the core does not touch."""

EPILOG = """\
examples:
  ./dev bench net                                      every row, 7 runs: some eight minutes
  ./dev bench net --rows echo_64 --runs 15             one row, looked at more closely
  ./dev bench net --json build/net.json --svg build/net.svg --work-svg build/net_work.svg

Measure on a quiet machine; --real-time makes do without. exit status: 0 measured; 1 a program failed, or --strict and a
row misses; 2 wrong usage"""


def parse(arguments):
    parser = bench_options.Parser("net_bench", DESCRIPTION, EPILOG)
    parser.add_argument("--runs", type=bench_options.runs, default=DEFAULT_RUNS, metavar="N",
                        help="rounds in which each side has its turn (default: %(default)s)")  # fmt: skip
    parser.add_argument("--seconds", type=bench_options.number_between(0.005, 600), default=DEFAULT_SECONDS,
                        help="length of a measurement (default: %(default)s)")  # fmt: skip
    parser.add_argument("--rows", type=bench_options.some_of(ROWS), default=list(ROWS), metavar="REGEX",
                        help="only the rows whose name it matches, anywhere in it")  # fmt: skip
    parser.add_argument("--quick", action="store_true",
                        help="show in seconds whether all works: one very short run, few connections; the figures mean "
                        "nothing")  # fmt: skip
    parser.add_argument("--real-time", action="store_true",
                        help="run the servers and the load before all else (SCHED_FIFO), for a machine that others use "
                        "too; needs root")  # fmt: skip
    parser.add_argument("--json", type=bench_options.output, metavar="FILE", help="write all figures there, each run's")
    parser.add_argument("--svg", type=bench_options.output, metavar="FILE", help="draw the ratios of throughput there")
    parser.add_argument("--work-svg", type=bench_options.output, metavar="FILE",
                        help="draw there how much work a message is as connections grow")  # fmt: skip
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a row misses what is asked")
    parser.add_argument("--list", action="store_true", help="name the rows, and end")
    parser.add_argument("--programs", default=os.getcwd(), metavar="FOLDER",
                        help="where echo_load and the others' servers are (./dev bench says it)")  # fmt: skip
    parser.add_argument("--mynahd", metavar="FILE", help="another mynahd than the one built here")
    options = parser.parse_args(arguments)
    if options.quick:
        options.runs, options.seconds, options.rows = 1, QUICK_SECONDS, net_run.quick_rows(options.rows)
    return options


def print_rows():
    for row in ROWS:
        print(f"{row.name:<12} {row.what}")


def make_plan(options):
    cores = bench_progress.take_cores(net_run.CORES)
    if options.real_time:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        except PermissionError:
            raise bench_progress.Failure("--real-time needs root") from None
    return net_run.Plan(
        programs=options.programs,
        mynahd=options.mynahd or os.path.join(options.programs, os.pardir, "mynahd"),
        server_core=cores[0],
        load_core=cores[-1],
        seconds=options.seconds,
        real_time=options.real_time,
        quick=options.quick,
    )


def say_who_is_absent(rows, machinery):
    if any(row.is_traced for row in rows) and net_calls.why_not() is not None:
        print(f"net_bench: no system calls are counted: {net_calls.why_not()}", file=sys.stderr)
    for side in dict.fromkeys(side for row in rows for side in row.sides()):
        why = machinery.why_absent(side)
        if why is not None:
            print(f"net_bench: {side.label} is left out: {why}", file=sys.stderr)


def run(options):
    plan = make_plan(options)
    machinery = net_run.Machinery(plan)
    say_who_is_absent(options.rows, machinery)
    outcome = net_run.compare(options.rows, machinery, options.runs)
    net_report.print_tables(outcome, options.runs, plan)
    if options.json is not None:
        options.json.write_text(net_report.as_json(outcome, options.runs, plan), encoding="utf-8")
    if options.svg is not None:
        options.svg.write_text(net_plot.draw_ratios(outcome.comparisons, options.runs), encoding="utf-8")
    if options.work_svg is not None:
        work = {
            row.connections: outcome.figures[row.name]
            for row in options.rows
            if row.metric == "cpu" and row.name in outcome.figures
        }
        options.work_svg.write_text(net_plot.draw_work(work, options.runs), encoding="utf-8")
    missed = any(each.reached() is False for each in outcome.comparisons)
    return 1 if options.strict and missed else 0


def interrupt(_signal, _frame):
    raise KeyboardInterrupt


def main():
    options = parse(sys.argv[1:])
    if options.list:
        print_rows()
        return 0
    signal.signal(signal.SIGTERM, interrupt)
    return bench_main.exit_status("net_bench", run, options)


if __name__ == "__main__":
    sys.exit(main())

"""Runs the programs of conc_bench, row by row, the sides in turn, and keeps what they measured."""

import json
import os
import statistics
import subprocess
from dataclasses import dataclass, field

from bench_progress import Failure, Progress
from bench_rows import GO, OURS, PROGRAMS

CORES = 2  # for either side: conc's workers, and GOMAXPROCS
TIMEOUT_SECONDS = 300


@dataclass(frozen=True)
class Measured:
    operations: int
    nanoseconds: float  # for one operation
    bytes_per_task: float | None


@dataclass
class Comparison:
    """Our figures and a peer's for one row: the n-th of both come from the same round."""

    row: str
    operations: int
    unit: str  # ns an operation, or bytes a task
    against: str
    asked: float | None
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def ratios(self):
        """Theirs / ours: above 1 where ours is faster, or smaller."""
        return [theirs / ours for ours, theirs in zip(self.ours, self.theirs)]

    def ratio(self):
        ratios = self.ratios()
        return statistics.median(ratios) if ratios else None

    def reached(self):
        """None where nothing is asked or nothing could be compared."""
        ratio = self.ratio()
        return None if self.asked is None or ratio is None else ratio >= self.asked


class Programs:
    """The programs in one folder. What is not there (Go's side, on a machine without go) has no rows."""

    def __init__(self, folder):
        self._folder = folder
        self._rows = {
            program: self._list(program, "-list" if program == GO else "--benchmark_list_tests") for program in PROGRAMS
        }
        if not self._rows[OURS]:
            raise Failure(f"no {OURS} in {folder}: ./dev build makes it")

    def absent(self):
        return [program for program, rows in self._rows.items() if not rows]

    def has(self, program, row):
        return row in self._rows[program]

    def measure(self, program, row, operations, warm_up):
        if program == GO:
            output = self._run(program, row, ["-row", row, "-operations", str(operations), "-warm-up", str(warm_up)])
            result = self._decode(program, row, output)
            measured = Measured(
                result["operations"], result["nanoseconds"] / result["operations"], result.get("bytes_per_task")
            )
        else:
            arguments = [f"--operations={operations}", f"--warm-up={warm_up}", f"--benchmark_filter=^{row}/"]
            output = self._run(program, row, [*arguments, "--benchmark_format=json"])
            (result,) = self._decode(program, row, output)["benchmarks"]
            measured = Measured(result["iterations"], result["real_time"], result.get("bytes_per_task"))
        if measured.operations != operations or measured.nanoseconds <= 0:
            raise Failure(f"{program}, row {row}: {measured} instead of {operations} operations in some time")
        return measured

    def _list(self, program, argument):
        if not os.access(os.path.join(self._folder, program), os.X_OK):
            return frozenset()
        return frozenset(line.partition("/")[0] for line in self._run(program, "", [argument]).split())

    def _run(self, program, row, arguments):
        where = f"{program}, row {row}" if row else program
        try:
            done = subprocess.run(
                [os.path.join(self._folder, program), *arguments],
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise Failure(f"{where}: not done after {TIMEOUT_SECONDS} s") from None
        except OSError as error:
            raise Failure(f"{where}: {error.strerror}") from None
        if done.returncode != 0:
            how = f"exit status {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
            words = done.stderr.strip().splitlines()
            raise Failure(f"{where}: {how}: {words[-1] if words else 'it said nothing'}")
        return done.stdout

    @staticmethod
    def _decode(program, row, output):
        try:
            return json.loads(output)
        except ValueError:
            raise Failure(f"{program}, row {row}: what it printed is no JSON") from None


def sides_of(row, programs):
    """What has to be run for a row, ours first: (program, the program's name for the row)."""
    wanted = [(OURS, row.name)] + [(peer.program, peer.row) for peer in row.peers]
    return [(program, name) for program, name in wanted if programs.has(program, name)]


def compare_row(row, programs, runs, scale, progress):
    """The row's comparisons, from `runs` rounds in which each side has its turn."""
    operations = max(1, round(row.operations * scale))
    warm_up = 0 if row.cold else operations // 10
    sides = sides_of(row, programs)
    samples = {side: [] for side in sides}
    for run in range(runs):
        for side in sides:
            program, name = side
            progress.step(f"{row.name}: {program}, run {run + 1} of {runs}")
            samples[side].append(programs.measure(program, name, operations, warm_up))

    ours = samples.get((OURS, row.name), [])
    comparisons = []
    for peer in row.peers:
        theirs = samples.get((peer.program, peer.row), [])
        time = Comparison(row.name, operations, "ns", peer.label, peer.asked)
        time.ours = [each.nanoseconds for each in ours]
        time.theirs = [each.nanoseconds for each in theirs]
        comparisons.append(time)
        if peer.memory_asked is not None:
            memory = Comparison(row.name, operations, "B", peer.label, peer.memory_asked)
            memory.ours = [each.bytes_per_task for each in ours]
            memory.theirs = [each.bytes_per_task for each in theirs]
            comparisons.append(memory)
    return comparisons


def compare(rows, programs, runs, scale):
    progress = Progress(sum(len(sides_of(row, programs)) for row in rows) * runs)
    try:
        return [each for row in rows for each in compare_row(row, programs, runs, scale, progress)]
    finally:
        progress.clear()

"""Runs net_bench's rows, the sides in turn, and keeps what was measured."""

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import time
from dataclasses import dataclass, field

import net_calls
from bench_progress import Failure, Progress
from net_rows import LARGE
from net_server import Server, leave_with_parent

CORES = 2  # one for the server, one for the load

_LOAD_SECONDS = 120  # for connecting and ending; a load that hangs ends itself after ten seconds
_PAUSE_SECONDS = 0.1
_TRACED_SECONDS = 2.0
_SMALL_BUFFER = 4096


@dataclass(frozen=True)
class Plan:
    """How each measurement is made."""

    programs: str  # the folder of the peers and echo_load
    mynahd: str
    server_core: int
    load_core: int
    seconds: float
    real_time: bool = False
    quick: bool = False  # small counts only, and each server has to stand a push


@dataclass
class Samples:
    """What one side did in each round of a row."""

    rates: list[float] = field(default_factory=list)  # messages a second
    cpu: list[float] = field(default_factory=list)  # microseconds of the server's processor time, for a message
    busy: list[float] = field(default_factory=list)  # share of the time in which the server had work
    waited: list[float] = field(default_factory=list)  # share in which it had work, and something else its core
    latency: list[float] = field(default_factory=list)  # median, in microseconds
    memory: list[float] = field(default_factory=list)  # bytes for a connection
    calls: list[float] = field(default_factory=list)  # system calls of the server, for a message

    def of(self, metric):
        return {"throughput": self.rates, "cpu": self.cpu, "memory": self.memory, "calls": self.calls}[metric]


@dataclass
class Comparison:
    """Two sides of a row: the n-th sample of both comes from the same round."""

    row: str
    metric: str
    ours_label: str
    against: str
    asked: float | None
    asked_bytes: int | None
    ours: Samples
    theirs: Samples

    def ratios(self, metric=None):
        """Ours / theirs."""
        metric = metric or self.metric
        return [ours / theirs for ours, theirs in zip(self.ours.of(metric), self.theirs.of(metric)) if theirs > 0]

    def ratio(self):
        ratios = self.ratios()
        return statistics.median(ratios) if ratios else None

    def reached(self):
        """None where nothing is asked or nothing could be compared."""
        if self.asked_bytes is not None:
            memory = self.ours.memory
            return statistics.median(memory) <= self.asked_bytes if memory else None
        ratio = self.ratio()
        if self.asked is None or ratio is None:
            return None
        return ratio >= self.asked if self.metric == "throughput" else ratio <= self.asked


class Machinery:
    """Knows which sides there are, starts their servers, and puts load on them."""

    def __init__(self, plan):
        self.plan = plan
        self._absent = {}
        self._tried = set()
        for program in (plan.mynahd, self._path("echo_load")):
            if not os.access(program, os.X_OK):
                raise Failure(f"no {program}: ./dev build makes mynahd, ./dev bench the rest")

    def why_absent(self, side):
        """None where there is such a side, else what is missing, in a few words."""
        if side not in self._absent:
            self._absent[side] = self._look_for(side)
        return self._absent[side]

    def _look_for(self, side):
        if not side.is_ours:
            return None if os.access(self._path(side.program), os.X_OK) else f"there is no {side.program}"
        command = [self.plan.mynahd, *side.arguments]
        checked = subprocess.run([*command, "--check"], capture_output=True, text=True, check=False, timeout=30)
        if checked.returncode != 0:
            words = checked.stderr.strip().splitlines()
            return words[-1] if words else f"mynahd --check ends with {checked.returncode}"
        try:
            Server(side.label, command, self.plan.server_core, real_time=False).end()
        except Failure as failure:
            if "not supported" in str(failure):  # by this kernel, say; whatever else keeps it from starting is a defect
                return str(failure)
            raise
        return None

    def _path(self, program):
        return os.path.join(self.plan.programs, program)

    def start(self, side, row):
        if side.is_ours:
            command = [self.plan.mynahd, *side.arguments, "--max-connections", str(row.connections + 1)]
        else:
            command = [self._path(side.program), *side.arguments]
            if side.takes_buffer:
                command.append(str(LARGE if row.size == LARGE else _SMALL_BUFFER))
        return Server(side.label, command, self.plan.server_core, self.plan.real_time and not row.is_traced)

    def load(self, server, row, mode):
        """What echo_load says of one measurement."""
        plan = self.plan
        # Of a server that is traced all is counted, so there is no warm-up, and the beginning must not weigh much.
        seconds = max(plan.seconds, _TRACED_SECONDS) if row.is_traced and not plan.quick else plan.seconds
        command = [
            self._path("echo_load"), mode, server.address, "--server-pid", str(server.pid),
            "--connections", str(row.connections), "--size", str(row.size),
            "--seconds", str(seconds), "--warm-up", str(0 if row.is_traced else plan.seconds / 5),
        ]  # fmt: skip
        if plan.load_core != plan.server_core and not row.is_traced:
            command.append("--spin")
        where = f"{row.name}, {server.label}"
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds + _LOAD_SECONDS,
                preexec_fn=leave_with_parent(plan.load_core, plan.real_time and not row.is_traced),
            )
        except subprocess.TimeoutExpired:
            raise Failure(f"{where}: the load is not done after {seconds + _LOAD_SECONDS:g} s") from None
        except (OSError, subprocess.SubprocessError) as error:
            raise Failure(f"{where}: echo_load: {error}") from None
        if done.returncode != 0:
            words = done.stderr.strip() or f"echo_load ended with {done.returncode}"
            more = f"; the server has ended: {server.last_words()}" if server.has_ended() else ""
            raise Failure(f"{where}: {words}{more}")
        return json.loads(done.stdout)

    def measure(self, server, row):
        return self.count_calls(server, row) if row.is_traced else self.load(server, row, row.mode)

    def count_calls(self, server, row):
        """What load() says, and how often the server called the kernel meanwhile."""
        # On the server's core, as one of both waits for the other: the load has its own to itself.
        counter = net_calls.CallCounter(server.pid, self.plan.server_core)
        try:
            result = self.load(server, row, row.mode)
        finally:
            calls = counter.end()
        return {**result, "calls": sum(calls.values())}

    def try_once(self, server, row):
        """Where it is to be quick: whether the server stands a peer that sends much and reads late."""
        if self.plan.quick and server.address.startswith("tcp:") and server.label not in self._tried:
            self._tried.add(server.label)
            self.load(server, row, "push")


def _keep(samples, row, result):
    if row.metric == "memory":
        grown = result["private_bytes_after"] - result["private_bytes_before"]
        samples.memory.append(grown / result["connections"])
        return
    messages, seconds = result["messages"], result["seconds"]
    if messages == 0:
        raise Failure(f"{row.name}: no message came back in {seconds:g} s")
    if row.is_traced:
        samples.calls.append(result["calls"] / messages)
        return
    ran, waited = result["server_cpu_seconds"], result["server_waited_seconds"]
    samples.rates.append(messages / seconds)
    samples.cpu.append(ran * 1e6 / messages)
    samples.busy.append(min(1.0, (ran + waited) / seconds))  # of several threads more than one may wait
    samples.waited.append(waited / seconds)
    samples.latency.append(result["latency_us"]["p50"])


def _measure_row(row, sides, machinery, runs, progress):
    """The samples of each side. Where memory is measured, each measurement has a server of its own."""
    samples = {side: Samples() for side in sides}
    fresh = row.metric == "memory"
    with contextlib.ExitStack() as stack:

        def started(side, on):
            server = machinery.start(side, row)
            on.callback(server.end)
            return server

        servers = {} if fresh else {side: started(side, stack) for side in sides}
        for server in servers.values():
            machinery.try_once(server, row)
        for run in range(runs):
            # The order changes from round to round, so that nobody is always the first after a change of load.
            for side in sides if run % 2 == 0 else reversed(sides):
                progress.step(f"{row.name}: {side.label}, run {run + 1} of {runs}")
                with contextlib.ExitStack() as own:
                    server = started(side, own) if fresh else servers[side]
                    _keep(samples[side], row, machinery.measure(server, row))
                if machinery.plan.real_time:
                    time.sleep(_PAUSE_SECONDS)  # the kernel stops who takes more than 95 % of a second in this class
    return samples


def present_sides(row, machinery):
    """None of them where none is ours: then there is nothing to compare."""
    if row.is_traced and net_calls.why_not() is not None:
        return []
    sides = [side for side in row.sides() if machinery.why_absent(side) is None]
    return sides if any(side.is_ours for side in sides) else []


def _compare_row(row, machinery, runs, progress):
    sides = present_sides(row, machinery)
    samples = _measure_row(row, sides, machinery, runs, progress)
    comparisons = [
        Comparison(row.name, row.metric, pair.ours.label, pair.theirs.label, pair.asked, pair.asked_bytes,
                   samples[pair.ours], samples.get(pair.theirs, Samples()))
        for pair in row.pairs
        if pair.ours in samples and (pair.theirs in samples or pair.asked_bytes is not None)
    ]  # fmt: skip
    return comparisons, {side.label: samples[side] for side in sides}


@dataclass
class Outcome:
    comparisons: list[Comparison] = field(default_factory=list)
    figures: dict[str, dict[str, Samples]] = field(default_factory=dict)  # by row, by side


_QUICK_CONNECTIONS = 64
_QUICK_IDLE = 200


def quick_rows(rows):
    """Those of few connections, and few idle ones."""
    fewer = [dataclasses.replace(row, connections=_QUICK_IDLE) if row.mode == "idle" else row for row in rows]
    return [row for row in fewer if row.mode == "idle" or row.connections <= _QUICK_CONNECTIONS]


def compare(rows, machinery, runs):
    outcome = Outcome()
    progress = Progress(sum(len(present_sides(row, machinery)) for row in rows) * runs)
    try:
        for row in rows:
            comparisons, figures = _compare_row(row, machinery, runs, progress)
            outcome.comparisons += comparisons
            if figures:
                outcome.figures[row.name] = figures
    finally:
        progress.clear()
    return outcome

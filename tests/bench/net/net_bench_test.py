#!/usr/bin/env python3
"""The runner of net_bench, with servers and a load that do what the test wants."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock
import xml.etree.ElementTree as ElementTree
from pathlib import Path

sys.dont_write_bytecode = True  # the tree holds sources only
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "common"))

import bench_progress  # noqa: E402
import net_bench  # noqa: E402
import net_calls  # noqa: E402
import net_plot  # noqa: E402
import net_report  # noqa: E402
import net_run  # noqa: E402
import net_server  # noqa: E402
from net_rows import BARE_EPOLL, EPOLL, GO, ROWS, URING, Pair, Row  # noqa: E402

PATIENCE_SECONDS = 30

# Leaves its process id in the folder, says where it listens, and stays.
SERVER = """#!/usr/bin/env python3
import os, pathlib, signal, sys
if "--check" in sys.argv:
    sys.exit("no such driver" if "io_uring" in sys.argv else 0)
if {dies}:
    sys.exit("first words\\nlast words")
name = os.path.basename(sys.argv[0])
pathlib.Path(sys.argv[0] + ".pid").write_text(str(os.getpid()))
print("listening tcp://127.0.0.1:" + {port!r}, flush=True)
signal.pause()
"""

# Measures what the port says: so many messages in a second. The server's processor time is half of that.
LOAD = """#!/usr/bin/env python3
import json, sys, time
port = int(sys.argv[2].rpartition(":")[2])
if port == 1:
    sys.exit("a byte was wrong")
if port == 2:
    time.sleep(60)
print(json.dumps({"messages": port, "seconds": 1.0, "latency_us": {"p50": 7, "p99": 9}, "connections": 10,
                  "server_cpu_seconds": 0.5, "server_waited_seconds": 0.25,
                  "private_bytes_before": 0, "private_bytes_after": 10 * port}))
"""

# Six hundred calls, whoever is looked at.
STRACE = """#!/usr/bin/env python3
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
print("strace: Process 1 attached", file=sys.stderr, flush=True)
signal.sigwait([signal.SIGINT])
print("    calls syscall\\n--------- ---------\\n      400 recvfrom\\n      200 sendto\\n      600 total", file=sys.stderr)
"""

ROW = Row("row_64", "", "echo", 64, (Pair(EPOLL, BARE_EPOLL, 0.9), Pair(EPOLL, GO), Pair(URING, BARE_EPOLL, 0.9)))


def samples(**lists):
    return net_run.Samples(**lists)


def comparison(ours, theirs, asked=None, metric="throughput", asked_bytes=None):
    field = {"throughput": "rates", "cpu": "cpu", "memory": "memory", "calls": "calls"}[metric]
    return net_run.Comparison(
        "row", metric, "mynahd epoll", "bare epoll", asked, asked_bytes, samples(**{field: ours}), samples(**{field: theirs})
    )


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Programs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.add("echo_load", LOAD)

    def add(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def add_server(self, name, port, dies=False):
        self.add(name, SERVER.format(port=str(port), dies=dies))

    def pid_of(self, name):
        return int((self.folder / f"{name}.pid").read_text(encoding="utf-8"))

    def machinery(self):
        core = min(os.sched_getaffinity(0))
        return net_run.Machinery(net_run.Plan(str(self.folder), str(self.folder / "mynahd"), core, core, seconds=0.01))

    def compare(self, row=ROW, runs=3):
        return net_run.compare([row], self.machinery(), runs)

    def test_sides_run_equally_often_and_are_ended(self):
        self.add_server("mynahd", 200)
        self.add_server("bare_epoll", 100)
        (only,) = self.compare().comparisons
        self.assertEqual((only.ours.rates, only.theirs.rates), ([200] * 3, [100] * 3))
        self.assertEqual((only.ratio(), only.reached()), (2.0, True))
        self.assertEqual(only.ratios("cpu"), [0.5] * 3)
        self.assertFalse(is_alive(self.pid_of("mynahd")) or is_alive(self.pid_of("bare_epoll")))

    def test_memory_is_that_of_one_connection(self):
        self.add_server("mynahd", 200)
        self.add_server("go_echo", 400)
        row = Row("idle", "", "idle", 10, (Pair(EPOLL, GO, asked_bytes=250),), metric="memory")
        (only,) = self.compare(row, runs=2).comparisons
        self.assertEqual((only.ours.memory, only.theirs.memory, only.ratio()), ([200, 200], [400, 400], 0.5))
        self.assertTrue(only.reached())

    def test_system_calls_are_those_of_one_message(self):
        self.add_server("mynahd", 200)
        self.add_server("bare_epoll", 100)
        row = Row("calls_64", "", "echo", 10, (Pair(EPOLL, BARE_EPOLL, 1.05),), metric="calls")
        strace = Path(self.folder / "strace")
        strace.write_text(STRACE, encoding="utf-8")
        strace.chmod(0o755)
        net_calls.why_not.cache_clear()
        with unittest.mock.patch.dict(os.environ, {"PATH": f"{self.folder}:{os.environ['PATH']}"}):
            (only,) = self.compare(row, runs=1).comparisons
        net_calls.why_not.cache_clear()
        self.assertEqual((only.ours.calls, only.theirs.calls), ([600 / 200], [600 / 100]))
        self.assertTrue(only.reached())
        self.assertFalse(comparison([1.06], [1.0], asked=1.05, metric="calls").reached())

    def test_a_tracer_that_does_not_attach_is_named_with_its_words(self):
        with unittest.mock.patch.dict(os.environ, {"PATH": str(self.folder)}):
            net_calls.why_not.cache_clear()
            self.assertEqual(net_calls.why_not(), "there is no strace")
        self.add("strace", "#!/bin/sh\necho 'not permitted' >&2\nexit 1\n")
        path = {"PATH": f"{self.folder}:{os.environ['PATH']}"}
        with unittest.mock.patch.dict(os.environ, path), self.assertRaisesRegex(
            bench_progress.Failure, "^strace does not attach: not permitted$"
        ):
            net_calls.CallCounter(os.getpid(), min(os.sched_getaffinity(0)))
        with unittest.mock.patch.dict(os.environ, path):
            net_calls.why_not.cache_clear()
            self.assertEqual(net_calls.why_not(), "strace does not attach: not permitted")
        net_calls.why_not.cache_clear()

    def test_what_mynahd_refuses_is_left_out_with_its_words(self):
        self.add_server("mynahd", 200)
        self.assertEqual(self.machinery().why_absent(URING), "no such driver")
        self.assertIsNone(self.machinery().why_absent(EPOLL))
        self.assertEqual(self.machinery().why_absent(GO), "there is no go_echo")

    def test_a_row_without_ours_is_not_run(self):
        self.add_server("mynahd", 200)
        self.add_server("bare_epoll", 1)  # a load on it would fail
        outcome = self.compare(Row("row", "", "echo", 1, (Pair(URING, BARE_EPOLL),)))
        self.assertEqual((outcome.comparisons, outcome.figures), ([], {}))

    def test_ours_is_needed(self):
        with self.assertRaisesRegex(bench_progress.Failure, "no .*mynahd: "):
            self.machinery()

    def test_a_server_that_does_not_start_is_named_with_its_last_words(self):
        self.add_server("mynahd", 200)
        self.add_server("bare_epoll", 100, dies=True)
        with self.assertRaisesRegex(bench_progress.Failure, "^bare epoll does not listen: last words$"):
            self.compare()
        self.assertFalse(is_alive(self.pid_of("mynahd")))

    def test_a_load_that_fails_is_named_and_the_servers_are_ended(self):
        self.add_server("mynahd", 200)
        self.add_server("bare_epoll", 1)
        with self.assertRaisesRegex(bench_progress.Failure, "^row_64, bare epoll: a byte was wrong$"):
            self.compare()
        self.assertFalse(is_alive(self.pid_of("mynahd")) or is_alive(self.pid_of("bare_epoll")))

    def test_a_server_dies_with_the_runner(self):
        self.add_server("mynahd", 2)
        self.add_server("bare_epoll", 2)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number):
                self.interrupt_a_run(number)

    def interrupt_a_run(self, number):
        marks = [self.folder / "mynahd.pid", self.folder / "bare_epoll.pid"]
        for mark in marks:
            mark.unlink(missing_ok=True)
        command = [sys.executable, "-B", net_bench.__file__, "--rows", "^echo_1$", "--programs", str(self.folder),
                   "--mynahd", str(self.folder / "mynahd")]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as runner:
            self.wait_until(lambda: all(mark.exists() and mark.read_text(encoding="utf-8") for mark in marks))
            pids = [self.pid_of("mynahd"), self.pid_of("bare_epoll")]
            runner.send_signal(number)
            status = runner.wait(PATIENCE_SECONDS)
        self.assertEqual(status, -number if number == signal.SIGKILL else 130)
        self.wait_until(lambda: not any(is_alive(pid) for pid in pids))

    def wait_until(self, condition):
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), end, "it never became so")
            time.sleep(0.01)

    def test_what_prints_no_address_is_no_server(self):
        self.add("mynahd", "#!/bin/sh\necho hello\nsleep 60\n")
        with self.assertRaisesRegex(bench_progress.Failure, "'hello' is no address"):
            net_server.Server("mynahd", [str(self.folder / "mynahd")], min(os.sched_getaffinity(0)), real_time=False)


class Report(unittest.TestCase):
    def test_throughput_must_be_high_and_work_low(self):
        self.assertTrue(comparison([97], [100], asked=0.97).reached())
        self.assertFalse(comparison([96], [100], asked=0.97).reached())
        self.assertTrue(comparison([105], [100], asked=1.05, metric="cpu").reached())
        self.assertFalse(comparison([106], [100], asked=1.05, metric="cpu").reached())
        self.assertIsNone(comparison([1], [100]).reached())

    def test_memory_is_asked_in_bytes(self):
        self.assertTrue(comparison([1024], [1], metric="memory", asked_bytes=1024).reached())
        self.assertFalse(comparison([1025], [9999], metric="memory", asked_bytes=1024).reached())
        self.assertTrue(comparison([1024], [], metric="memory", asked_bytes=1024).reached())

    def test_the_ratio_is_the_median_of_the_pairs(self):
        self.assertEqual(comparison([1, 4, 9], [1, 2, 3]).ratio(), 2)

    def test_a_row_that_misses_is_marked(self):
        self.assertTrue(net_report.line_of(comparison([90], [100], asked=0.97)).endswith(">= 0.97    MISSES"))
        self.assertTrue(net_report.line_of(comparison([99], [100], asked=0.97)).endswith(">= 0.97    reached"))
        self.assertIn("<= 1,024 B", net_report.line_of(comparison([9], [9], metric="memory", asked_bytes=1024)))
        self.assertNotIn("MISSES", net_report.line_of(comparison([1], [100])))

    def test_processor_time_above_one_is_ahead(self):
        one = comparison([100], [100])
        one.ours.cpu, one.theirs.cpu = [2.0], [4.0]
        self.assertTrue(net_report.line_of(one).endswith("2.000 by processor time"))

    def test_doubts_name_a_shared_core_and_an_idle_server(self):
        figures = {"echo_64": {"bare epoll": samples(busy=[0.5], waited=[0.2]), "Go": samples(busy=[1.0], waited=[0.9])}}
        shared, idle = net_report.doubts(figures)
        self.assertIn("20%", shared)
        self.assertTrue(idle.endswith(": bare epoll (echo_64)"))
        self.assertEqual(net_report.doubts({"echo_64": {"bare epoll": samples(busy=[0.99], waited=[0.01])}}), [])

    def test_json_has_every_sample(self):
        both = [comparison([1, 2], [4, 4]), comparison([], [1])]
        outcome = net_run.Outcome(both, {"row": {"mynahd epoll": both[0].ours}})
        plan = net_run.Plan("", "", 0, 1, seconds=0.5)
        decoded = json.loads(net_report.as_json(outcome, 2, plan))
        self.assertEqual(decoded["results"][0]["ratio"], {"median": 0.375, "min": 0.25, "max": 0.5})
        self.assertIsNone(decoded["results"][1]["ratio"])
        self.assertEqual(decoded["samples"]["row"]["mynahd epoll"]["rates"], [1, 2])


class Plots(unittest.TestCase):
    def test_ratios_of_throughput_are_drawn(self):
        drawn = [comparison([90], [100], asked=0.97), comparison([5], [5], metric="cpu"), comparison([], [1])]
        text = net_plot.draw_ratios(drawn, 1)
        ElementTree.fromstring(text)
        self.assertEqual(text.count(">row: epoll<"), 1)
        self.assertIn("0.900x", text)

    def test_work_is_drawn_over_connections(self):
        figures = {64: {"ours": samples(cpu=[5, 6, 7])}, 10_000: {"ours": samples(cpu=[8]), "bare": samples(cpu=[7])}}
        text = net_plot.draw_work(figures, 3)
        ElementTree.fromstring(text)
        self.assertEqual(text.count("<circle"), 3)
        self.assertIn(">10,000<", text)

    def test_plots_stand_without_anything_to_draw(self):
        ElementTree.fromstring(net_plot.draw_ratios([], 1))
        ElementTree.fromstring(net_plot.draw_work({}, 1))


class Arguments(unittest.TestCase):
    def test_wrong_ones_get_one_line_and_status_2(self):
        for words in (["--runs", "0"], ["--rows", "["], ["--rows", "nothing here"], ["--seconds", "nan"],
                      ["--seconds", "0"], ["--json", "/nowhere/file"], ["--run", "5"], ["word"]):  # fmt: skip
            said = io.StringIO()
            with self.subTest(words), contextlib.redirect_stderr(said), self.assertRaises(SystemExit) as end:
                net_bench.parse(words)
            self.assertEqual(end.exception.code, 2)
            self.assertEqual(said.getvalue().count("\n"), 1)

    def test_quick_is_one_short_run_of_few_connections(self):
        options = net_bench.parse(["--quick"])
        self.assertEqual(options.runs, 1)
        self.assertLessEqual(max(row.connections for row in options.rows), 200)
        self.assertEqual({row.mode for row in options.rows}, {row.mode for row in ROWS})

    def test_each_row_has_a_name_of_its_own(self):
        self.assertEqual(len({row.name for row in ROWS}), len(ROWS))


if __name__ == "__main__":
    unittest.main()

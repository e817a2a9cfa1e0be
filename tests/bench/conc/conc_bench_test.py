#!/usr/bin/env python3
"""The runner of conc_bench, with programs that say what the test wants."""

import contextlib
import io
import json
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

sys.dont_write_bytecode = True  # the tree holds sources only

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "common"))

import bench_plot  # noqa: E402
import bench_progress  # noqa: E402
import bench_report  # noqa: E402
import bench_run  # noqa: E402
import conc_bench  # noqa: E402
from bench_rows import ASIO, FIBER, GO, OURS, ROWS, STD, TBB, Peer, Row  # noqa: E402

# A program with one row, which takes as many nanoseconds an operation as its text says.
PROGRAM = """#!/usr/bin/env python3
import json, sys
words = " ".join(sys.argv[1:])
if "list" in words:
    print("row/manual_time")
elif {fails}:
    sys.exit("first words\\nlast words")
else:
    n = 1000 if "1000" in words else 10
    print(json.dumps({{"operations": n, "nanoseconds": n * {ns}, "bytes_per_task": 100,
                       "benchmarks": [{{"iterations": n, "real_time": {ns}, "bytes_per_task": 50}}]}}))
"""


def comparison(ours, theirs, asked=None, unit="ns"):
    return bench_run.Comparison("row", 1000, unit, "Go", asked, ours, theirs)


class Programs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def add(self, name, ns, fails=False):
        path = self.folder / name
        path.write_text(PROGRAM.format(ns=ns, fails=fails), encoding="utf-8")
        path.chmod(0o755)

    def compare(self, runs=3):
        row = Row("row", 1000, "an operation", (Peer("Go", GO, "row", asked=2.0, memory_asked=3.0),))
        return bench_run.compare([row], bench_run.Programs(self.folder), runs, scale=1.0)

    def test_both_sides_run_equally_often(self):
        self.add(OURS, 10)
        self.add(GO, 25)
        time, memory = self.compare()
        self.assertEqual((time.ours, time.theirs), ([10] * 3, [25] * 3))
        self.assertEqual((time.ratio(), time.reached()), (2.5, True))
        self.assertEqual((memory.ratio(), memory.reached()), (2.0, False))

    def test_a_side_that_is_absent_is_left_out(self):
        self.add(OURS, 10)
        self.assertEqual(bench_run.Programs(self.folder).absent(), [GO, ASIO, FIBER, TBB, STD])
        time, _ = self.compare()
        self.assertEqual((time.ours, time.theirs, time.ratio(), time.reached()), ([10] * 3, [], None, None))

    def test_ours_is_needed(self):
        with self.assertRaisesRegex(bench_progress.Failure, "no conc_rows in"):
            bench_run.Programs(self.folder)

    def test_a_program_that_fails_is_named_with_its_last_words(self):
        self.add(OURS, 10)
        self.add(GO, 25, fails=True)
        with self.assertRaisesRegex(bench_progress.Failure, "^go_rows, row row: exit status 1: last words$"):
            self.compare()

    def test_another_number_of_operations_is_refused(self):
        self.add(OURS, 10)
        with self.assertRaisesRegex(bench_progress.Failure, "instead of 7 operations"):
            bench_run.Programs(self.folder).measure(OURS, "row", 7, 0)


class Report(unittest.TestCase):
    def test_the_ratio_is_the_median_of_the_pairs(self):
        self.assertEqual(comparison([1, 2, 4], [4, 4, 4]).ratio(), 2)

    def test_a_row_that_misses_is_marked(self):
        self.assertTrue(bench_report.line_of(comparison([10], [29], asked=3.0)).endswith(">= 3   MISSES"))
        self.assertTrue(bench_report.line_of(comparison([10], [30], asked=3.0)).endswith(">= 3   reached"))
        self.assertNotIn("MISSES", bench_report.line_of(comparison([10], [1])))

    def test_a_side_without_the_row_is_a_dash(self):
        line = bench_report.line_of(comparison([], [1], asked=3.0))
        self.assertRegex(line, r"row +1,000 +- +Go +1.00 ns +- +- +>= 3$")

    def test_json_has_every_sample(self):
        decoded = json.loads(bench_report.as_json([comparison([1, 2], [4, 4]), comparison([], [1])], 2, [0, 1], 1.0))
        self.assertEqual(decoded["results"][0]["ratio"], {"median": 3, "min": 2, "max": 4})
        self.assertEqual(decoded["results"][0]["theirs"], [4, 4])
        self.assertIsNone(decoded["results"][1]["ratio"])

    def test_the_plot_is_xml_and_shows_what_can_be_compared(self):
        drawn = [comparison([1], [0.001]), comparison([1], [5000], asked=3.0), comparison([], [1])]
        text = bench_plot.draw(drawn, 1)
        ElementTree.fromstring(text)
        self.assertEqual(text.count(">row<"), 2)
        self.assertIn("5,000x", text)

    def test_the_plot_stands_without_any_comparison(self):
        ElementTree.fromstring(bench_plot.draw([], 1))


class Arguments(unittest.TestCase):
    def test_wrong_ones_get_one_line_and_status_2(self):
        for words in (["--runs", "0"], ["--runs", "1001"], ["--runs", "x"], ["--rows", "["], ["--rows", "nothing here"],
                      ["--scale", "nan"], ["--scale", "0"], ["--json", "/nowhere/file"], ["--run", "5"], ["word"]):  # fmt: skip
            said = io.StringIO()
            with self.subTest(words), contextlib.redirect_stderr(said), self.assertRaises(SystemExit) as end:
                conc_bench.parse(words)
            self.assertEqual(end.exception.code, 2)
            self.assertEqual(said.getvalue().count("\n"), 1)

    def test_rows_are_chosen_by_a_regular_expression(self):
        self.assertEqual([row.name for row in conc_bench.parse(["--rows", "^spsc"]).rows],
                         ["spsc_unbuffered", "spsc_buffered"])  # fmt: skip
        self.assertEqual(len(conc_bench.parse([]).rows), len(ROWS))

    def test_each_row_has_a_name_of_its_own(self):
        self.assertEqual(len({row.name for row in ROWS}), len(ROWS))


if __name__ == "__main__":
    unittest.main()

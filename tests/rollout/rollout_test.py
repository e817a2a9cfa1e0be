"""./dev rollout: what it prints and leaves behind, and what its exit status is."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROLLOUT = Path(__file__).with_name("rollout.py")
PROGRAMS = sys.argv[1]


def rollout(*flags):
    return subprocess.run([sys.executable, ROLLOUT, "--bin", PROGRAMS, *flags], capture_output=True, text=True,
                          timeout=150)


class Rollout(unittest.TestCase):
    def roll(self, *flags):
        with tempfile.TemporaryDirectory() as folder:
            done = rollout("--out", folder, "--interval", "0.1", "--connections", "30", "--rate", "600", *flags)
            self.assertIn("</html>", Path(folder, "rollout.html").read_text())
            return done, json.loads(Path(folder, "rollout.json").read_text())

    def test_nothing_is_lost_where_servers_leave_in_order(self):
        done, report = self.roll()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(report["verdict"], "clean")
        self.assertEqual(report["connections"]["finished"], 30)
        # Everybody was on one of the three when it left.
        self.assertGreaterEqual(report["connections"]["fins"], 30)
        for name in ("echo-1", "echo-2", "echo-3"):
            self.assertIn(f"round 1 of 1: {name} left in", done.stdout)
        self.assertIn("verdict: clean", done.stdout)
        self.assertIn("the last new connection came", done.stdout)

    def test_crashes_are_repaired_behind_haproxy(self):
        done, report = self.roll("--kill")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(report["unrepaired"], 0)
        self.assertIn("round 1 of 1: echo-3 was killed in", done.stdout)

    def test_an_interrupt_ends_all_that_it_started(self):
        with tempfile.TemporaryDirectory() as folder:
            with subprocess.Popen([sys.executable, ROLLOUT, "--bin", PROGRAMS, "--out", folder, "--interval", "0.1"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  start_new_session=True) as process:
                self.assertIn("echo-1 left", process.stdout.readline())
                process.send_signal(signal.SIGINT)
                errors = process.communicate(timeout=60)[1]
                self.assertEqual(process.returncode, 1)
                self.assertEqual(errors, "rollout: interrupted\n")
                with self.assertRaises(ProcessLookupError):  # nobody is left in its group
                    os.killpg(process.pid, 0)

    def test_a_flag_that_makes_no_sense_is_named(self):
        for flags in (["--rounds", "0"], ["--interval", "0"], ["--connections", "many"]):
            done = rollout(*flags)
            self.assertEqual(done.returncode, 2)
            self.assertIn(flags[0], done.stderr)

    def test_programs_that_are_not_there_are_named(self):
        done = subprocess.run([sys.executable, ROLLOUT, "--bin", "/nowhere"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("rollout: there is no /nowhere/mynahd", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

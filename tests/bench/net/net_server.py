"""Starts echo servers, on their core, and ends them whatever happens."""

import ctypes
import os
import select
import signal
import subprocess
import tempfile
import time

from bench_progress import Failure

START_SECONDS = 20

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def leave_with_parent(core, real_time):
    """What a child does before it becomes its program: dies with us, however we end; goes to its core."""

    def prepare():
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.sched_setaffinity(0, {core})
        if real_time:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))

    return prepare


class Server:
    """One that runs and listens at `address`."""

    def __init__(self, label, command, core, real_time):
        self.label = label
        self._said = tempfile.TemporaryFile()
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._said,
                start_new_session=True,  # Ctrl-C is for us: we end it
                preexec_fn=leave_with_parent(core, real_time),
            )
        except (OSError, subprocess.SubprocessError) as error:
            self._said.close()
            raise Failure(f"{label}: {command[0]}: {error}") from None
        try:
            self.address = self._wait_for_address()
        except BaseException:
            self.end()
            raise

    @property
    def pid(self):
        return self._process.pid

    def _wait_for_address(self):
        text = b""
        end = time.monotonic() + START_SECONDS
        while b"\n" not in text:
            readable, _, _ = select.select([self._process.stdout], [], [], max(0.0, end - time.monotonic()))
            piece = os.read(self._process.stdout.fileno(), 4096) if readable else b""
            if not piece:
                raise Failure(f"{self.label} does not listen: {self.last_words()}")
            text += piece
        first = text.split(b"\n", 1)[0].decode()
        if not first.startswith("listening "):
            raise Failure(f"{self.label}: '{first}' is no address")
        return first.removeprefix("listening ")

    def last_words(self):
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def has_ended(self):
        return self._process.poll() is not None

    def end(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._said.close()

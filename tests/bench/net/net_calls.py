"""Counts the system calls of a running server, with strace(1)."""

import functools
import os
import select
import shutil
import signal
import subprocess
import time

from bench_progress import Failure
from net_server import leave_with_parent

_START_SECONDS = 20
_END_SECONDS = 20


@functools.cache
def why_not():
    """None where calls can be counted, else the reason in a few words. A container may forbid it: so it is tried."""
    if not shutil.which("strace"):
        return "there is no strace"
    child = subprocess.Popen(["sleep", "60"])
    try:
        CallCounter(child.pid, min(os.sched_getaffinity(0))).end()
    except Failure as failure:
        return str(failure)
    finally:
        child.kill()
        child.wait()
    return None


class CallCounter:
    """Counts from its construction to end(), in all threads of the process."""

    def __init__(self, pid, core):
        try:
            self._process = subprocess.Popen(
                ["strace", "-f", "-c", "-U", "calls,name", "-p", str(pid)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=leave_with_parent(core, real_time=False),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Failure(f"strace: {error}") from None
        try:
            self._said = self._wait_until_attached()
        except BaseException:
            self._process.kill()
            self._process.communicate()
            raise

    def _wait_until_attached(self):
        said = b""
        end = time.monotonic() + _START_SECONDS
        while b"attached" not in said:
            readable, _, _ = select.select([self._process.stderr], [], [], max(0.0, end - time.monotonic()))
            piece = os.read(self._process.stderr.fileno(), 4096) if readable else b""
            if not piece:
                raise Failure(f"strace does not attach: {said.decode(errors='replace').strip() or 'it said nothing'}")
            said += piece
        return said

    def end(self):
        """How often each system call was made."""
        self._process.send_signal(signal.SIGINT)
        try:
            _, rest = self._process.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise Failure(f"strace does not end within {_END_SECONDS} s") from None
        return parse((self._said + rest).decode(errors="replace"))


def parse(text):
    """The rows of strace's table: a count and a name."""
    calls = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[0].isdigit() and words[1] != "total":
            calls[words[1]] = int(words[0])
    return calls

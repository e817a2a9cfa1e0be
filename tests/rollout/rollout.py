"""A rollout, watched: three mynahd behind HAProxy as config/haproxy.cfg says, replaced one after the other, again and
again, while mynah watch accounts for every byte that goes through them. ./dev rollout --help"""

import argparse
import csv
import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = ROOT / "config" / "haproxy.cfg"
SERVERS = ("echo-1", "echo-2", "echo-3")
FALL = 2  # bad answers, as in config/haproxy.cfg
CHECK_TIMEOUT = 1.0  # seconds, likewise
PATIENCE = 60  # seconds; no step takes that long on a machine that works


def say(line):
    print(line, flush=True)


def until(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"rollout: {what}: not within {PATIENCE} s")
        time.sleep(0.02)


class Server:
    """One mynahd. It comes back at the addresses that it had."""

    def __init__(self, name, folder, mynahd, grace):
        self.name = name
        self.log_path = folder / f"{name}.log"
        self.command = [mynahd, "--log-level", "debug", "--drain-grace", f"{round(grace * 1000)}ms", "--drain-timeout",
                        "1h"]
        self.listen, self.admin = "tcp://127.0.0.1:0", "http://127.0.0.1:0"
        self.process = None

    def start(self):
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen([*self.command, "--listen", self.listen, "--admin", self.admin],
                                            stdout=subprocess.PIPE, stderr=log, text=True)
        lines = [self.process.stdout.readline().split() for _ in range(3)]
        if lines[2] != ["ready"]:
            raise SystemExit(f"rollout: {self.name} does not start: {self.log_path.read_text()}")
        self.listen, self.admin = lines[0][1], lines[1][1]

    def end(self):
        if self.process:
            end(self.process)

    def leave(self, how):
        self.process.send_signal(how)
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        if status != (0 if how == signal.SIGTERM else -how):
            raise SystemExit(f"rollout: {self.name} ended with {status}: {self.log_path.read_text()}")

    def last_connection(self):
        """Seconds from not_ready to the last connection that came after it; 0 where none did."""
        not_ready, last = None, 0.0
        for line in self.log_path.read_text().splitlines():
            if "drain phase=not_ready" in line:
                not_ready = seconds_of(line)
            elif not_ready is not None and " session begins " in line:
                last = (seconds_of(line) - not_ready) % 86400
        return last


def port_of(address):
    return address.rsplit(":", 1)[1]


def seconds_of(line):
    hours, minutes, seconds = line[11:26].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


class Balancer:
    """HAProxy with config/haproxy.cfg, but for its addresses and the interval of its checks."""

    def __init__(self, folder, servers, interval):
        self.stats = folder / "admin.sock"
        self.address = f"unix://{folder}/echo.sock"
        text = CONFIGURATION.read_text()
        changes = [(r"/run/haproxy/admin\.sock", str(self.stats)), (r"bind :7007", f"bind unix@{folder}/echo.sock"),
                   (r"check inter 1s", f"check inter {round(interval * 1000)}ms")]
        changes += [(rf"server {server.name} \S+ port \d+",
                     f"server {server.name} 127.0.0.1:{port_of(server.listen)} port {port_of(server.admin)}")
                    for server in servers]
        for pattern, replacement in changes:
            text, count = re.subn(pattern, replacement, text)
            if count != 1:
                raise SystemExit(f"rollout: {CONFIGURATION} has {pattern} {count} times")
        (folder / "haproxy.cfg").write_text(text)
        with open(folder / "haproxy.log", "w") as log:
            self.process = subprocess.Popen(["haproxy", "-db", "-f", folder / "haproxy.cfg"], stdout=log, stderr=log)

    def status(self, server):
        with socket.socket(socket.AF_UNIX) as stats:
            try:
                stats.connect(str(self.stats))
            except OSError:
                return ""  # HAProxy is about to start
            stats.sendall(b"show stat\n")
            rows = csv.DictReader(stats.makefile())
            return next((row["status"] for row in rows if row["svname"] == server.name), "")

    def await_status(self, server, status):
        until(lambda: self.status(server) == status, f"{server.name} is not {status} for HAProxy")


class Newcomers:
    """New connections at any time: they show how long HAProxy takes to see that a server leaves. There are several, as
    one alone might always go to the same server, the one with the fewest."""

    def __init__(self, path):
        self.path = path
        self.stopping = threading.Event()
        self.pool = ThreadPoolExecutor(2 * len(SERVERS))
        self.runs = [self.pool.submit(self.run) for _ in range(2 * len(SERVERS))]

    def run(self):
        failed = 0
        while not self.stopping.is_set():
            if not self.is_served():
                failed += 1
                self.stopping.wait(0.1)
        return failed

    def is_served(self):
        with socket.socket(socket.AF_UNIX) as one:
            try:
                one.settimeout(PATIENCE)
                one.connect(self.path)
                one.sendall(b"new")
                answer = one.makefile("rb").read(3)
                self.stopping.wait(0.02)
                one.shutdown(socket.SHUT_WR)
                return answer + one.makefile("rb").read() == b"new"
            except OSError:
                return False

    def stop(self):
        """Returns how many were not served."""
        self.stopping.set()
        return sum(run.result() for run in self.runs)


def histogram(outages):
    """A line for each step of 1, 2, 5, 10 and so on."""
    steps = [digit * 10**power for power in range(6) for digit in (1, 2, 5)]  # milliseconds
    counts = {}
    for lowest, _, count in outages["lengths"]["buckets"]:
        upper = next((step for step in steps if lowest <= step * 1e6), steps[-1])
        counts[upper] = counts.get(upper, 0) + count
    most = max(counts.values(), default=0)
    return [f"  up to {upper:>5} ms {counts[upper]:>6}  {'#' * max(1, round(50 * counts[upper] / most))}"
            for upper in sorted(counts)]


def roll(options, balancer, servers):
    """Returns the longest time from not_ready to a server's last new connection."""
    how = signal.SIGKILL if options.kill else signal.SIGTERM
    last = 0.0
    for round_number in range(1, options.rounds + 1):
        for server in servers:
            time.sleep(2 * options.interval)  # of quiet, so that the picture tells one from the next
            begin = time.monotonic()
            server.leave(how)
            gone = time.monotonic()
            if options.kill:
                balancer.await_status(server, "DOWN")
            else:
                last = max(last, server.last_connection())
            server.start()
            balancer.await_status(server, "UP")
            say(f"round {round_number} of {options.rounds}: {server.name} {'was killed' if options.kill else 'left'} in "
                f"{gone - begin:.1f} s, and was back after {time.monotonic() - begin:.1f} s")
    return last


def end(process):
    process.kill()
    process.wait()


def run(options, folder):
    for program in ("mynahd", "mynah"):
        if not (options.bin / program).exists():
            raise SystemExit(f"rollout: there is no {options.bin / program}")
    options.out.mkdir(parents=True, exist_ok=True)
    events_path = options.out / "events.txt"
    # The rule of config/haproxy.cfg, and a second for a busy machine.
    grace = FALL * options.interval + CHECK_TIMEOUT + 1
    with ExitStack() as stack:
        servers = [Server(name, folder, options.bin / "mynahd", grace) for name in SERVERS]
        for server in servers:
            stack.callback(server.end)
            server.start()
        balancer = Balancer(folder, servers, options.interval)
        stack.callback(end, balancer.process)
        for server in servers:
            balancer.await_status(server, "UP")
        with open(events_path, "w") as events:
            watch = subprocess.Popen([options.bin / "mynah", "watch", balancer.address, "-c", str(options.connections),
                                      "-r", str(options.rate), "-d", "24h", "-W", f"{PATIENCE}s", "--json",
                                      options.out / "rollout.json", "--html", options.out / "rollout.html"],
                                     stdout=subprocess.PIPE, stderr=events, text=True)
        stack.callback(end, watch)
        newcomers = Newcomers(balancer.address.removeprefix("unix://"))
        stack.callback(newcomers.stop)
        last = roll(options, balancer, servers)
        failed = newcomers.stop()
        watch.send_signal(signal.SIGINT)
        text = watch.communicate(timeout=2 * PATIENCE)[0]
    if not text:  # it has said why
        raise SystemExit(f"rollout: mynah watch: {events_path.read_text()}")
    report(options, text, last, grace, failed)
    return 1 if watch.returncode == 0 and failed and not options.kill else watch.returncode


def report(options, text, last, grace, failed):
    say("")
    say(text.rstrip())
    outages = json.loads((options.out / "rollout.json").read_text())["outages"]
    if outages["count"]:
        say("\noutages")
        say("\n".join(histogram(outages)))
    if failed:
        say(f"\n{failed} new connections were not served")
    if last > 0:
        say(f"\nthe last new connection came {last * 1000:.0f} ms after not_ready: drain.grace must be longer, and is "
            f"{grace:.1f} s")
    say(f"\nthe report is {options.out / 'rollout.html'}, the events are in {options.out / 'events.txt'}")


def positive(text):
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def seconds(text):
    value = float(text)
    if not 0.05 <= value <= 10:
        raise ValueError
    return value


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="./dev rollout",
        description="Starts three mynahd behind HAProxy (config/haproxy.cfg), replaces each in turn under mynah watch, "
        "and shows what that did to the connections. The exit status is that of mynah watch: 0 where nothing was lost; "
        "or 1 where a new connection was not served.")
    parser.add_argument("--rounds", type=positive, default=1, help="how often each server is replaced (default 1)")
    parser.add_argument("--connections", type=positive, default=200, help="that are watched (default 200)")
    parser.add_argument("--rate", type=positive, default=2000, help="frames a second, of all together (default 2000)")
    parser.add_argument("--interval", type=seconds, default=1.0, metavar="SECONDS",
                        help="at which HAProxy asks each server whether it is ready (default 1, at least 0.05)")
    parser.add_argument("--kill", action="store_true", help="servers are killed instead of told to leave")
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bin", help="where mynahd and mynah are")
    parser.add_argument("--out", type=Path, default=Path("build/rollout"), metavar="FOLDER",
                        help="for the reports (default build/rollout)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("rollout: told to end"))  # and with it what it has started
    try:
        with tempfile.TemporaryDirectory(prefix="mynah-rollout-") as temporary:
            sys.exit(run(parse(sys.argv[1:]), Path(temporary)))
    except KeyboardInterrupt:
        sys.exit("rollout: interrupted")

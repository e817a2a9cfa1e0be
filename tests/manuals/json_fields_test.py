"""mynah-json(5) against real reports, both ways: every field that mynah writes is in the page, with its type, and every
field of the page is written by one of the runs below."""

import contextlib
import json
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from programs import MYNAH, MYNAHD, ROOT

PATIENCE = 60  # seconds; nothing below takes that long on a machine that works


class Daemon:
    def __init__(self, *flags):
        self.process = subprocess.Popen([MYNAHD, *flags], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addresses = []
        while (line := self.process.stdout.readline()) not in ("ready\n", ""):
            self.addresses.append(line.split()[1])

    def __enter__(self):
        return self

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Boaster:
    """An echo server that writes a row in the ledger for each connection: it claims to have read more than was sent."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.listener.close()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.echo, args=(connection,), daemon=True).start()

    def echo(self, connection):
        with connection:
            header = connection.recv(64, socket.MSG_WAITALL)
            run, number = struct.unpack_from("<QQ", header, 8)
            with contextlib.closing(sqlite3.connect(self.ledger)) as database, database:
                database.execute(
                    "INSERT INTO sessions SELECT 1, 'boaster', 'tcp', 'peer', 'local', 'now', 'now', ?, ?, 0, 'drained', "
                    "'serving', ?, ?",
                    (10**12, 10**12, f"{run:016x}", number),
                )
            while header:
                connection.sendall(header)
                header = connection.recv(65536)


def fields_in_page(schema):
    """{path: (type, ...)}"""
    page = (ROOT / "client/man/mynah-json.5").read_text()
    begin = page.index(f".Sh {schema}\n")
    text = page[begin : page.index("\n.Sh ", begin)]
    found = re.findall(r"^\.It Va (\S+) Pq ([^,\n]*)(?:, (.*))?$", text, re.MULTILINE)
    fields = {path: tuple(types.split(" or ")) for path, types, unit in found}
    assert len(fields) == len(found), "a field stands twice in the page"
    return fields


def type_of(value):
    if isinstance(value, list):
        inner = {type_of(one) for one in value}
        if inner <= {"object"}:
            return "array of objects"
        if inner == {"string"}:
            return "array of strings"
        return "array of arrays" if all(one.startswith("array") for one in inner) else f"array of {inner}"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "object", type(None): "null"}
    return names[type(value)]


def fits(value, types):
    if value == []:
        return any(one.startswith("array") for one in types)
    actual = type_of(value)
    return actual in types or (actual == "integer" and "number" in types)


def fields_of(value, path=""):
    """(path, value) for every field of a report."""
    if isinstance(value, dict):
        for name, inner in value.items():
            here = f"{path}.{name}" if path else name
            yield here, inner
            yield from fields_of(inner, here)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for inner in value:
            yield from fields_of(inner, path + "[]")


class JsonFields(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.reports = []

    def run_mynah(self, *words):
        path = str(Path(self.folder.name) / f"{len(self.reports)}.json")
        subprocess.run([MYNAH, *words, "--json", path], capture_output=True, timeout=PATIENCE, check=False)
        self.reports.append(json.loads(Path(path).read_text()))
        return path

    def check(self, schema):
        page = fields_in_page(schema)
        seen = set()
        for report in self.reports:
            self.assertEqual(report["schema"], schema)
            for path, value in fields_of(report):
                self.assertIn(path, page)
                self.assertTrue(fits(value, page[path]), f"{path}: {value!r} is no {' or '.join(page[path])}")
                seen.add(path)
        self.assertEqual(set(page) - seen, set(), "the page has fields that nothing writes")

    def test_load(self):
        with Daemon("--listen", "tcp://127.0.0.1:0", "--fault", "corrupt,at=10", "--fault", "reset,at=300") as daemon:
            self.run_mynah("load", *daemon.addresses, "-c", "2", "-n", "200", "-r", "1000")
        with Daemon("--listen", "udp://127.0.0.1:0", "--fault", "corrupt,every=5") as daemon:
            self.run_mynah("load", *daemon.addresses, "-c", "1", "-n", "50", "-s", "1000", "-W", "200ms")
        self.check("mynah-load/1")

    def test_ping(self):
        faults = [f"--fault={fault}" for fault in ("duplicate,at=1", "reorder,at=2", "drop,at=4")]
        with Daemon("--listen", "udp://127.0.0.1:0", *faults) as daemon:
            self.run_mynah("ping", *daemon.addresses, "-c", "6", "-i", "50ms", "-W", "1s")
        with Daemon("--listen", "tcp://127.0.0.1:0", "--fault", "fin,at=100") as daemon:
            self.run_mynah("ping", *daemon.addresses, "-c", "4", "-i", "50ms")
        self.check("mynah-ping/1")

    def test_watch(self):
        with Daemon("--listen", "tcp://127.0.0.1:0", "--fault", "reset,every=5000") as daemon:
            self.run_mynah("watch", *daemon.addresses, "-c", "2", "-r", "200", "-d", "500ms", "--fail-on", "resets>0")
            self.watch_an_outage(daemon)
        self.watch_with_ledgers()
        self.check("mynah-watch/1")

    def watch_with_ledgers(self):
        """A ledger that has the rows; one that has none of them; and one with a row that cannot be true."""
        ledger = str(Path(self.folder.name) / "ledger")
        flags = ("-c", "2", "-d", "300ms", "--ledger", f"sqlite:{ledger}")
        with Daemon("--listen", "tcp://127.0.0.1:0", "--ledger", f"sqlite:{ledger}") as daemon:
            self.run_mynah("watch", *daemon.addresses, *flags)
            daemon.end()  # so that nobody has the ledger open
        with Daemon("--listen", "tcp://127.0.0.1:0") as daemon:
            self.run_mynah("watch", *daemon.addresses, *flags, "-W", "300ms")
        with Boaster(ledger) as boaster:
            self.run_mynah("watch", boaster.address, *flags)

    def watch_an_outage(self, daemon):
        """The server goes, attempts to connect are refused, another one takes its place."""
        address = daemon.addresses[0]
        path = str(Path(self.folder.name) / "outage.json")
        watch = subprocess.Popen(
            [MYNAH, "watch", address, "-c", "1", "-d", "60s", "--json", path],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            self.wait_for(watch, "connected")
            daemon.end()
            self.wait_for(watch, "refused")
            with Daemon("--listen", address):
                self.wait_for(watch, "outage")
                watch.send_signal(signal.SIGINT)
                watch.communicate(timeout=PATIENCE)
        finally:
            watch.kill()
            watch.wait()
            watch.stdout.close()
        self.reports.append(json.loads(Path(path).read_text()))

    def wait_for(self, process, word):
        for line in process.stdout:
            if word in line:
                return
        self.fail(f"it ended without {word}")

    def test_compare(self):
        with Daemon("--listen", "tcp://127.0.0.1:0") as daemon:
            before = self.run_mynah("load", *daemon.addresses, "-n", "2000", "-c", "1")
        with Daemon("--listen", "tcp://127.0.0.1:0", "--fault", "corrupt,every=5000") as daemon:
            after = self.run_mynah("load", *daemon.addresses, "-n", "2000", "-c", "1")
        self.reports.clear()
        path = str(Path(self.folder.name) / "compared.json")
        subprocess.run(
            [MYNAH, "compare", before, after, "--json", path], capture_output=True, timeout=PATIENCE, check=False
        )
        self.reports.append(json.loads(Path(path).read_text()))
        self.check("mynah-compare/1")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

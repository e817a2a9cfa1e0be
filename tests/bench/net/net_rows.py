"""What net_bench measures: its sides, its rows, which sides each compares, and what is asked (at least, or at most).

A side is an echo server; a row is a load. A side that is not built, or that mynahd has not got, is left out.
"""

import resource
from dataclasses import dataclass

DEFAULT_RUNS = 7
DEFAULT_SECONDS = 0.5

SMALL = 64  # bytes in a message
LARGE = 65536

# Descriptors of a server beyond its connections: mynahd keeps so many aside.
_SPARE_DESCRIPTORS = 200


@dataclass(frozen=True)
class Side:
    """An echo server. Its command gets the size of a connection's buffer, where `takes_buffer`."""

    label: str
    program: str
    arguments: tuple[str, ...] = ()
    takes_buffer: bool = False

    @property
    def is_ours(self):
        return self.program == "mynahd"


def _ours(driver, scheme="tcp"):
    label = f"mynahd {driver}" + (" udp" if scheme == "udp" else "")
    arguments = ("--listen", f"{scheme}://127.0.0.1:0", "--driver", driver, "--workers", "1", "--ledger", "off")
    return Side(label, "mynahd", arguments)


SELECT, POLL, EPOLL, URING = _ours("select"), _ours("poll"), _ours("epoll"), _ours("io_uring")
EPOLL_UDP, URING_UDP = _ours("epoll", "udp"), _ours("io_uring", "udp")
BARE_SELECT = Side("bare select", "bare_select")
BARE_EPOLL = Side("bare epoll", "bare_epoll")
BARE_URING = Side("bare io_uring", "bare_uring", takes_buffer=True)
BARE_UDP = Side("bare recvmmsg", "bare_udp")
ASIO_CALLBACKS = Side("Asio, callbacks", "asio_echo", ("callbacks",), takes_buffer=True)
ASIO_COROUTINES = Side("Asio, coroutines", "asio_echo", ("coroutines",), takes_buffer=True)
ASIO_UDP = Side("Asio", "asio_echo", ("udp",))
GO = Side("Go", "go_echo", ("loop",), takes_buffer=True)
GO_COPY = Side("Go's io.Copy (splice)", "go_echo", ("copy",))
GO_UDP = Side("Go", "go_echo", ("udp",))
TOKIO = Side("Tokio", "tokio_echo", ("tcp",), takes_buffer=True)
TOKIO_UDP = Side("Tokio", "tokio_echo", ("udp",))


@dataclass(frozen=True)
class Pair:
    """Ours against another. `asked`: the least ratio of ours to theirs; for processor time and memory, the most."""

    ours: Side
    theirs: Side
    asked: float | None = None
    asked_bytes: int | None = None  # what a connection of ours may take, whatever theirs does


@dataclass(frozen=True)
class Row:
    name: str
    what: str
    mode: str  # echo_load's
    connections: int
    pairs: tuple[Pair, ...]
    size: int = SMALL
    metric: str = "throughput"  # or "cpu", "memory", "calls"

    @property
    def is_traced(self):
        return self.metric == "calls"

    def sides(self):
        """Each once, ours first."""
        return list(dict.fromkeys([pair.ours for pair in self.pairs] + [pair.theirs for pair in self.pairs]))


_OTHERS = (ASIO_CALLBACKS, ASIO_COROUTINES, GO, TOKIO)


def _echo_row(connections):
    pairs = [Pair(EPOLL, BARE_EPOLL, 0.97), *(Pair(EPOLL, other, 1.0) for other in _OTHERS)]
    pairs.append(Pair(POLL, BARE_EPOLL, 0.97))
    if connections <= 64:  # mynahd has descriptors of its own, and select(2) takes 1,024 in all
        pairs += [Pair(SELECT, BARE_EPOLL, 0.97), Pair(SELECT, BARE_SELECT, 0.97)]
    pairs += [Pair(URING, BARE_URING, 0.95), Pair(URING, EPOLL, 1.2 if connections == 64 else None)]
    plural = "s" if connections > 1 else ""
    return Row(f"echo_{connections}", f"64 B, {connections:,} connection{plural}", "echo", connections, tuple(pairs))


def _large_row():
    others = (ASIO_CALLBACKS, ASIO_COROUTINES, GO, GO_COPY, TOKIO)
    pairs = (
        Pair(EPOLL, BARE_EPOLL, 0.95),
        *(Pair(EPOLL, other, 1.0) for other in others),
        Pair(URING, BARE_URING, 0.95),
    )
    return Row("large_16", "64 KiB, 16 connections", "echo", 16, pairs, LARGE)


def _churn_row():
    pairs = (
        Pair(EPOLL, BARE_EPOLL),
        *(Pair(EPOLL, other) for other in _OTHERS),
        Pair(URING, BARE_URING),
    )
    return Row("churn_16", "connect, 64 B, close; 16 connections at once", "churn", 16, pairs)


def _work_row(connections):
    pairs = (Pair(EPOLL, BARE_EPOLL, 1.05), Pair(URING, BARE_URING, 1.05), Pair(EPOLL, GO))
    what = f"processor time for 64 B, {connections:,} connections"
    return Row(f"work_{connections}", what, "echo", connections, pairs, metric="cpu")


def _calls_row(connections):
    pairs = (
        Pair(EPOLL, BARE_EPOLL),
        *(Pair(EPOLL, other) for other in _OTHERS),
        Pair(SELECT, BARE_SELECT),
        Pair(URING, BARE_URING),
    )
    what = f"system calls of the server for 64 B, {connections} connections"
    return Row(f"calls_{connections}", what, "echo", connections, pairs, metric="calls")


def _idle_row():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 50_000
    connections = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard - _SPARE_DESCRIPTORS)
    pairs = (Pair(EPOLL, GO, asked_bytes=1024), Pair(URING, GO, asked_bytes=1024))
    limited = "" if connections == wanted else f", of {wanted:,} wanted: no more descriptors here"
    what = f"memory of the server for an idle connection, {connections:,} connections{limited}"
    return Row("idle", what, "idle", connections, pairs, metric="memory")


def _datagram_row(connections):
    pairs = (
        Pair(EPOLL_UDP, BARE_UDP, 0.97),
        *(Pair(EPOLL_UDP, other, 1.0) for other in (ASIO_UDP, GO_UDP, TOKIO_UDP)),
        Pair(URING_UDP, BARE_UDP, 0.95),
        Pair(URING_UDP, EPOLL_UDP),
    )
    return Row(f"udp_{connections}", f"64 B datagrams, {connections} sockets", "echo", connections, pairs)


ROWS = (
    *(_echo_row(connections) for connections in (1, 64, 1_000)),
    _large_row(),
    _churn_row(),
    *(_work_row(connections) for connections in (64, 256, 1_000, 4_000, 10_000)),
    _calls_row(64),
    _idle_row(),
    _datagram_row(64),
)

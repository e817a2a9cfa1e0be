"""What conc_bench measures: its rows, how many operations each takes, whom it compares with, and what is asked.

A new row is a program of the same name in conc_rows and in a peer, and a line here. A row that some program does not
have is measured for the others.
"""

from dataclasses import dataclass

OURS = "conc_rows"
GO = "go_rows"
ASIO = "asio_rows"
FIBER = "fiber_rows"
TBB = "tbb_rows"
STD = "std_rows"
PROGRAMS = (OURS, GO, ASIO, FIBER, TBB, STD)

DEFAULT_RUNS = 5


@dataclass(frozen=True)
class Peer:
    """One that a row is compared with. `asked`: how many times its speed ours has to be, at the least."""

    label: str
    program: str
    row: str  # what the program calls it
    asked: float | None = None
    memory_asked: float | None = None  # how many times our memory a task of theirs takes, at the least


@dataclass(frozen=True)
class Row:
    name: str
    operations: int
    what: str  # one operation
    peers: tuple[Peer, ...]
    cold: bool = False  # without a warm-up, which would leave memory behind for the measurement


def _row(name, operations, what, asked=None, memory_asked=None, std=None, asio=False, fiber=False, cold=False):
    """A row whose programs have the same name everywhere. `std`: what the standard library's side is called."""
    peers = [Peer("Go", GO, name, asked, memory_asked)]
    if asio:
        peers.append(Peer("Asio's channel", ASIO, name))
    if fiber:
        peers.append(Peer("Boost.Fiber", FIBER, name))
    if std is not None:
        peers.append(Peer(std, STD, name))
    return Row(name, operations, what, tuple(peers), cold)


def _channel_row(name, operations, what, asked=None):
    return _row(name, operations, what, asked, asio=True, fiber=True)


def _map_row(mix, loads):
    peers = (
        Peer("Go's sync.Map", GO, f"map_{mix}", 1.0),
        Peer("Go's map and Mutex", GO, f"map_mutex_{mix}", 1.0),
        Peer("TBB's concurrent_hash_map", TBB, f"map_{mix}", 1.0),
        Peer("std::mutex and unordered_map", STD, f"map_{mix}", 1.0),
    )
    what = f"a load ({loads} %) or a store of one of 65,536 keys, 2 tasks"
    return Row(f"map_{mix}", 600_000, what, peers)


# The counts make a measurement take some 50 to 200 ms on either side, where both are about as fast.
ROWS = (
    _channel_row("ping_pong", 800_000, "a value sent to a task and back, two unbuffered channels", asked=3.0),
    _channel_row("spsc_unbuffered", 1_200_000, "a value from one task to another, unbuffered", asked=3.0),
    _channel_row("spsc_buffered", 3_000_000, "the same, 128 values buffered", asked=3.0),
    _channel_row("mpmc", 1_500_000, "a value from one of 4 tasks to one of 4, 128 buffered", asked=3.0),
    _channel_row("fan_in", 600_000, "a value from one of 100 tasks to one, unbuffered"),
    _row("select_2", 500_000, "a receive by select over 2 channels, a sender on each", asked=2.0),
    _row("select_8", 300_000, "a receive by select over 8 channels, a sender on each"),
    _row("try_send_recv", 4_000_000, "a try-send and a try-receive, one buffered, one task"),
    _row("spawn", 600_000, "a task started and ended, waited for in batches of 100", asked=4.0, fiber=True),
    _row("spawn_wait", 400_000, "a task started and waited for, one at a time", asked=4.0, fiber=True),
    _row("yield", 3_000_000, "a yield by one of 4 tasks", asked=4.0, fiber=True),
    _row("skynet", 1_000_000, "a leaf of skynet: a tree of tasks that add up, 10 children each", cold=True),
    _row("tasks_finished", 1_000_000, "a task started and ended, all at once", asked=4.0, cold=True),
    _row(
        "tasks_parked",
        1_000_000,
        "a task started, parked and released, all at once",
        asked=4.0,
        memory_asked=10.0,
        cold=True,
    ),
    _row("mutex_alone", 12_000_000, "a lock and an unlock, one task", std="std::mutex", fiber=True),
    _row("mutex_contended", 5_000_000, "a lock and an unlock, 4 tasks", std="std::mutex", fiber=True),
    Row(
        "rwmutex_read",
        5_000_000,
        "a shared lock and its unlock, 2 tasks",
        (Peer("Go", GO, "rwmutex_read", 3.0), Peer("std::shared_mutex", STD, "rwmutex_read", 3.0)),
    ),
    _row("once", 10_000_000, "a call of a Once that is done", std="std::call_once"),
    _row("context_done", 5_000_000, "a look at done(), by select with a default"),
    _row("context_err", 20_000_000, "a look at err()"),
    _row("context_timeout", 300_000, "a context with a timeout made and cancelled"),
    _row("recv_timeout", 600_000, "a receive by select with a timeout, which is armed and disarmed"),
    _row("timer_reset", 5_000_000, "a reset of a timer that is armed"),
    _row("timers_armed", 1_000_000, "a timer made, armed and stopped, all at once", cold=True),
    _map_row("90_10", 90),
    _map_row("50_50", 50),
    _map_row("10_90", 10),
)

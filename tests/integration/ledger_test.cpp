// The ledger: a row for each session that ended, and service that goes on without it.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/echo_client.hpp"
#include "tests/integration/ledger_file.hpp"
#include "tests/integration/patience.hpp"

namespace mynah::integration {
namespace {

using End = EchoConnection::End;

bool finished(const EchoConnection& connection) {
    return connection.end() != End::none;
}

// Opens connections that send `bytes` each, get them back and close.
void serve_some(const Daemon& daemon, std::size_t count, std::uint64_t bytes) {
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), {.total_bytes = bytes, .half_close = true}, count);
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all(finished); }));
    EXPECT_TRUE(fleet.all([](const EchoConnection& c) { return c.is_all_echoed() && c.is_exact_prefix(); }));
}

bool has_rows(const std::string& path, std::size_t count) {
    try {
        return read_ledger(path).size() == count;
    } catch (const std::runtime_error&) {
        return false;  // not created yet
    }
}

// Keeps everyone else from writing the database.
class FileLock {
  public:
    explicit FileLock(const std::string& path) {
        if (sqlite3_open(path.c_str(), &database_) != SQLITE_OK ||
            sqlite3_exec(database_, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr) != SQLITE_OK) {
            throw std::runtime_error(sqlite3_errmsg(database_));
        }
    }
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;
    ~FileLock() { release(); }

    void release() { sqlite3_close(std::exchange(database_, nullptr)); }

  private:
    sqlite3* database_ = nullptr;
};

TEST(Ledger, HasARowForEachSessionOnceTheDaemonHasDrained) {
    const ScratchFolder scratch;
    const std::string path = scratch.path("ledger.sqlite");
    Daemon daemon(Daemon::Options{.arguments = {"--instance", "parrot-1"}, .ledger = "sqlite:" + path});
    serve_some(daemon, 300, 1'234);
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    const std::vector<LedgerRow> rows = read_ledger(path);
    ASSERT_EQ(rows.size(), 300U);
    std::set<std::string> peers;
    for (const LedgerRow& row : rows) {
        EXPECT_EQ(row.instance, "parrot-1");
        EXPECT_EQ(row.transport, "tcp");
        EXPECT_EQ(row.local, daemon.endpoint().text());
        EXPECT_EQ(row.bytes_in, 1'234U);
        EXPECT_EQ(row.bytes_out, 1'234U);
        EXPECT_EQ(row.discarded_after_fin, 0U);
        EXPECT_EQ(row.close_reason, "end_of_stream");
        peers.insert(row.peer);
    }
    EXPECT_EQ(peers.size(), rows.size());
}

TEST(Ledger, IsWrittenWhileTheDaemonServes) {
    const ScratchFolder scratch;
    const std::string path = scratch.path("ledger.sqlite");
    Daemon daemon(Daemon::Options{.arguments = {}, .ledger = "sqlite:" + path});
    serve_some(daemon, 5, 10);
    EXPECT_TRUE(eventually([&] { return has_rows(path, 5); }));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST(Ledger, IsNotOpenedBeforeTheFirstSessionEnds) {
    const ScratchFolder scratch;
    const std::string path = scratch.path("ledger.sqlite");
    Daemon daemon(Daemon::Options{.arguments = {}, .ledger = "sqlite:" + path});
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_THROW(read_ledger(path), std::runtime_error);
}

TEST(Ledger, SecondRunAddsToTheRowsOfTheFirst) {
    const ScratchFolder scratch;
    const std::string path = scratch.path("ledger.sqlite");
    for (int run = 1; run <= 2; ++run) {
        Daemon daemon(Daemon::Options{.arguments = {}, .ledger = "sqlite:" + path});
        serve_some(daemon, 10, 10);
        EXPECT_EQ(daemon.terminate_and_wait(), 0);
        EXPECT_EQ(read_ledger(path).size(), static_cast<std::size_t>(10 * run));
    }
}

TEST(Ledger, TwoDaemonsShareOneFile) {
    const ScratchFolder scratch;
    const std::string path = scratch.path("ledger.sqlite");
    Daemon first(Daemon::Options{.arguments = {"--instance", "first"}, .ledger = "sqlite:" + path});
    Daemon second(Daemon::Options{.arguments = {"--instance", "second"}, .ledger = "sqlite:" + path});
    for (int round = 0; round < 5; ++round) {
        serve_some(first, 20, 10);
        serve_some(second, 20, 10);
    }
    EXPECT_EQ(first.terminate_and_wait(), 0);
    EXPECT_EQ(second.terminate_and_wait(), 0);
    std::size_t of_first = 0;
    const std::vector<LedgerRow> rows = read_ledger(path);
    for (const LedgerRow& row : rows) {
        of_first += row.instance == "first" ? 1U : 0U;
    }
    EXPECT_EQ(rows.size(), 200U);
    EXPECT_EQ(of_first, 100U);
}

TEST(Ledger, UnwritablePathIsLoggedAndServiceGoesOn) {
    const ScratchFolder scratch;
    // A folder where there is a file: not even root can write below it.
    const std::string path = scratch.write("file", "in the way") + "/ledger.sqlite";
    Daemon daemon(Daemon::Options{.arguments = {}, .ledger = "sqlite:" + path});
    serve_some(daemon, 50, 1'000);
    EXPECT_TRUE(daemon.wait_for_log(path));
    serve_some(daemon, 50, 1'000);
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_LE(lines_of(daemon.log()).size(), 60U) << "one failure a session floods the log";
}

TEST(Ledger, FileThatIsNoDatabaseIsLeftAloneAndServiceGoesOn) {
    const ScratchFolder scratch;
    const std::string text = "this is not a database, it is somebody's letter; do not write to it, whatever happens\n";
    const std::string path = scratch.write("letter.txt", text);
    Daemon daemon(Daemon::Options{.arguments = {}, .ledger = "sqlite:" + path});
    serve_some(daemon, 10, 1'000);
    EXPECT_TRUE(daemon.wait_for_log(path));
    serve_some(daemon, 10, 1'000);
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(scratch.read("letter.txt"), text);
}

// A drain that waits for the ledger's file bears any number of further signals, and writes every row once it may.
TEST(Ledger, SignalsWhileTheFileIsLockedLoseNothing) {
    const ScratchFolder scratch;
    const std::string path = scratch.path("ledger.sqlite");
    Daemon daemon(Daemon::Options{.arguments = {"--drain-timeout", "1h"}, .ledger = "sqlite:" + path});
    serve_some(daemon, 1, 10);
    ASSERT_TRUE(eventually([&] { return has_rows(path, 1); }));
    FileLock lock(path);
    serve_some(daemon, 1, 10);
    daemon.terminate();
    ASSERT_TRUE(daemon.wait_for_phase("closing"));
    for (int i = 0; i < 100; ++i) {
        daemon.terminate();
    }
    EXPECT_FALSE(daemon.process().wait(std::chrono::milliseconds(300))) << "left while a row was not written";
    lock.release();
    EXPECT_EQ(daemon.wait_for_exit(), 0);
    EXPECT_EQ(read_ledger(path).size(), 2U);
}

}  // namespace
}  // namespace mynah::integration

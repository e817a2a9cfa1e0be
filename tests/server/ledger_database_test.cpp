#include "server/ledger_database.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "server/session_record.hpp"

namespace mynah::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

class LedgerDatabaseTest : public testing::Test {
  protected:
    LedgerDatabaseTest() {
        std::string name = (std::filesystem::temp_directory_path() / "mynah-ledger-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    ~LedgerDatabaseTest() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::string path() const { return (folder_ / "ledger.sqlite").string(); }

    /// The rows of a query, their columns joined by "|", as another program sees them.
    [[nodiscard]] std::vector<std::string> query(const std::string& sql) const {
        std::vector<std::string> rows;
        const auto database = connect();
        sqlite3_stmt* prepared = nullptr;
        EXPECT_EQ(sqlite3_prepare_v2(database.get(), sql.c_str(), -1, &prepared, nullptr), SQLITE_OK)
            << sqlite3_errmsg(database.get());
        while (sqlite3_step(prepared) == SQLITE_ROW) {
            std::string row;
            for (int column = 0; column < sqlite3_column_count(prepared); ++column) {
                const void* text = sqlite3_column_blob(prepared, column);
                const auto size = static_cast<std::size_t>(sqlite3_column_bytes(prepared, column));
                row += (column == 0 ? "" : "|") + std::string(static_cast<const char*>(text), size);
            }
            rows.push_back(row);
        }
        sqlite3_finalize(prepared);
        return rows;
    }

    void run(const std::string& sql) const {
        const auto database = connect();
        EXPECT_EQ(sqlite3_exec(database.get(), sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
            << sqlite3_errmsg(database.get());
    }

    using Connection = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;

    [[nodiscard]] Connection connect() const {
        sqlite3* opened = nullptr;
        EXPECT_EQ(sqlite3_open(path().c_str(), &opened), SQLITE_OK);
        sqlite3_busy_timeout(opened, 5000);
        return {opened, &sqlite3_close};
    }

    std::filesystem::path folder_;
};

SessionRecord some_record(std::uint64_t id) {
    return {.id = id,
            .instance = "echo-1",
            .transport = "tcp",
            .peer = "tcp://192.0.2.7:51234",
            .local = "tcp://192.0.2.1:7007",
            .started = std::chrono::sys_days(std::chrono::January / 31 / 2026) + 12h,
            .ended = std::chrono::sys_days(std::chrono::January / 31 / 2026) + 12h + 1500us,
            .bytes_in = 10,
            .bytes_out = 9,
            .discarded_after_fin = 8,
            .close_reason = CloseReason::drained,
            .drain_phase = DrainPhase::closing};
}

TEST_F(LedgerDatabaseTest, ARowHasEveryFieldOfItsRecord) {
    auto ledger = LedgerDatabase::open(path());
    ASSERT_TRUE(ledger) << ledger.error();
    const std::vector records{some_record(7)};
    const auto inserted = ledger->insert(records);
    ASSERT_TRUE(inserted) << inserted.error();
    EXPECT_THAT(query("SELECT id, instance, transport, peer, local, started, ended, bytes_in, bytes_out, "
                      "discarded_after_fin, close_reason, drain_phase FROM sessions"),
                ElementsAre("7|echo-1|tcp|tcp://192.0.2.7:51234|tcp://192.0.2.1:7007|2026-01-31T12:00:00.000000Z|"
                            "2026-01-31T12:00:00.001500Z|10|9|8|drained|closing"));
}

TEST_F(LedgerDatabaseTest, AStreamOfProbeFramesIsNamedAndAnyOtherIsNot) {
    auto ledger = LedgerDatabase::open(path());
    ASSERT_TRUE(ledger) << ledger.error();
    std::vector records{some_record(1), some_record(2), some_record(3)};
    records[1].probe = {.run = 0xFEDCBA9876543210, .connection = 42};
    const auto inserted = ledger->insert(records);
    ASSERT_TRUE(inserted) << inserted.error();
    EXPECT_THAT(query("SELECT id, ifnull(probe_run, '-'), ifnull(probe_connection, '-') FROM sessions ORDER BY id"),
                ElementsAre("1|-|-", "2|fedcba9876543210|42", "3|-|-"));
    EXPECT_THAT(query("EXPLAIN QUERY PLAN SELECT * FROM sessions WHERE probe_run = 'fedcba9876543210'").front(),
                HasSubstr("USING INDEX sessions_by_probe_run"));
}

/// What mynahd 0.1.0 made before it knew probe frames.
constexpr const char* kVersionOne = R"(
CREATE TABLE sessions (id INTEGER NOT NULL, instance TEXT NOT NULL, transport TEXT NOT NULL, peer TEXT NOT NULL,
    local TEXT NOT NULL, started TEXT NOT NULL, ended TEXT NOT NULL, bytes_in INTEGER NOT NULL,
    bytes_out INTEGER NOT NULL, discarded_after_fin INTEGER NOT NULL, close_reason TEXT NOT NULL,
    drain_phase TEXT NOT NULL);
INSERT INTO sessions VALUES (7, 'old', 'tcp', 'p', 'l', 's', 'e', 1, 2, 3, 'reset', 'serving');
PRAGMA user_version = 1;
)";

TEST_F(LedgerDatabaseTest, AFileOfVersionOneGetsTheNewColumnsAndKeepsItsRows) {
    run(kVersionOne);
    auto ledger = LedgerDatabase::open(path());
    ASSERT_TRUE(ledger) << ledger.error();
    SessionRecord record = some_record(8);
    record.probe = {.run = 1, .connection = 2};
    const std::vector records{record};
    const auto inserted = ledger->insert(records);
    ASSERT_TRUE(inserted) << inserted.error();
    EXPECT_THAT(query("SELECT id, instance, bytes_out, ifnull(probe_run, '-') FROM sessions ORDER BY id"),
                ElementsAre("7|old|2|-", "8|echo-1|9|0000000000000001"));
    EXPECT_THAT(query("PRAGMA user_version"), ElementsAre("2"));
}

TEST_F(LedgerDatabaseTest, SeveralMayBringOneFileUpToDateAtOnce) {
    constexpr int kWriters = 4;
    run(kVersionOne);
    std::vector<std::thread> writers;
    writers.reserve(kWriters);
    for (int i = 0; i < kWriters; ++i) {
        writers.emplace_back([this] {
            auto ledger = LedgerDatabase::open(path());
            ASSERT_TRUE(ledger) << ledger.error();
            const std::vector records{some_record(1)};
            const auto inserted = ledger->insert(records);
            ASSERT_TRUE(inserted) << inserted.error();
        });
    }
    for (std::thread& writer : writers) {
        writer.join();
    }
    EXPECT_THAT(query("SELECT count(*) FROM sessions"), ElementsAre(std::to_string(kWriters + 1)));
}

TEST_F(LedgerDatabaseTest, BatchesAddUpAndNoneIsFine) {
    auto ledger = LedgerDatabase::open(path());
    ASSERT_TRUE(ledger) << ledger.error();
    std::vector<SessionRecord> records;
    EXPECT_TRUE(ledger->insert(records));
    for (std::uint64_t id = 0; id < 500; ++id) {
        records.push_back(some_record(id));
    }
    EXPECT_TRUE(ledger->insert(records));
    EXPECT_TRUE(ledger->insert(records));
    EXPECT_THAT(query("SELECT count(*), count(DISTINCT id), sum(bytes_in) FROM sessions"),
                ElementsAre("1000|500|10000"));
}

TEST_F(LedgerDatabaseTest, SqliteReadsTheTimes) {
    auto ledger = LedgerDatabase::open(path());
    ASSERT_TRUE(ledger) << ledger.error();
    const std::vector records{some_record(1)};
    ASSERT_TRUE(ledger->insert(records));
    EXPECT_THAT(query("SELECT datetime(started), strftime('%s', started) FROM sessions"),
                ElementsAre("2026-01-31 12:00:00|1769860800"));
}

TEST_F(LedgerDatabaseTest, CloseLeavesOneWholeFile) {
    auto ledger = LedgerDatabase::open(path());
    ASSERT_TRUE(ledger) << ledger.error();
    const std::vector records{some_record(1)};
    ASSERT_TRUE(ledger->insert(records));
    const auto closed = ledger->close();
    EXPECT_TRUE(closed) << closed.error();
    EXPECT_FALSE(std::filesystem::exists(path() + "-wal"));
    EXPECT_THAT(query("SELECT count(*) FROM sessions"), ElementsAre("1"));
}

TEST_F(LedgerDatabaseTest, ReopeningKeepsTheRows) {
    const std::vector records{some_record(1)};
    for (int run = 0; run < 2; ++run) {
        auto ledger = LedgerDatabase::open(path());
        ASSERT_TRUE(ledger) << ledger.error();
        ASSERT_TRUE(ledger->insert(records));
    }
    EXPECT_THAT(query("SELECT count(*) FROM sessions"), ElementsAre("2"));
    EXPECT_THAT(query("PRAGMA user_version"), ElementsAre("2"));
    EXPECT_THAT(query("PRAGMA journal_mode"), ElementsAre("wal"));
}

TEST_F(LedgerDatabaseTest, SeveralMayCreateAndWriteOneFileAtOnce) {
    constexpr int kWriters = 4;
    constexpr int kBatches = 20;
    std::vector<std::thread> writers;
    writers.reserve(kWriters);
    for (int i = 0; i < kWriters; ++i) {
        writers.emplace_back([this] {
            auto ledger = LedgerDatabase::open(path());
            ASSERT_TRUE(ledger) << ledger.error();
            const std::vector records{some_record(1), some_record(2)};
            for (int batch = 0; batch < kBatches; ++batch) {
                const auto inserted = ledger->insert(records);
                ASSERT_TRUE(inserted) << inserted.error();
            }
        });
    }
    for (std::thread& writer : writers) {
        writer.join();
    }
    EXPECT_THAT(query("SELECT count(*) FROM sessions"), ElementsAre(std::to_string(kWriters * kBatches * 2)));
}

TEST_F(LedgerDatabaseTest, APathThatCannotBeOpenedIsNamedWithTheReason) {
    const auto missing = LedgerDatabase::open("/nonexistent/ledger.sqlite");
    ASSERT_FALSE(missing);
    EXPECT_EQ(
        missing.error(),
        "cannot open ledger /nonexistent/ledger.sqlite: unable to open database file (No such file or directory)");
    const auto directory = LedgerDatabase::open(folder_.string());
    ASSERT_FALSE(directory);
    EXPECT_THAT(directory.error(), HasSubstr("unable to open database file"));
}

TEST_F(LedgerDatabaseTest, WhatIsNoDatabaseIsRefusedAndLeftAlone) {
    const std::string text = "This is somebody's letter, not a database.\n" + std::string(4096, 'x');
    std::ofstream(path()) << text;
    const auto ledger = LedgerDatabase::open(path());
    ASSERT_FALSE(ledger);
    EXPECT_THAT(ledger.error(), HasSubstr("file is not a database"));
    std::ifstream file(path());
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), text);
}

TEST_F(LedgerDatabaseTest, ALaterSchemaIsRefusedAndLeftAlone) {
    run("PRAGMA user_version = 3");
    const auto ledger = LedgerDatabase::open(path());
    ASSERT_FALSE(ledger);
    EXPECT_EQ(ledger.error(), "cannot open ledger " + path() + ": its schema has version 3; this mynahd knows 2");
    EXPECT_THAT(query("PRAGMA user_version"), ElementsAre("3"));
    EXPECT_THAT(query("PRAGMA journal_mode"), ElementsAre("delete"));
}

TEST_F(LedgerDatabaseTest, AnotherProgramsTableIsRefusedAndLeftAlone) {
    run("CREATE TABLE sessions (mine)");
    const auto ledger = LedgerDatabase::open(path());
    ASSERT_FALSE(ledger);
    EXPECT_THAT(ledger.error(), HasSubstr("table sessions already exists"));
    EXPECT_THAT(query("PRAGMA user_version"), ElementsAre("0"));
}

TEST_F(LedgerDatabaseTest, AFailedBatchLeavesNothingAndTheNextSucceeds) {
    auto ledger = LedgerDatabase::open(path());
    ASSERT_TRUE(ledger) << ledger.error();
    run("CREATE TRIGGER refuse BEFORE INSERT ON sessions WHEN new.id = 13 BEGIN SELECT raise(ABORT, 'unlucky'); END");
    const std::vector unlucky{some_record(12), some_record(13), some_record(14)};
    const auto failed = ledger->insert(unlucky);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error(), "cannot write to ledger " + path() + ": unlucky");
    EXPECT_THAT(query("SELECT count(*) FROM sessions"), ElementsAre("0"));
    const std::vector lucky{some_record(14)};
    const auto inserted = ledger->insert(lucky);
    EXPECT_TRUE(inserted) << inserted.error();
    EXPECT_THAT(query("SELECT id FROM sessions"), ElementsAre("14"));
}

TEST_F(LedgerDatabaseTest, ALockedDatabaseFailsAfterItsTimeoutAndRecovers) {
    auto ledger = LedgerDatabase::open(path(), {.busy_timeout = 1ms});
    ASSERT_TRUE(ledger) << ledger.error();
    const std::vector records{some_record(1)};
    {
        const auto other = connect();
        ASSERT_EQ(sqlite3_exec(other.get(), "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
        const auto failed = ledger->insert(records);
        ASSERT_FALSE(failed);
        EXPECT_THAT(failed.error(), HasSubstr("database is locked"));
    }
    const auto inserted = ledger->insert(records);
    EXPECT_TRUE(inserted) << inserted.error();
}

TEST_F(LedgerDatabaseTest, StrangeTextIsDataAndHugeCountsSaturate) {
    auto ledger = LedgerDatabase::open(path());
    ASSERT_TRUE(ledger) << ledger.error();
    SessionRecord record = some_record(1);
    record.peer = "'); DROP TABLE sessions; --";
    record.instance = "";
    record.bytes_in = std::numeric_limits<std::uint64_t>::max();
    const std::vector records{record};
    const auto inserted = ledger->insert(records);
    ASSERT_TRUE(inserted) << inserted.error();
    EXPECT_THAT(query("SELECT peer, instance, bytes_in FROM sessions"),
                ElementsAre("'); DROP TABLE sessions; --||9223372036854775807"));
}

TEST_F(LedgerDatabaseTest, ErrorsAreOneLineWhateverThePath) {
    const auto ledger = LedgerDatabase::open("/nonexistent/a\nb\x1b/ledger.sqlite");
    ASSERT_FALSE(ledger);
    EXPECT_THAT(ledger.error(), Not(HasSubstr("\n")));
    EXPECT_THAT(ledger.error(), HasSubstr("/nonexistent/a\\nb\\x1b/ledger.sqlite"));
}

TEST(FormatUtc, IsIso8601WithMicroseconds) {
    using std::chrono::system_clock;
    EXPECT_EQ(format_utc(system_clock::time_point{}), "1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(format_utc(system_clock::time_point{} - 1us), "1969-12-31T23:59:59.999999Z");
    EXPECT_EQ(format_utc(std::chrono::sys_days(std::chrono::February / 29 / 2024) + 23h + 59min + 59s + 1us),
              "2024-02-29T23:59:59.000001Z");
}

}  // namespace
}  // namespace mynah::server

#include "server/ledger.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "conc/conc.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::server {
namespace {

class LedgerFile : public ::testing::Test {
  protected:
    LedgerFile() {
        std::string folder = (std::filesystem::temp_directory_path() / "mynah-ledger-XXXXXX").string();
        folder_ = ::mkdtemp(folder.data());
    }
    ~LedgerFile() override { std::filesystem::remove_all(folder_); }

    std::string path() const { return folder_ + "/ledger.sqlite"; }

    std::int64_t rows() const {
        sqlite3* database = nullptr;
        sqlite3_stmt* count = nullptr;
        EXPECT_EQ(sqlite3_open_v2(path().c_str(), &database, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
        EXPECT_EQ(sqlite3_prepare_v2(database, "select count(*) from sessions", -1, &count, nullptr), SQLITE_OK);
        EXPECT_EQ(sqlite3_step(count), SQLITE_ROW);
        const std::int64_t result = sqlite3_column_int64(count, 0);
        sqlite3_finalize(count);
        sqlite3_close(database);
        return result;
    }

    static conc::Task<void> write(Ledger* ledger, std::uint64_t records) {
        conc::WaitGroup writing;
        writing.go([ledger] { return ledger->run(); });
        for (std::uint64_t id = 1; id <= records; ++id) {
            ledger->record({.id = id, .instance = "test", .transport = "tcp"});
        }
        ledger->close();
        co_await writing.wait();
    }

    std::string folder_;
};

TEST_F(LedgerFile, HoldsEveryRecordOnceRunHasReturned) {
    Ledger ledger(path());
    constexpr std::uint64_t kRecords = 3000;  // several batches
    test::run_task({.workers = 2}, write(&ledger, kRecords));
    EXPECT_EQ(ledger.written(), kRecords);
    EXPECT_EQ(ledger.lost(), 0U);
    EXPECT_EQ(rows(), static_cast<std::int64_t>(kRecords));
}

TEST_F(LedgerFile, IsNotOpenedBeforeTheFirstRecord) {
    Ledger ledger(path());
    test::run_task({.workers = 1}, write(&ledger, 0));
    EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(LedgerFile, ThatCannotBeOpenedLosesRowsAndGoesOn) {
    Ledger ledger(folder_ + "/no/such/folder/ledger.sqlite");
    test::run_task({.workers = 1}, write(&ledger, 10));
    EXPECT_EQ(ledger.written(), 0U);
    EXPECT_EQ(ledger.lost(), 10U);
}

TEST_F(LedgerFile, QueueThatIsFullCostsRowsAndNeverWaits) {
    Ledger ledger(path());
    const auto overfill = [](Ledger* full) -> conc::Task<void> {
        for (std::uint64_t id = 1; id <= 20'000; ++id) {
            full->record({.id = id});  // nobody writes yet
        }
        const std::uint64_t lost = full->lost();
        EXPECT_GT(lost, 0U);
        EXPECT_EQ(full->queued(), 20'000U - lost);
        full->close();
        co_await full->run();
        EXPECT_EQ(full->written() + lost, 20'000U);
        EXPECT_EQ(full->queued(), 0U);
    };
    test::run_task({.workers = 1}, overfill(&ledger));
}

}  // namespace
}  // namespace mynah::server

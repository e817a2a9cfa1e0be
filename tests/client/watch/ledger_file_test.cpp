#include "client/watch/ledger_file.hpp"

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

namespace mynah::client::watch {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kSchema = R"(
CREATE TABLE sessions (probe_run TEXT, probe_connection INTEGER, instance TEXT, close_reason TEXT, bytes_in INTEGER,
                       bytes_out INTEGER, discarded_after_fin INTEGER);
PRAGMA user_version = 2;
PRAGMA journal_mode = WAL;
)";

class WatchLedgerFile : public testing::Test {
  protected:
    WatchLedgerFile() {
        std::string name = (std::filesystem::temp_directory_path() / "mynah-watch-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    ~WatchLedgerFile() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::string path() const { return (folder_ / "led?ger#%20.sqlite").string(); }

    using Writer = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;

    /// What mynahd does, as long as it is kept.
    [[nodiscard]] Writer write(const std::string& sql) const {
        sqlite3* opened = nullptr;
        EXPECT_EQ(sqlite3_open(path().c_str(), &opened), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(opened, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(opened);
        return {opened, &sqlite3_close};
    }

    [[nodiscard]] std::ptrdiff_t files() const {
        return std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator());
    }

    std::filesystem::path folder_;
};

constexpr const char* kRows = R"(
INSERT INTO sessions VALUES ('00000000000000ab', 1, 'one', 'drained', 10, 9, 8);
INSERT INTO sessions VALUES ('fedcba9876543210', 1, 'one', 'drained', 1, 1, 1);
INSERT INTO sessions VALUES (NULL, NULL, 'one', 'drained', 1, 1, 1);
INSERT INTO sessions VALUES ('00000000000000ab', 2, 'two', 'reset', 7, 6, 0);
)";

const LedgerRow kFirst{.connection = 1,
                       .instance = "one",
                       .close_reason = "drained",
                       .bytes_in = 10,
                       .bytes_out = 9,
                       .discarded_after_fin = 8};
const LedgerRow kSecond{.connection = 2, .instance = "two", .close_reason = "reset", .bytes_in = 7, .bytes_out = 6};

TEST_F(WatchLedgerFile, ReadsTheRowsOfOneRunWhileTheServerWrites) {
    const Writer writer = write(std::string(kSchema) + kRows);
    EXPECT_TRUE(std::filesystem::exists(path() + "-wal"));
    const auto rows = read_ledger(path(), 0xAB);
    ASSERT_TRUE(rows) << rows.error();
    EXPECT_THAT(*rows, ElementsAre(kFirst, kSecond));
    const auto others = read_ledger(path(), 0xFEDCBA9876543210);
    ASSERT_TRUE(others) << others.error();
    EXPECT_EQ(others->size(), 1U);
    EXPECT_EQ(check_ledger(path()), std::nullopt);
}

TEST_F(WatchLedgerFile, ReadsAFileInAFolderThatItMayNotWriteTo) {
    {
        const Writer writer = write(std::string(kSchema) + kRows);
    }
    EXPECT_FALSE(std::filesystem::exists(path() + "-wal"));
    using std::filesystem::perms;
    std::filesystem::permissions(path(), perms::owner_read | perms::group_read | perms::others_read);
    std::filesystem::permissions(folder_, perms::owner_read | perms::owner_exec | perms::group_read |
                                              perms::group_exec | perms::others_read | perms::others_exec);
    constexpr uid_t kNobody = 65534;
    const uid_t user = ::geteuid();
    const bool is_root = user == 0;  // whom permissions do not stop
    ASSERT_TRUE(!is_root || ::seteuid(kNobody) == 0);
    const auto rows = read_ledger(path(), 0xAB);
    const auto problem = check_ledger(path());
    ASSERT_TRUE(!is_root || ::seteuid(user) == 0);
    ASSERT_TRUE(rows) << rows.error();
    EXPECT_THAT(*rows, ElementsAre(kFirst, kSecond));
    EXPECT_EQ(problem, std::nullopt);
    std::filesystem::permissions(folder_, perms::owner_all);
}

TEST_F(WatchLedgerFile, LeavesNothingBehind) {
    {
        const Writer writer = write(std::string(kSchema) + kRows);
    }
    const auto rows = read_ledger(path(), 0xAB);
    ASSERT_TRUE(rows) << rows.error();
    EXPECT_THAT(*rows, ElementsAre(kFirst, kSecond));
    EXPECT_EQ(check_ledger(path()), std::nullopt);
    EXPECT_EQ(files(), 1) << "the server may be another user";
}

TEST_F(WatchLedgerFile, AFileThatIsNotThereYetMayCome) {
    EXPECT_EQ(check_ledger(path()), std::nullopt);
    const auto rows = read_ledger(path(), 1);
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error(),
              "cannot read ledger " + path() + ": unable to open database file (No such file or directory)");
    EXPECT_THAT(check_ledger((folder_ / "no" / "ledger").string()).value_or(""),
                AllOf(HasSubstr("there is no folder "), HasSubstr("/no, so no ledger in it")));
    EXPECT_EQ(files(), 0) << "reading has made something";
}

TEST_F(WatchLedgerFile, AnOlderFileIsBroughtUpToDateByItsServer) {
    {
        const Writer writer = write("CREATE TABLE sessions (id); PRAGMA user_version = 1");
    }
    EXPECT_EQ(check_ledger(path()), std::nullopt);
    const auto rows = read_ledger(path(), 1);
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error(), "cannot read ledger " + path() + ": its schema has version 1; this mynah knows 2");
}

TEST_F(WatchLedgerFile, WhatIsNoLedgerIsTold) {
    {
        const Writer writer = write("CREATE TABLE other (id)");
    }
    EXPECT_EQ(check_ledger(path()), path() + " is a database, but no ledger of mynahd");
    {
        const Writer writer = write("PRAGMA user_version = 3");
    }
    EXPECT_THAT(check_ledger(path()).value_or(""), HasSubstr("version 3"));
    std::ofstream(path()) << "This is somebody's letter, not a database. " << std::string(4096, 'x');
    EXPECT_THAT(check_ledger(path()).value_or(""), HasSubstr("file is not a database"));
    EXPECT_THAT(check_ledger(folder_.string()).value_or(""), HasSubstr("Is a directory"));
    EXPECT_THAT(check_ledger("/no\nfolder/x").value_or(""), Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace mynah::client::watch

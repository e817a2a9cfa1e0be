// A database that is opened on first use, once, however many tasks ask for it at the same time: Once around an open
// that blocks, which therefore runs beside the workers.
#include <iostream>
#include <memory>
#include <stdexcept>

#include <sqlite3.h>

#include "conc/conc.hpp"

namespace conc = mynah::conc;

namespace {

using Database = std::unique_ptr<sqlite3, decltype([](sqlite3* handle) { sqlite3_close(handle); })>;

Database open() {
    std::cout << "opening the database\n";
    sqlite3* handle = nullptr;
    const int status = sqlite3_open(":memory:", &handle);
    Database database(handle);  // SQLite wants a handle closed that it could not open
    if (status != SQLITE_OK ||
        sqlite3_exec(handle, "CREATE TABLE visits (task INTEGER)", nullptr, nullptr, nullptr) != SQLITE_OK) {
        throw std::runtime_error(sqlite3_errmsg(handle));
    }
    return database;
}

conc::Task<Database> open_beside_the_workers() {
    co_return co_await conc::blocking(open);
}

conc::Task<void> visit() {
    conc::OnceValue<Database> lazy(open_beside_the_workers);
    std::cout << (lazy.peek() == nullptr ? "nothing is open yet\n" : "open too early\n");

    conc::WaitGroup wg;
    for (int task = 1; task <= 10; ++task) {
        wg.go([&lazy]() -> conc::Task<void> {
            Database& database = co_await lazy.get();  // the first opens it, the others wait without holding a worker
            sqlite3_exec(database.get(), "INSERT INTO visits VALUES (1)", nullptr, nullptr, nullptr);
        });
    }
    co_await wg.wait();

    Database& database = co_await lazy.get();  // from now on this is one atomic load
    std::cout << sqlite3_total_changes(database.get()) << " visits\n";
}

}  // namespace

int main() {
    conc::Scheduler scheduler({.workers = 4});
    scheduler.run(visit());
}

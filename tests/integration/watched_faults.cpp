#include "tests/integration/watched_faults.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/admin_client.hpp"
#include "tests/integration/daemon.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/ledger_file.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/watch_run.hpp"

namespace mynah::integration {
namespace {

Daemon::Options options(const std::string& transport, const std::vector<std::string>& faults,
                        const ScratchFolder& folder) {
    Daemon::Options all{
        .arguments = {"--admin", "http://127.0.0.1:0"},
        .listen = {transport == "unix" ? "unix://" + folder.path("echo") : transport + "://127.0.0.1:0"},
        .ledger = "sqlite:" + folder.path("ledger")};
    for (const std::string& fault : faults) {
        all.arguments.insert(all.arguments.end(), {"--fault", fault});
    }
    return all;
}

}  // namespace

std::uint64_t WatchedFaults::came_back() const {
    std::uint64_t sum = 0;
    for (const char* fate : {"echoed", "corrupted", "duplicated", "misdelivered", "reordered", "foreign"}) {
        sum += watch.bytes(fate);
    }
    return sum;
}

FaultyWatch::FaultyWatch(const std::string& transport, const std::vector<std::string>& faults,
                         std::vector<std::string> watch)
    : daemon_(options(transport, faults, folder_)), watch_(daemon_.endpoint().text(), std::move(watch)) {}

void FaultyWatch::wait_for_faults(const std::string& kind, double count) {
    wait_for("mynahd_faults_total{kind=\"" + kind + "\"}", count);
}

void FaultyWatch::wait_for(const std::string& metric, double least) {
    double last = 0;
    EXPECT_TRUE(eventually([&] {
        const Numbers numbers = metrics_of(daemon_.admin());
        last = metric.ends_with('}') ? numbers[metric] : numbers.sum(metric);
        return last >= least;
    })) << metric
        << " is " << last;
}

WatchedFaults FaultyWatch::end() {
    WatchedFaults ended{.watch = watch_.end(), .log = {}, .rows = {}};
    EXPECT_EQ(daemon_.terminate_and_wait(), 0);
    ended.log = daemon_.log();
    ended.rows = read_ledger(folder_.path("ledger"));
    return ended;
}

void expect_same_connections(const WatchedFaults& ended) {
    // A port may be used again: by a session that comes later, and so is a later row.
    std::map<std::string, std::deque<const LedgerRow*>> by_peer;
    for (const LedgerRow& row : ended.rows) {
        by_peer[row.peer].push_back(&row);
    }
    for (const nlohmann::json& connection : ended.watch.json["connections"]["list"]) {
        std::deque<const LedgerRow*>& rows = by_peer[connection["local"].get<std::string>()];
        if (rows.empty()) {
            ADD_FAILURE() << "the daemon knows nothing of " << connection;
            continue;
        }
        EXPECT_EQ(connection["bytes"]["echoed"], rows.front()->bytes_out) << connection;
        EXPECT_GE(connection["bytes"]["sent"], rows.front()->bytes_in + rows.front()->discarded_after_fin)
            << connection;
        rows.pop_front();
    }
}

}  // namespace mynah::integration

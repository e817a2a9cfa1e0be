// watched_faults.hpp -- mynah watch against a mynahd that commits faults, and what both say of it at the end.
//
// What     FaultyWatch starts both, waits until enough has been done, and ends first the watch, then the daemon. The
//          Verdicts of the two are its report, and the daemon's log and ledger.
// Threads  that of the test.
// Errors   what does not end well fails the test.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/integration/daemon.hpp"
#include "tests/integration/ledger_file.hpp"
#include "tests/integration/watch_run.hpp"

namespace mynah::integration {

struct WatchedFaults {
    WatchReport watch;
    std::string log;              // the daemon's
    std::vector<LedgerRow> rows;  // one for each session

    // What the daemon says that it has done: "drop", "drop_bytes".
    [[nodiscard]] std::uint64_t done(const std::string& name) const {
        return logged_number(log, " faults delay=", name);
    }
    // From its summary: "bytes_in".
    [[nodiscard]] std::uint64_t total(const std::string& name) const {
        return logged_number(log, " drain phase=stopped", name);
    }
    // Of the bytes that the watch has sent, those that no session ever read: the end of the connection came before.
    [[nodiscard]] std::uint64_t never_read() const {
        return watch.bytes("sent") - total("bytes_in") - total("discarded_after_fin");
    }
    // What came back, whatever the watch made of it.
    [[nodiscard]] std::uint64_t came_back() const;
};

class FaultyWatch {
  public:
    // `transport`: "tcp", "unix" or "udp". `watch`: further arguments of mynah watch.
    FaultyWatch(const std::string& transport, const std::vector<std::string>& faults, std::vector<std::string> watch);

    [[nodiscard]] Daemon& daemon() { return daemon_; }
    [[nodiscard]] Process& process() { return watch_.process(); }

    // Waits until the daemon has done so many faults of a kind; fails the test where it does not.
    void wait_for_faults(const std::string& kind, double count);
    // Waits until this line of /metrics says so much; or all lines of a name, where it has no labels.
    void wait_for(const std::string& metric, double least);

    [[nodiscard]] WatchedFaults end();

  private:
    ScratchFolder folder_;
    Daemon daemon_;
    WatchRun watch_;
};

// Each connection of a watch over TCP beside the daemon's session: what was echoed is what that one wrote.
void expect_same_connections(const WatchedFaults& ended);

}  // namespace mynah::integration

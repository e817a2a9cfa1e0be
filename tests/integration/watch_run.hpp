// watch_run.hpp -- mynah watch, run until a test has seen enough, and what it reported.
//
// What     WatchRun starts it with --json; end() interrupts it, waits, and checks what holds for every report: each
//          connection's bytes add up, and all connections' to those of the whole.
// Threads  that of the test.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/integration/daemon.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {

struct WatchReport {
    int status = -1;
    std::string out;
    std::string err;
    nlohmann::json json;

    [[nodiscard]] std::uint64_t bytes(const char* name) const { return json["bytes"][name].get<std::uint64_t>(); }
    [[nodiscard]] std::string verdict() const { return json["verdict"].get<std::string>(); }
    /// The cases of loss as "kind offset bytes".
    [[nodiscard]] std::vector<std::string> losses() const;
    [[nodiscard]] const nlohmann::json& connection(std::size_t index) const {
        return json["connections"]["list"].at(index);
    }
};

class WatchRun {
  public:
    /// For an hour, unless `more` says otherwise.
    WatchRun(const std::string& address, std::vector<std::string> more);

    [[nodiscard]] Process& process() { return process_; }
    /// `interrupts`: sent until it has ended, at least one.
    [[nodiscard]] WatchReport end(bool interrupt = true);

  private:
    ScratchFolder folder_;
    Process process_;
};

}  // namespace mynah::integration

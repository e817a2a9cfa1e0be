// options.hpp -- what mynah watch was asked for.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/watch/fail_condition.hpp"
#include "net/address.hpp"
#include "net/probe_frame.hpp"

namespace mynah::client::watch {

inline constexpr std::size_t kMostConnections = 100'000;
inline constexpr std::uint64_t kHighestRate = 1'000'000;
inline constexpr std::uint64_t kFramesEach = 10;  // a second, on each connection
inline constexpr std::size_t kLeastFrameBytes = net::kProbeHeaderBytes;
inline constexpr std::size_t kLargestFrameBytes = 65'507;  // that a UDP datagram over IPv4 has room for

struct Options {
    net::Address address = {};
    std::size_t connections = 10;
    std::optional<std::uint64_t> rate = std::nullopt;  // frames a second, on all connections together
    std::size_t frame_bytes = 256;                     // with the header
    std::chrono::nanoseconds duration = std::chrono::seconds(60);
    std::chrono::nanoseconds timeout = std::chrono::seconds(5);
    std::vector<FailCondition> fail_on = {};
    std::vector<std::string> ledger_paths = {};  // SQLite files of the servers
    std::string json_path = {};                  // empty: none
    std::string html_path = {};

    std::uint64_t frames_per_second() const { return rate.value_or(kFramesEach * connections); }
};

}  // namespace mynah::client::watch

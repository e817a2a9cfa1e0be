// options.hpp -- what mynah load was asked for.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "net/address.hpp"
#include "net/driver.hpp"

namespace mynah::client::load {

inline constexpr std::size_t kMostConnections = 1'000'000;
inline constexpr std::size_t kDeepest = 65'536;
inline constexpr std::uint64_t kLargestMessageBytes = std::uint64_t{1} << 30U;
inline constexpr std::size_t kSmallestDatagram = 16;  // what it needs for the numbers that it is known by
inline constexpr std::uint64_t kHighestRate = 10'000'000;

struct SizeRange {
    std::uint64_t least = 64;
    std::uint64_t most = 64;
    friend bool operator==(const SizeRange&, const SizeRange&) = default;
};

struct Options {
    net::Address address = {};
    std::size_t connections = 10;
    std::optional<std::chrono::nanoseconds> duration = std::chrono::seconds(10);  // nullopt: until `count` is reached
    std::optional<std::uint64_t> count = std::nullopt;                            // messages after the warm-up
    SizeRange message_bytes = {};
    std::size_t depth = 1;  // messages in flight on a connection, at most
    std::optional<std::uint64_t> rate =
        std::nullopt;  // messages a second, on all connections together; nullopt: a closed loop
    std::chrono::nanoseconds warm_up{0};
    std::chrono::nanoseconds timeout = std::chrono::seconds(5);
    net::DriverKind driver = net::DriverKind::automatic;
    std::string json_path = {};  // empty: none
    std::string html_path = {};
};

}  // namespace mynah::client::load

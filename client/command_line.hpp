// command_line.hpp -- what the user asked for.
//
// What     parse_command_line turns mynah's arguments into a Command, or into what to print instead of running one: a
//          help text, the version, or one line that says what is wrong.
// Threads  any.
// Errors   never throws for what a user can type; a mistake is an Answer with ExitStatus::usage.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "client/compare/options.hpp"
#include "client/exit_status.hpp"
#include "client/load/options.hpp"
#include "client/watch/options.hpp"
#include "net/address.hpp"

namespace mynah::client {

inline constexpr std::chrono::nanoseconds kDefaultTimeout = std::chrono::seconds(5);
inline constexpr std::size_t kLargestProbeBytes = std::size_t{1024} * 1024;
/// What fits into a datagram over IPv4.
inline constexpr std::size_t kLargestDatagramBytes = 65'507;

struct SendOptions {
    net::Address address;
    std::optional<std::string> text;  // nullopt: standard input
    std::chrono::nanoseconds timeout = kDefaultTimeout;
    std::size_t datagram_bytes = 1200;  // udp: of standard input, at most; no network cuts so few into pieces
};

struct ChatOptions {
    net::Address address;
    std::chrono::nanoseconds timeout = kDefaultTimeout;
};

struct PingOptions {
    net::Address address;
    std::optional<std::uint64_t> count;  // nullopt: until interrupted
    std::chrono::nanoseconds interval = std::chrono::seconds(1);
    std::size_t probe_bytes = 56;
    std::chrono::nanoseconds timeout = kDefaultTimeout;
    std::string json_path = {};  // empty: none
};

using Command = std::variant<SendOptions, ChatOptions, PingOptions, load::Options, watch::Options, compare::Options>;

/// What to print and how to end when there is no command to run.
struct Answer {
    ExitStatus status = ExitStatus::verified;
    std::string output;  // for stdout
    std::string error;   // for stderr: one line
};

/// `arguments` without the program's name.
std::expected<Command, Answer> parse_command_line(const std::vector<std::string>& arguments);

/// The text of `mynah --help` (empty name), or of `mynah NAME --help`.
std::string_view help_text(std::string_view command_name);

}  // namespace mynah::client

#include "client/watch/command_line.hpp"

#include <chrono>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/command_line_values.hpp"
#include "client/report_file.hpp"
#include "client/watch/fail_condition.hpp"
#include "client/watch/options.hpp"
#include "net/address.hpp"

namespace mynah::client::watch {
namespace {

Parsed<std::size_t> read_size(const std::string& text) {
    const auto bytes = read_number("--size", text, kLargestFrameBytes);
    if (!bytes || *bytes < kLeastFrameBytes) {
        return std::unexpected(fmt::format("--size: {} is not a whole number from {} (a frame's header) to {}",
                                           in_quotes(text), kLeastFrameBytes, kLargestFrameBytes));
    }
    return *bytes;
}

/// The path behind "sqlite:", as mynahd has it; none twice, or its rows would be there twice.
Parsed<std::vector<std::string>> read_ledgers(const std::vector<std::string>& typed, const net::Address& address) {
    constexpr std::string_view kScheme = "sqlite:";
    if (!typed.empty() && address.transport() == net::Transport::udp) {
        return std::unexpected(
            "--ledger is for tcp:// and unix:// addresses: a ledger has one row for all datagrams of a socket, whose "
            "peer is *");
    }
    std::vector<std::string> paths;
    std::set<std::filesystem::path> files;
    for (const std::string& text : typed) {
        if (!text.starts_with(kScheme) || text.size() == kScheme.size()) {
            return std::unexpected(fmt::format("--ledger: {} is not sqlite:PATH", in_quotes(text)));
        }
        paths.push_back(text.substr(kScheme.size()));
        std::error_code error;  // what cannot be looked up is told when it is opened
        if (!files.insert(std::filesystem::weakly_canonical(paths.back(), error)).second && !error) {
            return std::unexpected(fmt::format("--ledger: {} was given before", in_quotes(text)));
        }
    }
    return paths;
}

}  // namespace

Parsed<Options> read_options(const Typed& typed, net::Address address, std::chrono::nanoseconds timeout) {
    Options options{.address = std::move(address), .timeout = timeout};
    if (typed.connections) {
        const auto connections = read_number("--connections", *typed.connections, kMostConnections);
        if (!connections) {
            return std::unexpected(connections.error());
        }
        options.connections = *connections;
    }
    if (typed.rate) {
        const auto rate = read_number("--rate", *typed.rate, kHighestRate);
        if (!rate) {
            return std::unexpected(rate.error());
        }
        options.rate = *rate;
    }
    if (typed.size) {
        const auto size = read_size(*typed.size);
        if (!size) {
            return std::unexpected(size.error());
        }
        options.frame_bytes = *size;
    }
    const auto duration = read_duration("--duration", typed.duration, options.duration);
    if (!duration) {
        return std::unexpected(duration.error());
    }
    options.duration = *duration;
    for (const std::string& text : typed.fail_on) {
        const auto condition = FailCondition::parse(text);
        if (!condition) {
            return std::unexpected(condition.error());
        }
        options.fail_on.push_back(*condition);
    }
    auto ledgers = read_ledgers(typed.ledgers, options.address);
    if (!ledgers) {
        return std::unexpected(std::move(ledgers.error()));
    }
    options.ledger_paths = *std::move(ledgers);
    auto paths = read_report_paths(typed.json, typed.html);
    if (!paths) {
        return std::unexpected(std::move(paths.error()));
    }
    options.json_path = std::move(paths->json);
    options.html_path = std::move(paths->html);
    for (const std::string& ledger : options.ledger_paths) {
        std::string mistake =
            same_file({{"--json", options.json_path}, {"--html", options.html_path}, {"--ledger", ledger}});
        if (!mistake.empty()) {
            return std::unexpected(std::move(mistake));
        }
    }
    return options;
}

}  // namespace mynah::client::watch

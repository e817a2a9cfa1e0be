#include "client/load/command_line.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "client/command_line_values.hpp"
#include "client/load/options.hpp"
#include "client/report_file.hpp"
#include "net/address.hpp"
#include "net/driver.hpp"

namespace mynah::client::load {
namespace {

constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();

/// "64" or "1-1400".
Parsed<SizeRange> read_size(const std::string& text) {
    const std::size_t dash = text.find('-');
    const auto least = read_number("--size", std::string_view(text).substr(0, dash), kLargestMessageBytes);
    const auto most = dash == std::string::npos
                          ? least
                          : read_number("--size", std::string_view(text).substr(dash + 1), kLargestMessageBytes);
    if (!least || !most) {
        return std::unexpected(
            fmt::format("--size: {} is neither a number of bytes nor a range such as 1-1400, up to {}", in_quotes(text),
                        kLargestMessageBytes));
    }
    if (*least > *most) {
        return std::unexpected(fmt::format("--size: {} is a range that ends before it begins", in_quotes(text)));
    }
    return SizeRange{.least = *least, .most = *most};
}

/// Reads a number where one was typed. Nothing: all is well.
template <class T>
std::optional<std::string> read_into(T& value, std::string_view flag, const std::optional<std::string>& text,
                                     std::uint64_t most) {
    if (!text) {
        return std::nullopt;
    }
    const auto number = read_number(flag, *text, most);
    if (!number) {
        return number.error();
    }
    value = *number;
    return std::nullopt;
}

std::optional<std::string> read_into(std::optional<std::chrono::nanoseconds>& value, std::string_view flag,
                                     const std::optional<std::string>& text) {
    if (!text) {
        return std::nullopt;
    }
    const auto duration = read_duration(flag, text, {});
    if (!duration) {
        return duration.error();
    }
    value = *duration;
    return std::nullopt;
}

std::optional<std::string> read_numbers(const Typed& typed, Options& options) {
    if (auto error = read_into(options.connections, "--connections", typed.connections, kMostConnections)) {
        return error;
    }
    if (auto error = read_into(options.depth, "--depth", typed.depth, kDeepest)) {
        return error;
    }
    if (auto error = read_into(options.rate, "--rate", typed.rate, kHighestRate)) {
        return error;
    }
    return read_into(options.count, "--count", typed.count, kAny);
}

}  // namespace

Parsed<Options> read_options(const Typed& typed, net::Address address, std::chrono::nanoseconds timeout) {
    Options options{.address = std::move(address), .timeout = timeout};
    if (const auto error = read_numbers(typed, options)) {
        return std::unexpected(*error);
    }
    if (options.count) {
        options.duration.reset();  // as many as were asked for, however long that takes; unless -d says otherwise
    }
    if (const auto error = read_into(options.duration, "--duration", typed.duration)) {
        return std::unexpected(*error);
    }
    const auto warm_up = read_duration("--warm-up", typed.warm_up, options.warm_up);
    if (!warm_up) {
        return std::unexpected(warm_up.error());
    }
    options.warm_up = *warm_up;
    if (typed.size) {
        const auto size = read_size(*typed.size);
        if (!size) {
            return std::unexpected(size.error());
        }
        options.message_bytes = *size;
    }
    if (typed.driver) {
        const auto driver = net::parse_driver(*typed.driver);
        if (!driver) {
            return std::unexpected("--driver: " + printable(driver.error()));
        }
        options.driver = *driver;
    }
    auto paths = read_report_paths(typed.json, typed.html);
    if (!paths) {
        return std::unexpected(std::move(paths.error()));
    }
    options.json_path = std::move(paths->json);
    options.html_path = std::move(paths->html);
    return options;
}

}  // namespace mynah::client::load

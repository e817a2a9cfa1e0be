#include "client/compare/command_line.hpp"

#include <charconv>
#include <expected>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "client/command_line_values.hpp"
#include "client/compare/options.hpp"
#include "client/report_file.hpp"

namespace mynah::client::compare {
namespace {

constexpr double kLargestPercent = 1'000;

/// "10%", or "10".
Parsed<double> read_threshold(std::string_view text) {
    const std::string_view digits = text.ends_with('%') ? text.substr(0, text.size() - 1) : text;
    double percent = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, percent);
    // Written so that what is not a number fails as well.
    if (error != std::errc() || stop != end || !(percent > 0 && percent <= kLargestPercent)) {
        return std::unexpected(fmt::format("--threshold: {} is no percentage above 0 and up to {}, such as 10%",
                                           in_quotes(text), kLargestPercent));
    }
    return percent / 100;
}

}  // namespace

Parsed<Options> read_options(const Typed& typed) {
    Options options{.before = typed.before, .after = typed.after, .json_path = {}};
    if (typed.threshold) {
        const auto threshold = read_threshold(*typed.threshold);
        if (!threshold) {
            return std::unexpected(threshold.error());
        }
        options.threshold = *threshold;
    }
    auto json = read_file_name("--json", typed.json);
    if (!json) {
        return std::unexpected(std::move(json.error()));
    }
    options.json_path = *std::move(json);
    for (const NamedFile& report : {NamedFile{"BEFORE.json", options.before}, NamedFile{"AFTER.json", options.after}}) {
        if (std::string mistake = same_file({{"--json", options.json_path}, report}); !mistake.empty()) {
            return std::unexpected(std::move(mistake));
        }
    }
    return options;
}

}  // namespace mynah::client::compare

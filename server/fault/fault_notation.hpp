// fault_notation.hpp -- fault rules as text: "KIND[,KEY=VALUE]...".
// What     parse_fault("corrupt,mean=10000,seed=7") gives the rule, or the reason why not, fit to be put after
//          "--fault: ". show_fault gives the text from which parse_fault makes the same rule.
// Threads  any: pure functions.
// Errors   the reason quotes what is wrong, escaped, and says what is accepted.
#pragma once

#include <array>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/configuration_values.hpp"
#include "server/fault/fault_rule.hpp"

namespace mynah::server {

/// What a rule may say besides its kind; a table of the file has `kind` too.
inline constexpr std::array<std::string_view, 8> kFaultKeys{"listener", "mean",     "every", "at",
                                                            "length",   "duration", "seed",  "by"};

[[nodiscard]] Parsed<FaultRule> parse_fault(std::string_view text);

[[nodiscard]] std::string show_fault(const FaultRule& rule);

/// What each rule alone cannot tell: whether its listener is one of `listen`, and whether its kind makes sense over the
/// transport of each listener that it applies to.
[[nodiscard]] std::expected<void, std::string> check_fault(const FaultRule& rule, std::span<const std::string> listen);

}  // namespace mynah::server

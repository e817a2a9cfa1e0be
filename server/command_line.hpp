// command_line.hpp -- from argv, the environment and a file to one Configuration.
// What     parse_command_line lays flags over environment over file over defaults. What it gives is either a
//          configuration to serve with, or text to print (--help, --version, --check).
// Threads  call it before others are started: it reads the environment.
// Errors   a Failure is a value: one line for stderr, and the exit status. No exception escapes.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/configuration.hpp"
#include "server/configuration_keys.hpp"

namespace mynah::server {

inline constexpr int kExitDrained = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitCut = 3;

struct Outcome {
    Configuration configuration;
    /// Engaged: write this to stdout and exit with 0, instead of serving.
    std::optional<std::string> output;
};

struct Failure {
    std::string message;  // one line, without the program's name and the newline
    int exit_status = kExitUsage;
};

/// std::getenv, or a test's own. Null: not set; an empty value counts as not set.
using Environment = std::function<const char*(const char* name)>;

struct Surroundings {
    Environment environment;     // empty: std::getenv
    AddressCheck check_address;  // empty: every address passes
};

/// `arguments` are argv without the program's name.
[[nodiscard]] std::expected<Outcome, Failure> parse_command_line(const std::vector<std::string>& arguments,
                                                                 const Surroundings& surroundings);

[[nodiscard]] std::string help_text();
[[nodiscard]] std::string version_text();

}  // namespace mynah::server

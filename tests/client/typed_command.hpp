// typed_command.hpp -- what a command line is taken for, or how it is refused.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/command_line.hpp"
#include "client/exit_status.hpp"

namespace mynah::client::testing_support {

/// Its options; a line that is refused, or of another command, fails the test.
template <class Options>
Options typed(const std::vector<std::string>& arguments) {
    const auto command = parse_command_line(arguments);
    if (!command || !std::holds_alternative<Options>(*command)) {
        ADD_FAILURE() << (command ? "another command" : command.error().error);
        return Options{.address = {}};
    }
    return std::get<Options>(*command);
}

/// What is said of the mistake, in one line; a line that is accepted fails the test.
inline std::string mistake_in(const std::vector<std::string>& arguments) {
    const auto command = parse_command_line(arguments);
    if (command) {
        ADD_FAILURE() << "accepted";
        return {};
    }
    EXPECT_EQ(command.error().status, ExitStatus::usage);
    EXPECT_THAT(command.error().error, testing::MatchesRegex("mynah: [^\n]+\n"));
    return command.error().error;
}

}  // namespace mynah::client::testing_support

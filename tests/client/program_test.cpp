#include "client/program.hpp"

#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/command_line.hpp"
#include "net/descriptor.hpp"
#include "tests/client/test_files.hpp"

namespace mynah::client {
namespace {

using namespace testing_support;

struct Ran {
    int status;
    std::string output;
    std::string errors;
};

Ran run(const std::vector<std::string>& arguments) {
    const MemoryFile input;
    const MemoryFile output;
    const MemoryFile errors;
    const int status = run_program(arguments, {.input = input.fd(), .output = output.fd(), .error = errors.fd()});
    return {.status = status, .output = output.content(), .errors = errors.content()};
}

TEST(Program, HelpGoesToStandardOutput) {
    const Ran ran = run({"ping", "--help"});
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.output, help_text("ping"));
    EXPECT_EQ(ran.errors, "");
}

TEST(Program, AMistakeIsOneLineOnStandardError) {
    const Ran ran = run({"send", "nowhere", "hello"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_EQ(ran.output, "");
    EXPECT_THAT(ran.errors, testing::MatchesRegex("mynah: [^\n]+\n"));
}

TEST(Program, HelpThatCannotBeWrittenIsAFailure) {
    const net::Descriptor full = open_file("/dev/full", O_WRONLY);
    const MemoryFile input;
    const MemoryFile errors;
    EXPECT_EQ(run_program({"--help"}, {.input = input.fd(), .output = full.get(), .error = errors.fd()}), 1);
    EXPECT_EQ(errors.content(), "mynah: cannot write to standard output: No space left on device\n");
}

TEST(Program, CommandsEndWithTheirStatus) {
    // Port 1 (tcpmux) of this machine: nobody listens there.
    for (const char* command : {"ping", "chat", "load"}) {
        const Ran ran = run({command, "tcp://127.0.0.1:1"});
        EXPECT_EQ(ran.status, 3);
        EXPECT_EQ(ran.output, "");
        EXPECT_EQ(ran.errors, "mynah: cannot connect to tcp://127.0.0.1:1: Connection refused\n");
    }
}

}  // namespace
}  // namespace mynah::client

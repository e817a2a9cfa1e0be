#include "client/chat.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "tests/client/peer.hpp"
#include "tests/client/test_files.hpp"

namespace mynah::client {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;

CommandUnderTest chat(std::chrono::nanoseconds timeout = 30s) {
    return [timeout](net::Address address, Console* console) {
        return run_chat({.address = std::move(address), .timeout = timeout}, console);
    };
}

class Chat : public testing::TestWithParam<std::size_t> {
  protected:
    Outcome run(Behaviour behaviour, CommandUnderTest command, Plugs plugs = {}) {
        return run_against(GetParam(), std::move(behaviour), std::move(command), std::move(plugs));
    }
};

INSTANTIATE_TEST_SUITE_P(Workers, Chat, testing::Values(1, 2),
                         [](const auto& test) { return "On" + std::to_string(test.param); });

TEST_P(Chat, LinesComeBackAndTheEndOfInputEndsIt) {
    const Outcome outcome = run(echo, chat(), {.input_text = "one\ntwo\nno newline"});
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.output, "one\ntwo\nno newline");
    EXPECT_EQ(outcome.errors, "");
}

TEST_P(Chat, EachLineIsSentAsItIsTyped) {
    // The next line is typed only once the one before has come back.
    Pipe input;
    const auto type_after_each = [&input](Connection connection) -> conc::Task<void> {
        for (const std::string line : {"one\n", "two\n", "three\n"}) {
            EXPECT_EQ(::write(input.writer.get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
            const std::string text = co_await receive_exactly(connection.stream, line.size());
            EXPECT_EQ(text, line);
            (void)co_await connection.stream->send_all(text);
        }
        input.writer.reset();
        co_await echo(connection);
    };
    const Outcome outcome = run(type_after_each, chat(), {.input = input.reader.get(), .input_text = {}});
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.output, "one\ntwo\nthree\n");
    EXPECT_EQ(outcome.errors, "");
}

TEST_P(Chat, WaitsForWhatIsStillOnItsWay) {
    const auto answer_at_the_end = [](Connection connection) -> conc::Task<void> {
        const std::string all = co_await receive_exactly(connection.stream, 1'000'000);  // until our end of input
        EXPECT_EQ(all, "one\n");
        (void)co_await connection.stream->send_all(all);
    };
    const Outcome outcome = run(answer_at_the_end, chat(), {.input_text = "one\n"});
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.output, "one\n");
    EXPECT_EQ(outcome.errors, "");
}

TEST_P(Chat, AServerThatStaysIsNoFault) {
    const Outcome outcome = run(echo_and_stay, chat(300ms), {.input_text = "one\n"});
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.output, "one\n");
    EXPECT_EQ(outcome.errors, "");
}

TEST_P(Chat, TheServersEndIsSaid) {
    const Pipe input;
    ASSERT_EQ(::write(input.writer.get(), "one\n", 4), 4);
    const auto answer_and_leave = [](Connection connection) -> conc::Task<void> {
        const std::string text = co_await receive_exactly(connection.stream, 4);
        (void)co_await connection.stream->send_all(text);
    };
    const Outcome outcome = run(answer_and_leave, chat(), {.input = input.reader.get(), .input_text = {}});
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.output, "one\n");
    EXPECT_EQ(outcome.errors, "mynah: connection closed by peer\n");
}

TEST_P(Chat, BytesThatTheServerKeptAreALoss) {
    const auto answer_half = [](Connection connection) -> conc::Task<void> {
        const std::string text = co_await receive_exactly(connection.stream, 4);
        (void)co_await connection.stream->send_all(std::string_view(text).substr(0, 3));
    };
    const Outcome outcome = run(answer_half, chat(), {.input_text = "one\n"});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.output, "one");
    EXPECT_EQ(outcome.errors, "mynah: connection closed by peer: 1 byte did not come back\n");
}

TEST_P(Chat, AResetIsALoss) {
    const auto reset = [](Connection connection) -> conc::Task<void> {
        (void)co_await receive_exactly(connection.stream, 4);
        connection.stream->reset();
    };
    const Outcome outcome = run(reset, chat(), {.input_text = "one\n"});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.errors, "mynah: connection lost (Connection reset by peer): 4 bytes did not come back\n");
}

TEST_P(Chat, ASilentServerTimesOutAfterTheEndOfInput) {
    const Outcome outcome = run(listen_in_silence, chat(100ms), {.input_text = "one\n"});
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
    EXPECT_EQ(outcome.errors, "mynah: timed out: nothing came back for 100ms: 4 bytes did not come back\n");
}

TEST_P(Chat, ATerminalSeesNoRawControlCharacters) {
    const Terminal terminal;
    const Outcome outcome =
        run(echo, chat(), {.output = terminal.terminal.get(), .input_text = "\x1b]0;title\x07\xc2\x9b\n"});
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(terminal.seen(), "\\x1b]0;title\\x07\\xc2\\x9b\n");
}

TEST_P(Chat, AFullDiskIsSaid) {
    const net::Descriptor full = open_file("/dev/full", O_WRONLY);
    const Pipe input;
    ASSERT_EQ(::write(input.writer.get(), "one\n", 4), 4);
    const Outcome outcome = run(echo, chat(), {.input = input.reader.get(), .output = full.get(), .input_text = {}});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.errors, "mynah: cannot write to standard output: No space left on device\n");
}

TEST_P(Chat, NobodyThereIsUnreachable) {
    const Outcome outcome = run_against_nobody(GetParam(), chat());
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
}

}  // namespace
}  // namespace mynah::client

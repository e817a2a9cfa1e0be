#include "client/send.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include "client/command_line.hpp"
#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/source.hpp"
#include "client/transfer.hpp"
#include "conc/blocking.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/address.hpp"
#include "tests/client/peer.hpp"
#include "tests/client/test_files.hpp"

namespace mynah::client {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using testing::HasSubstr;

constexpr auto kPatient = 30s;

CommandUnderTest send_text(std::string text, std::chrono::nanoseconds timeout = kPatient) {
    return [text, timeout](net::Address address, Console* console) {
        return run_send({.address = std::move(address), .text = text, .timeout = timeout}, console);
    };
}

CommandUnderTest send_input(std::chrono::nanoseconds timeout = kPatient) {
    return [timeout](net::Address address, Console* console) {
        return run_send({.address = std::move(address), .text = std::nullopt, .timeout = timeout}, console);
    };
}

class Send : public testing::TestWithParam<std::size_t> {
  protected:
    Outcome run(Behaviour behaviour, CommandUnderTest command, Plugs plugs = {}) {
        return run_against(GetParam(), std::move(behaviour), std::move(command), std::move(plugs));
    }
};

INSTANTIATE_TEST_SUITE_P(Workers, Send, testing::Values(1, 2),
                         [](const auto& test) { return "On" + std::to_string(test.param); });

TEST_P(Send, ATextComesBackAsALine) {
    const Outcome outcome = run(echo, send_text("hello"));
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.output, "hello\n");
    EXPECT_EQ(outcome.errors, "");
}

TEST_P(Send, AnEmptyTextIsVerified) {
    const Outcome outcome = run(echo, send_text(""));
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.output, "\n");
    EXPECT_EQ(outcome.errors, "");
}

TEST_P(Send, StandardInputComesBackByteForByte) {
    // More than the window, and not a whole number of chunks.
    const std::string bytes = pattern(((Transfer::kWindowChunks + 3) * Source::kChunkBytes) + 17);
    const Outcome outcome = run(echo, send_input(), {.input_text = bytes});
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_TRUE(outcome.output == bytes);
    EXPECT_EQ(outcome.errors, "");
}

TEST_P(Send, EmptyStandardInputIsVerified) {
    const Outcome outcome = run(echo, send_input());
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.output, "");
}

TEST_P(Send, AServerThatStaysIsNoFault) {
    const Outcome outcome = run(echo_and_stay, send_text("hello", 300ms));
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.output, "hello\n");
    EXPECT_EQ(outcome.errors, "");
}

TEST_P(Send, AServerThatClosesOnceAllIsBackIsNoFault) {
    const auto once = [](Connection connection) -> conc::Task<void> {
        const std::string text = co_await receive_exactly(connection.stream, 5);
        (void)co_await connection.stream->send_all(text);
    };
    const Outcome outcome = run(once, send_text("hello"));
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.output, "hello\n");
    EXPECT_EQ(outcome.errors, "");
}

TEST_P(Send, ALyingServerIsCaughtWithTheOffset) {
    const auto lie = [](Connection connection) -> conc::Task<void> {
        std::string bytes = co_await receive_exactly(connection.stream, 300'000);
        bytes[200'000] = static_cast<char>(bytes[200'000] ^ 0x01);
        bytes[200'001] = static_cast<char>(bytes[200'001] ^ 0x01);
        bytes[299'999] = static_cast<char>(bytes[299'999] ^ 0x01);
        (void)co_await connection.stream->send_all(bytes);
    };
    const Outcome outcome = run(lie, send_input(), {.input_text = std::string(300'000, 'a')});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.output.size(), 300'000U);
    EXPECT_EQ(outcome.errors,
              "mynah: 3 of 300000 bytes came back different, the first at offset 200000: sent 0x61, got 0x60\n");
}

TEST_P(Send, AnEarlyEndIsALossWithItsOffset) {
    const auto stop_early = [](Connection connection) -> conc::Task<void> {
        const std::string text = co_await receive_exactly(connection.stream, 5);
        (void)co_await connection.stream->send_all(std::string_view(text).substr(0, 3));
    };
    const Outcome outcome = run(stop_early, send_text("hello"));
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.output, "hel\n");
    EXPECT_EQ(outcome.errors, "mynah: connection closed by peer at offset 3: 2 bytes did not come back\n");
}

TEST_P(Send, AResetIsALossWithItsOffset) {
    const auto reset = [](Connection connection) -> conc::Task<void> {
        (void)co_await receive_exactly(connection.stream, 5);
        connection.stream->reset();
    };
    const Outcome outcome = run(reset, send_text("hello"));
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.errors,
              "mynah: connection lost at offset 0 (Connection reset by peer): 5 bytes did not come back\n");
}

TEST_P(Send, AResetInTheMiddleOfALongTransferIsALoss) {
    const auto reset = [](Connection connection) -> conc::Task<void> {
        const std::string bytes = co_await receive_exactly(connection.stream, 1'000'000);
        (void)co_await connection.stream->send_all(std::string_view(bytes).substr(0, 500'000));
        connection.stream->reset();
    };
    const Outcome outcome = run(reset, send_input(), {.input_text = pattern(20'000'000)});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_THAT(outcome.errors, HasSubstr("did not come back"));
}

TEST_P(Send, ASilentServerTimesOut) {
    const Outcome outcome = run(listen_in_silence, send_text("hello", 100ms));
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
    EXPECT_EQ(outcome.errors, "mynah: timed out at offset 0: nothing came back for 100ms, 5 bytes did not come back\n");
}

TEST_P(Send, AServerThatReadsNothingTimesOut) {
    const Outcome outcome = run(stay, send_input(200ms), {.input_text = pattern(20'000'000)});
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
    EXPECT_THAT(outcome.errors, HasSubstr("timed out at offset 0"));
}

TEST_P(Send, MoreThanWasSentIsAMismatch) {
    const auto talk_too_much = [](Connection connection) -> conc::Task<void> {
        const std::string text = co_await receive_exactly(connection.stream, 5);
        (void)co_await connection.stream->send_all(text + "!!!");
        co_await stay(connection);
    };
    const Outcome outcome = run(talk_too_much, send_text("hello"));
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.output, "hello!!!\n");
    EXPECT_EQ(outcome.errors, "mynah: 3 bytes came back after offset 5 that nobody had sent\n");
}

TEST_P(Send, AServerThatSpeaksFirstIsAMismatch) {
    const auto greet = [](Connection connection) -> conc::Task<void> {
        (void)co_await connection.stream->send_all(std::string_view("220 ready\n"));
        co_await stay(connection);
    };
    const Pipe input;  // nothing is ever sent
    const Outcome outcome = run(greet, send_input(), {.input = input.reader.get(), .input_text = {}});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.errors, "mynah: 10 bytes came back after offset 0 that nobody had sent\n");
}

TEST_P(Send, APeerThatClosesWhileInputIsOpenIsALoss) {
    const Pipe input;
    ASSERT_EQ(::write(input.writer.get(), "hello", 5), 5);
    const auto once = [](Connection connection) -> conc::Task<void> {
        const std::string text = co_await receive_exactly(connection.stream, 5);
        (void)co_await connection.stream->send_all(text);
    };
    const Outcome outcome = run(once, send_input(), {.input = input.reader.get(), .input_text = {}});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.output, "hello");
    EXPECT_EQ(outcome.errors, "mynah: connection closed by peer at offset 5: not all input had been sent\n");
}

TEST_P(Send, InputThatTakesItsTimeIsNoTimeout) {
    Pipe input;
    // The input is silent for three timeouts before its first byte, and again before its end.
    const auto command = [&input](net::Address address, Console* console) -> conc::Task<ExitStatus> {
        conc::WaitGroup tasks;
        tasks.go([&input]() -> conc::Task<void> {
            co_await conc::sleep_for(900ms);
            EXPECT_EQ(::write(input.writer.get(), "late", 4), 4);
            co_await conc::sleep_for(900ms);
            input.writer.reset();
        });
        SendOptions options{.address = std::move(address), .text = std::nullopt, .timeout = 300ms};
        const ExitStatus status = co_await run_send(std::move(options), console);
        co_await tasks.wait();
        co_return status;
    };
    const Outcome outcome = run(echo, command, {.input = input.reader.get(), .input_text = {}});
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.output, "late");
    EXPECT_EQ(outcome.errors, "");
}

/// Reads all of `fd`, beginning after `delay`.
conc::Task<std::string> read_later(int fd, std::chrono::nanoseconds delay) {
    co_await conc::sleep_for(delay);
    auto work = [fd] {
        std::string all;
        std::array<char, 65536> buffer{};
        for (ssize_t count = 0; (count = ::read(fd, buffer.data(), buffer.size())) > 0;) {
            all.append(buffer.data(), static_cast<std::size_t>(count));
        }
        return all;
    };
    co_return co_await conc::blocking(std::move(work));
}

TEST_P(Send, AReaderOfTheOutputThatTakesItsTimeIsNoTimeout) {
    Pipe output;
    const std::string bytes = pattern(8'000'000);
    std::string seen;
    const auto command = [&](net::Address address, Console* console) -> conc::Task<ExitStatus> {
        conc::WaitGroup tasks;
        tasks.go([&]() -> conc::Task<void> { seen = co_await read_later(output.reader.get(), 1500ms); });
        SendOptions options{.address = std::move(address), .text = std::nullopt, .timeout = 500ms};
        const ExitStatus status = co_await run_send(std::move(options), console);
        output.writer.reset();
        co_await tasks.wait();
        co_return status;
    };
    const Outcome outcome = run(echo, command, {.output = output.writer.get(), .input_text = bytes});
    EXPECT_EQ(outcome.status, ExitStatus::verified) << outcome.errors;
    EXPECT_TRUE(seen == bytes);
}

TEST_P(Send, AFullDiskIsSaid) {
    const net::Descriptor full = open_file("/dev/full", O_WRONLY);
    const Outcome outcome = run(echo, send_text("hello"), {.output = full.get(), .input_text = {}});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.errors, "mynah: cannot write to standard output: No space left on device\n");
}

TEST_P(Send, AClosedPipeIsSaid) {
    Pipe output;
    output.reader.reset();
    const Outcome outcome = run(echo, send_input(), {.output = output.writer.get(), .input_text = pattern(10'000'000)});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.errors, "mynah: cannot write to standard output: Broken pipe\n");
}

TEST_P(Send, InputThatCannotBeReadIsSaid) {
    const net::Descriptor folder = open_file("/", O_RDONLY | O_DIRECTORY);
    const Outcome outcome = run(echo, send_input(), {.input = folder.get(), .input_text = {}});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.errors, "mynah: cannot read standard input: Is a directory\n");
}

TEST_P(Send, ATerminalSeesNoRawControlCharacters) {
    const Terminal terminal;
    const Outcome outcome =
        run(echo, send_text("a\x1b[2Jb\xe2\x82"), {.output = terminal.terminal.get(), .input_text = {}});
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(terminal.seen(), "a\\x1b[2Jb\\xe2\\x82\n");
}

TEST_P(Send, NobodyThereIsUnreachable) {
    const Outcome outcome = run_against_nobody(GetParam(), send_text("hello"));
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
    EXPECT_EQ(outcome.output, "");
    EXPECT_THAT(outcome.errors, testing::MatchesRegex("mynah: cannot connect to tcp://127.0.0.1:[0-9]+: "
                                                      "Connection refused\n"));
}

}  // namespace
}  // namespace mynah::client

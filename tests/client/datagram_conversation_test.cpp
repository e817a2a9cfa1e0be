// mynah chat over UDP: a line a datagram, and what becomes of lines that are lost or refused.
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include "client/chat.hpp"
#include "client/command_line.hpp"
#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "net/address.hpp"
#include "net/descriptor.hpp"
#include "tests/client/datagram_peer.hpp"
#include "tests/client/peer.hpp"
#include "tests/client/test_files.hpp"

namespace mynah::client {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using testing::ElementsAre;
using testing::MatchesRegex;

CommandUnderTest chat(std::chrono::nanoseconds timeout = 30s) {
    return [timeout](net::Address address, Console* console) {
        return run_chat({.address = std::move(address), .timeout = timeout}, console);
    };
}

class DatagramConversationTest : public testing::TestWithParam<std::size_t> {
  protected:
    Outcome run(Responder respond, CommandUnderTest command, Plugs plugs = {}) {
        return run_against_datagrams(GetParam(), answering(std::move(respond)), std::move(command), std::move(plugs));
    }
};

INSTANTIATE_TEST_SUITE_P(Workers, DatagramConversationTest, testing::Values(1, 2),
                         [](const auto& test) { return "On" + std::to_string(test.param); });

TEST_P(DatagramConversationTest, ALineIsADatagram) {
    std::vector<std::string> lines;
    const auto note = [&lines](std::size_t number, const std::string& text) {
        lines.push_back(text);
        return same(number, text);
    };
    const Outcome outcome = run(note, chat(), {.input_text = "one\n\nthree\nno newline"});
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.output, "one\n\nthree\nno newline");
    EXPECT_EQ(outcome.errors, "");
    EXPECT_THAT(lines, ElementsAre("one\n", "\n", "three\n", "no newline"));
}

TEST_P(DatagramConversationTest, EachLineIsSentAsItIsTyped) {
    // The next line is typed only once the one before has come, in pieces.
    Pipe input;
    const auto type = [&input](const std::string& text) {
        EXPECT_EQ(::write(input.writer.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    };
    const auto type_after_each = [&](std::size_t number, const std::string& text) {
        if (number == 1) {
            type("tw");
            type("o\nthree\n");
        } else if (number == 3) {
            input.writer.reset();
        }
        return same(number, text);
    };
    type("one\n");
    const Outcome outcome = run(type_after_each, chat(), {.input = input.reader.get(), .input_text = {}});
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.output, "one\ntwo\nthree\n");
    EXPECT_EQ(outcome.errors, "");
}

TEST_P(DatagramConversationTest, ALongLineGoesInSeveralDatagrams) {
    std::vector<std::size_t> sizes;
    const auto note = [&sizes](std::size_t number, const std::string& text) {
        sizes.push_back(text.size());
        return same(number, text);
    };
    const std::string line(100'000, 'x');
    const Outcome outcome = run(note, chat(), {.input_text = line + "\nshort\n"});
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.output, line + "\nshort\n");
    EXPECT_THAT(sizes, ElementsAre(kLargestDatagramBytes, 100'001 - kLargestDatagramBytes, 6));
}

TEST_P(DatagramConversationTest, ALostLineTimesOutAfterTheEndOfInput) {
    const auto drop_second = [](std::size_t number, const std::string& text) {
        return number == 2 ? std::vector<std::string>() : same(number, text);
    };
    const Outcome outcome = run(drop_second, chat(2s), {.input_text = "one\ntwo\nthree\n"});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.output, "one\nthree\n");
    EXPECT_EQ(outcome.errors, "mynah: timed out: nothing came back for 2s: 1 of 3 datagrams did not come back\n");
}

TEST_P(DatagramConversationTest, SilenceIsUnreachable) {
    const auto silent = [](std::size_t, const std::string&) { return std::vector<std::string>(); };
    const Outcome outcome = run(silent, chat(100ms), {.input_text = "one\n"});
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
    EXPECT_EQ(outcome.errors, "mynah: timed out: nothing came back for 100ms: 1 of 1 datagram did not come back\n");
}

TEST_P(DatagramConversationTest, ARefusalIsUnreachable) {
    const Pipe input;  // stays open
    ASSERT_EQ(::write(input.writer.get(), "one\n", 4), 4);
    const Outcome outcome =
        run_against_no_datagrams(GetParam(), chat(), {.input = input.reader.get(), .input_text = {}});
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
    EXPECT_THAT(outcome.errors, MatchesRegex("mynah: udp://127.0.0.1:[0-9]+ refused it: Connection refused: "
                                             "1 of 1 datagram did not come back\n"));
}

// The refusal of the first line is what keeps the second one from being sent: nothing more is waited for.
TEST_P(DatagramConversationTest, ARefusalWhileSendingIsNotWaitedOut) {
    const Outcome outcome = run_against_no_datagrams(GetParam(), chat(1h), {.input_text = "one\ntwo\nthree\n"});
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
    EXPECT_THAT(outcome.errors, MatchesRegex("mynah: udp://127.0.0.1:[0-9]+ refused it: Connection refused: .*\n"));
}

TEST_P(DatagramConversationTest, ATerminalSeesNoRawControlCharacters) {
    const Terminal terminal;
    const Outcome outcome =
        run(same, chat(), {.output = terminal.terminal.get(), .input_text = "\x1b]0;title\x07\xc2\x9b\n"});
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(terminal.seen(), "\\x1b]0;title\\x07\\xc2\\x9b\n");
}

TEST_P(DatagramConversationTest, AFullDiskIsSaid) {
    const net::Descriptor full = open_file("/dev/full", O_WRONLY);
    const Outcome outcome = run(same, chat(), {.output = full.get(), .input_text = "one\n"});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.errors, "mynah: cannot write to standard output: No space left on device\n");
}

}  // namespace
}  // namespace mynah::client

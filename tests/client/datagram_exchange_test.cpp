#include "client/datagram_exchange.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/send.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/datagram.hpp"
#include "net/datagram_batch.hpp"
#include "net/descriptor.hpp"
#include "tests/client/datagram_peer.hpp"
#include "tests/client/peer.hpp"
#include "tests/client/test_files.hpp"

namespace mynah::client {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using testing::MatchesRegex;

CommandUnderTest send_with(std::optional<std::string> text, std::chrono::nanoseconds timeout = 30s,
                           std::size_t datagram_bytes = 1200) {
    return [text, timeout, datagram_bytes](net::Address address, Console* console) {
        return run_send(
            {.address = std::move(address), .text = text, .timeout = timeout, .datagram_bytes = datagram_bytes},
            console);
    };
}

class DatagramExchangeTest : public testing::TestWithParam<std::size_t> {
  protected:
    Outcome run(Responder respond, CommandUnderTest command, Plugs plugs = {}) {
        return run_against_datagrams(GetParam(), answering(std::move(respond)), std::move(command), std::move(plugs));
    }
};

INSTANTIATE_TEST_SUITE_P(Workers, DatagramExchangeTest, testing::Values(1, 2),
                         [](const auto& test) { return "On" + std::to_string(test.param); });

TEST_P(DatagramExchangeTest, ATextIsOneDatagramAndComesBackAsALine) {
    for (const std::string& text : {std::string("hello"), std::string(), std::string(65'507, 'x')}) {
        std::vector<std::size_t> sizes;
        const auto note = [&sizes](std::size_t number, const std::string& datagram) {
            sizes.push_back(datagram.size());
            return same(number, datagram);
        };
        const Outcome outcome = run(note, send_with(text));
        EXPECT_EQ(outcome.status, ExitStatus::verified) << outcome.errors;
        EXPECT_EQ(outcome.output, text + "\n");
        EXPECT_EQ(outcome.errors, "");
        EXPECT_EQ(sizes, std::vector<std::size_t>{text.size()});
    }
}

TEST_P(DatagramExchangeTest, InputIsSentInDatagramsOneAfterTheOther) {
    const std::string bytes = pattern(100'000);
    std::string received;
    std::size_t largest = 0;
    const auto note = [&](std::size_t number, const std::string& datagram) {
        received += datagram;
        largest = std::max(largest, datagram.size());
        return same(number, datagram);
    };
    const Outcome outcome = run(note, send_with(std::nullopt, 30s, 700), {.input_text = bytes});
    EXPECT_EQ(outcome.status, ExitStatus::verified) << outcome.errors;
    EXPECT_TRUE(outcome.output == bytes);
    EXPECT_TRUE(received == bytes);
    EXPECT_EQ(largest, 700U);
}

TEST_P(DatagramExchangeTest, NoInputIsNoDatagram) {
    const Outcome outcome = run(same, send_with(std::nullopt));
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.output, "");
    EXPECT_EQ(outcome.errors, "");
}

TEST_P(DatagramExchangeTest, ALostDatagramIsSaidAndEndsIt) {
    const auto drop_third = [](std::size_t number, const std::string& text) {
        return number == 3 ? std::vector<std::string>() : same(number, text);
    };
    const Outcome outcome = run(drop_third, send_with(std::nullopt, 1s, 1000), {.input_text = pattern(5000)});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.output, pattern(5000).substr(0, 2000));
    EXPECT_EQ(outcome.errors, "mynah: datagram 3 at offset 2000 (1000 bytes) did not come back within 1s\n");
}

TEST_P(DatagramExchangeTest, NothingBackAtAllIsUnreachable) {
    const auto silent = [](std::size_t, const std::string&) { return std::vector<std::string>(); };
    const Outcome outcome = run(silent, send_with("hello", 100ms));
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
    EXPECT_EQ(outcome.errors, "mynah: datagram 1 at offset 0 (5 bytes) did not come back within 100ms\n");
}

TEST_P(DatagramExchangeTest, ARefusalIsUnreachable) {
    const Outcome outcome = run_against_no_datagrams(GetParam(), send_with("hello"));
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
    EXPECT_THAT(outcome.errors, MatchesRegex("mynah: datagram 1 at offset 0 \\(5 bytes\\) did not come back: "
                                             "udp://127.0.0.1:[0-9]+ refused it: Connection refused\n"));
}

TEST_P(DatagramExchangeTest, AnAnswerFromElsewhereIsNone) {
    const auto answer_once = [](DatagramPeer peer) -> conc::Task<void> {
        auto received = co_await peer.socket->receive();
        const net::Address client = received->peer(0);
        net::DatagramBatch batch;
        EXPECT_TRUE(batch.add(received->bytes(0), client));
        (void)co_await peer.elsewhere->send(batch);
    };
    const Outcome outcome = run_against_datagrams(GetParam(), answer_once, send_with("hello", 300ms));
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
    EXPECT_EQ(outcome.errors, "mynah: datagram 1 at offset 0 (5 bytes) did not come back within 300ms\n");
}

TEST_P(DatagramExchangeTest, AChangedDatagramIsSaidWithItsPlaceAndTheRestGoesOn) {
    const auto flip = [](std::size_t number, std::string text) -> std::vector<std::string> {
        if (number == 2 || number == 4) {
            text[7] = static_cast<char>(text[7] ^ 1);
        }
        return {text};
    };
    std::string expected = std::string(5000, 'a');
    const Outcome outcome = run(flip, send_with(std::nullopt, 30s, 1000), {.input_text = expected});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    expected[1007] = expected[3007] = '`';
    EXPECT_TRUE(outcome.output == expected) << "what came back is what is written";
    EXPECT_EQ(
        outcome.errors,
        "mynah: 2 of 5 datagrams came back different, the first datagram 2 at offset 1007: sent 0x61, got 0x60\n");
}

TEST_P(DatagramExchangeTest, AShorterDatagramIsChanged) {
    const auto cut = [](std::size_t, const std::string& text) {
        return std::vector<std::string>{text.substr(0, text.size() - 2)};
    };
    const Outcome outcome = run(cut, send_with("hello"));
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.output, "hel\n");
    EXPECT_EQ(
        outcome.errors,
        "mynah: 1 of 1 datagram came back different, the first datagram 1 at offset 0: 5 bytes sent, 3 bytes came "
        "back\n");
}

TEST_P(DatagramExchangeTest, DuplicatesAreCountedAndKeptFromTheOutput) {
    // The second comes twice at once, and once more when the fourth is awaited.
    const auto repeat = [held = std::string()](std::size_t number, const std::string& text) mutable {
        if (number == 2) {
            held = text;
            return std::vector<std::string>{text, text};
        }
        return number == 4 ? std::vector<std::string>{held, text} : std::vector<std::string>{text};
    };
    const std::string bytes = pattern(5000);
    const Outcome outcome = run(repeat, send_with(std::nullopt, 30s, 1000), {.input_text = bytes});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_TRUE(outcome.output == bytes);
    EXPECT_EQ(outcome.errors, "mynah: 2 datagrams came back once too often, the first was datagram 2\n");
}

TEST_P(DatagramExchangeTest, ADuplicateOfTheLastIsWaitedFor) {
    const auto twice = [](std::size_t, const std::string& text) { return std::vector<std::string>{text, text}; };
    const Outcome outcome = run(twice, send_with("hello"));
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.output, "hello\n");
    EXPECT_EQ(outcome.errors, "mynah: 1 datagram came back once too often, the first was datagram 1\n");
}

TEST_P(DatagramExchangeTest, ADuplicateOfOneThatIsForgottenIsTakenForAChangedAnswer) {
    constexpr std::size_t kForgotten = DatagramExchange::kRemembered + 2;
    for (const std::size_t when : {kForgotten - 1, kForgotten}) {
        const auto repeat_first = [when, held = std::string()](std::size_t number, const std::string& text) mutable {
            held = number == 1 ? text : held;
            return number == when ? std::vector<std::string>{held, text} : std::vector<std::string>{text};
        };
        const Outcome outcome = run(repeat_first, send_with(std::nullopt, 30s, 100), {.input_text = pattern(2000)});
        EXPECT_EQ(outcome.status, ExitStatus::mismatch);
        EXPECT_EQ(outcome.errors.find("1 of 20 datagrams came back different") != std::string::npos, when == kForgotten)
            << outcome.errors;
    }
}

TEST_P(DatagramExchangeTest, OfEqualDatagramsTheOneTooManyIsFound) {
    const auto first_twice = [](std::size_t number, const std::string& text) {
        return std::vector<std::string>(number == 1 ? 2 : 1, text);
    };
    const std::string bytes(3000, 'x');
    const Outcome outcome = run(first_twice, send_with(std::nullopt, 30s, 1000), {.input_text = bytes});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_TRUE(outcome.output == bytes);
    EXPECT_EQ(outcome.errors, "mynah: 1 datagram came back once too often, the first was datagram 1\n")
        << "it is the first that had those bytes; which it was nobody can tell";
}

TEST_P(DatagramExchangeTest, WhatNobodySentIsSurplus) {
    const auto add = [](std::size_t, const std::string& text) { return std::vector<std::string>{text, "220 ready"}; };
    const Outcome outcome = run(add, send_with("hello"));
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.output, "hello\n");
    EXPECT_EQ(outcome.errors, "mynah: 1 datagram came back that nobody had sent\n");
}

TEST_P(DatagramExchangeTest, AFullDiskIsSaid) {
    const net::Descriptor full = open_file("/dev/full", O_WRONLY);
    const Outcome outcome = run(same, send_with("hello"), {.output = full.get(), .input_text = {}});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.errors, "mynah: cannot write to standard output: No space left on device\n");
}

TEST_P(DatagramExchangeTest, InputThatCannotBeReadIsSaid) {
    const net::Descriptor folder = open_file("/", O_RDONLY | O_DIRECTORY);
    const Outcome outcome = run(same, send_with(std::nullopt), {.input = folder.get(), .input_text = {}});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.errors, "mynah: cannot read standard input: Is a directory\n");
}

TEST_P(DatagramExchangeTest, ANameThatNobodyKnowsIsSaid) {
    const auto command = [](net::Address, Console* console) {
        return run_send({.address = *net::Address::parse("udp://no-such-host.invalid:7"), .text = "x"}, console);
    };
    const Outcome outcome = run(same, command);
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
    EXPECT_THAT(outcome.errors, MatchesRegex("mynah: cannot connect to udp://no-such-host.invalid:7: [^\n]+\n"));
}

}  // namespace
}  // namespace mynah::client

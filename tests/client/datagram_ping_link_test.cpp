// mynah ping over UDP, against a peer that loses, repeats, reorders, changes and refuses.
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/command_line.hpp"
#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/ping.hpp"
#include "conc/context.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/address.hpp"
#include "net/datagram.hpp"
#include "net/datagram_batch.hpp"
#include "tests/client/datagram_peer.hpp"
#include "tests/client/peer.hpp"
#include "tests/client/ping_command.hpp"
#include "tests/client/test_files.hpp"

namespace mynah::client {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

const std::string kTarget = "udp://127\\.0\\.0\\.1:[0-9]+";

class DatagramPing : public testing::TestWithParam<std::size_t> {
  protected:
    Outcome run(Responder respond, CommandUnderTest command) {
        return run_against_datagrams(GetParam(), answering(std::move(respond)), std::move(command));
    }

    const PingOptions four_{.address = {}, .count = 4, .interval = 20ms, .timeout = 30s};
};

INSTANTIATE_TEST_SUITE_P(Workers, DatagramPing, testing::Values(1, 2),
                         [](const auto& test) { return "On" + std::to_string(test.param); });

TEST_P(DatagramPing, PrintsEachRoundTripAndTheClosingStatistics) {
    const Outcome outcome = run(same, ping(four_));
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.errors, "");
    std::string expected = "PING " + kTarget + " 56 bytes of data\\.\n";
    for (const char* sequence : {"1", "2", "3", "4"}) {
        expected += "56 bytes from " + kTarget + ": seq=" + sequence + " time=[0-9]+\\.[0-9][0-9][0-9] ms\n";
    }
    expected += "\n--- " + kTarget + " ping statistics ---\n";
    expected += "4 packets transmitted, 4 received, 0% packet loss, time [0-9]+ms\n";
    expected += "rtt min/avg/max/mdev = [0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+ ms\n";
    expected += "jitter = [0-9.]+ ms\n";
    EXPECT_THAT(outcome.output, MatchesRegex(expected));
}

TEST_P(DatagramPing, ProbesHaveTheSizeThatWasAskedFor) {
    for (const std::size_t size : {std::size_t{8}, std::size_t{1400}, kLargestDatagramBytes}) {
        PingOptions options = four_;
        options.probe_bytes = size;
        std::vector<std::size_t> sizes;
        const auto note = [&sizes](std::size_t number, const std::string& text) {
            sizes.push_back(text.size());
            return same(number, text);
        };
        EXPECT_EQ(run(note, ping(options)).status, ExitStatus::verified);
        EXPECT_EQ(sizes, std::vector<std::size_t>(4, size));
    }
}

TEST_P(DatagramPing, EveryLossIsToldAndCounted) {
    PingOptions options = four_;
    options.timeout = 1s;
    const auto drop_two = [](std::size_t number, const std::string& text) {
        return number == 2 || number == 4 ? std::vector<std::string>() : same(number, text);
    };
    const Outcome outcome = run(drop_two, ping(options));
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("lost: seq=2 no answer within 1s\n"), HasSubstr("lost: seq=4 no answer within 1s\n"),
                      Not(HasSubstr("lost: seq=1")), Not(HasSubstr("lost: seq=3")),
                      HasSubstr("4 packets transmitted, 2 received, 50% packet loss")));
}

TEST_P(DatagramPing, DuplicatesAreToldAsPingDoes) {
    const auto thrice = [](std::size_t number, const std::string& text) {
        return std::vector<std::string>(number == 2 ? 3 : 1, text);
    };
    const Outcome outcome = run(thrice, ping(four_));
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_THAT(outcome.output, AllOf(ContainsRegex("(56 bytes from [^\n]+: seq=2 time=[0-9.]+ ms \\(DUP!\\)\n){2}"),
                                      HasSubstr("4 packets transmitted, 4 received, +2 duplicates, 0% packet loss")));
}

TEST_P(DatagramPing, ReorderedAnswersAreToldAndNoFault) {
    const auto hold_the_second = [held = std::string()](std::size_t number, const std::string& text) mutable {
        if (number == 2) {
            held = text;
            return std::vector<std::string>();
        }
        return number == 3 ? std::vector<std::string>{text, held} : std::vector<std::string>{text};
    };
    const Outcome outcome = run(hold_the_second, ping(four_));
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_THAT(outcome.output,
                AllOf(ContainsRegex("seq=3 time=[0-9.]+ ms\n.* seq=2 time=[0-9.]+ ms \\(reordered\\)\n"),
                      HasSubstr("4 received, 1 reordered, 0% packet loss")));
}

TEST_P(DatagramPing, ALateAnswerIsToldAndStillLost) {
    // The first is held until the second comes, which is sent when the first is overdue.
    const auto hold = [held = std::string()](std::size_t number, const std::string& text) mutable {
        if (number == 1) {
            held = text;
            return std::vector<std::string>();
        }
        return std::vector<std::string>{held, text};
    };
    PingOptions options = four_;
    options.count = 2;
    options.interval = 2s;
    options.timeout = 1s;
    const Outcome outcome = run(hold, ping(options));
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("lost: seq=1 no answer within 1s\n"),
                                      ContainsRegex("seq=1 time=[0-9.]+ ms \\(late\\)\n"),
                                      HasSubstr("2 packets transmitted, 1 received, +1 late, 50% packet loss")));
}

TEST_P(DatagramPing, ACorruptedAnswerIsTold) {
    const auto flip = [](std::size_t number, std::string text) -> std::vector<std::string> {
        if (number == 3) {
            text[20] = static_cast<char>(text[20] ^ 0x40);
        }
        return {text};
    };
    const Outcome outcome = run(flip, ping(four_));
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_THAT(
        outcome.output,
        AllOf(ContainsRegex("seq=3 time=[0-9.]+ ms \\(corrupted: 1 byte different, the first at offset 20\\)\n"),
              HasSubstr("4 packets transmitted, 3 received, +1 corrupted, 25% packet loss")));
}

TEST_P(DatagramPing, ForeignDatagramsAreToldAndCounted) {
    const auto add = [](std::size_t number, const std::string& text) {
        return number == 2 ? std::vector<std::string>{"hi", text, ""} : std::vector<std::string>{text};
    };
    const Outcome outcome = run(add, ping(four_));
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_THAT(outcome.output, AllOf(ContainsRegex("2 bytes from [^\n]+ that belong to no probe\n"),
                                      ContainsRegex("0 bytes from [^\n]+ that belong to no probe\n"),
                                      HasSubstr("4 received, +2 foreign, 0% packet loss")));
}

TEST_P(DatagramPing, AnAnswerFromElsewhereIsNone) {
    const auto from_elsewhere = [](DatagramPeer peer) -> conc::Task<void> {
        for (;;) {
            const auto received = co_await peer.socket->receive();
            if (!received) {
                co_return;
            }
            net::DatagramBatch batch;
            EXPECT_TRUE(batch.add(received->bytes(0), received->peer(0)));
            (void)co_await peer.elsewhere->send(batch);
        }
    };
    PingOptions options = four_;
    options.timeout = 100ms;
    const Outcome outcome = run_against_datagrams(GetParam(), from_elsewhere, ping(options));
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
    EXPECT_THAT(outcome.output, HasSubstr("4 packets transmitted, 0 received, 100% packet loss"));
}

TEST_P(DatagramPing, ARefusalIsToldOnceAndForEachProbe) {
    const Outcome outcome = run_against_no_datagrams(GetParam(), ping(four_));
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
    EXPECT_THAT(outcome.errors, MatchesRegex("mynah: " + kTarget + " refused \\(Connection refused\\)\n"));
    for (const char* sequence : {"1", "2", "3", "4"}) {
        EXPECT_THAT(outcome.output,
                    HasSubstr(std::string("lost: seq=") + sequence + " refused (Connection refused)\n"));
    }
    EXPECT_THAT(outcome.output, HasSubstr("4 packets transmitted, 0 received, 100% packet loss"));
}

TEST_P(DatagramPing, AServerThatComesBackAnswersAgain) {
    // A server that goes after the first probe, and is there again once a later one has been refused, of which only the
    // console tells.
    const MemoryFile errors;
    const auto command = [&errors](net::Address, Console*) -> conc::Task<ExitStatus> {
        const MemoryFile nothing;
        Console console({.input = nothing.fd(), .output = nothing.fd(), .error = errors.fd()});
        auto socket = net::DatagramSocket::bind(*net::Address::parse("udp://127.0.0.1:0"));
        const net::Address address = socket->local();
        const auto enough = conc::with_cancel(conc::Context::background());
        conc::WaitGroup tasks;
        auto serving = [&]() -> conc::Task<void> {
            auto first = co_await socket->receive();
            (void)co_await socket->send(*first);
            socket->close();
            while (errors.content().find("refused") == std::string::npos) {
                co_await conc::sleep_for(1ms);
            }
            auto again = net::DatagramSocket::bind(address);
            auto next = co_await again->receive();
            (void)co_await again->send(*next);
            while (errors.content().find("answers again") == std::string::npos) {
                co_await conc::sleep_for(1ms);
            }
            enough.cancel();
        };
        tasks.go(serving);
        const PingOptions options{.address = address, .count = {}, .interval = 20ms, .timeout = 30s};
        const ExitStatus status = co_await run_ping(options, &console, enough.ctx);
        co_await tasks.wait();
        co_return status;
    };
    const Outcome outcome = run(same, command);
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_THAT(errors.content(), MatchesRegex("mynah: " + kTarget + " refused \\(Connection refused\\)\nmynah: " +
                                               kTarget + " answers again\n"));
}

TEST_P(DatagramPing, AnInterruptEndsItWithTheStatistics) {
    const auto scope = conc::with_cancel(conc::Context::background());
    const auto interrupt_on_the_third = [&scope](std::size_t number, const std::string& text) {
        if (number == 3) {
            scope.cancel();
            return std::vector<std::string>();
        }
        return same(number, text);
    };
    const auto command = [&](net::Address address, Console* console) {
        const PingOptions options{.address = std::move(address), .count = {}, .interval = 20ms, .timeout = 30s};
        return run_ping(options, console, scope.ctx);
    };
    const Outcome outcome = run(interrupt_on_the_third, command);
    EXPECT_EQ(outcome.status, ExitStatus::verified) << outcome.output;
    EXPECT_THAT(outcome.output, ContainsRegex(" received, \\+[0-9]+ under way, 0% packet loss"));
}

}  // namespace
}  // namespace mynah::client

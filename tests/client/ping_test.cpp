#include "client/ping.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/command_line.hpp"
#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/address.hpp"
#include "net/descriptor.hpp"
#include "net/listener.hpp"
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
using testing::Not;

class Ping : public testing::TestWithParam<std::size_t> {
  protected:
    Outcome run(Behaviour behaviour, CommandUnderTest command, Plugs plugs = {}) {
        return run_against(GetParam(), std::move(behaviour), std::move(command), std::move(plugs));
    }

    const PingOptions three_{.address = {}, .count = 3, .interval = 20ms, .timeout = 30s};
};

INSTANTIATE_TEST_SUITE_P(Workers, Ping, testing::Values(1, 2),
                         [](const auto& test) { return "On" + std::to_string(test.param); });

TEST_P(Ping, PrintsEachRoundTripAndTheClosingStatistics) {
    const Outcome outcome = run(echo, ping(three_));
    EXPECT_EQ(outcome.status, ExitStatus::verified);
    EXPECT_EQ(outcome.errors, "");
    const std::string target = "tcp://127\\.0\\.0\\.1:[0-9]+";
    std::string expected = "PING " + target + " 56 bytes of data\\.\n";
    for (const char* sequence : {"1", "2", "3"}) {
        expected += "56 bytes from " + target + ": seq=" + sequence + " time=[0-9]+\\.[0-9][0-9][0-9] ms\n";
    }
    expected += "\n--- " + target + " ping statistics ---\n";
    expected += "3 packets transmitted, 3 received, 0% packet loss, time [0-9]+ms\n";
    expected += "rtt min/avg/max/mdev = [0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+ ms\n";
    expected += "jitter = [0-9.]+ ms\n";
    EXPECT_THAT(outcome.output, testing::MatchesRegex(expected));
}

TEST_P(Ping, ProbesHaveTheSizeThatWasAskedFor) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{7}, std::size_t{1400}, std::size_t{1048576}}) {
        PingOptions options = three_;
        options.probe_bytes = size;
        const Outcome outcome = run(echo, ping(options));
        EXPECT_EQ(outcome.status, ExitStatus::verified) << outcome.output << outcome.errors;
        EXPECT_THAT(outcome.output,
                    HasSubstr("\n" + std::to_string(size) + (size == 1 ? " byte from" : " bytes from")));
    }
}

TEST_P(Ping, ACorruptedReplyIsReported) {
    const auto corrupt_the_second = [](Connection connection) -> conc::Task<void> {
        for (int i = 1; i <= 3; ++i) {
            std::string probe = co_await receive_exactly(connection.stream, 56);
            EXPECT_EQ(probe.size(), 56U);
            if (i == 2) {
                probe[20] = static_cast<char>(probe[20] ^ 0x40);
                probe[55] = static_cast<char>(probe[55] ^ 0x40);
            }
            (void)co_await connection.stream->send_all(probe);
        }
        co_await stay(connection);
    };
    const Outcome outcome = run(corrupt_the_second, ping(three_));
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("(corrupted: 2 bytes different, the first at offset 20)"),
                      HasSubstr("3 packets transmitted, 2 received, +1 corrupted, 33.3333% packet loss")));
}

TEST_P(Ping, ASilentServerLosesEverything) {
    PingOptions options = three_;
    options.timeout = 100ms;
    const Outcome outcome = run(listen_in_silence, ping(options));
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
    EXPECT_THAT(
        outcome.output,
        AllOf(HasSubstr("lost: seq=1 no answer within 100ms\n"), HasSubstr("lost: seq=3 no answer within 100ms\n"),
              HasSubstr("3 packets transmitted, 0 received, 100% packet loss"), Not(HasSubstr("rtt "))));
}

TEST_P(Ping, ALateAnswerIsReportedAndStillLost) {
    const auto answer_two_at_once = [](Connection connection) -> conc::Task<void> {
        const std::string both = co_await receive_exactly(connection.stream, 112);
        (void)co_await connection.stream->send_all(both);
        co_await stay(connection);
    };
    PingOptions options = three_;
    options.count = 2;
    options.interval = 2s;  // the first is overdue when the second leaves, which has its answer in time
    options.timeout = 1s;
    const Outcome outcome = run(answer_two_at_once, ping(options));
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("lost: seq=1 no answer within 1s\n"),
                                      ContainsRegex("seq=1 time=[0-9.]+ ms \\(late\\)\n"),
                                      HasSubstr("2 packets transmitted, 1 received, +1 late, 50% packet loss")));
}

TEST_P(Ping, ConnectsAgainWhenThePeerCloses) {
    const auto one_probe_each = [](Connection connection) -> conc::Task<void> {
        const std::string probe = co_await receive_exactly(connection.stream, 56);
        (void)co_await connection.stream->send_all(probe);
        if (connection.number == 3) {
            co_await stay(connection);
        }
    };
    PingOptions options = three_;
    options.interval = 500ms;  // ample time to connect again
    const Outcome outcome = run(one_probe_each, ping(options));
    EXPECT_EQ(outcome.status, ExitStatus::verified) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr("3 packets transmitted, 3 received, 0% packet loss"));
    EXPECT_THAT(outcome.errors, testing::MatchesRegex("(mynah: connection closed by peer\n"
                                                      "mynah: connected again to tcp://127.0.0.1:[0-9]+\n){2}"));
}

TEST_P(Ping, AProbeThatThePeerTookWithItIsLost) {
    const auto swallow_the_first = [](Connection connection) -> conc::Task<void> {
        if (connection.number == 1) {
            (void)co_await receive_exactly(connection.stream, 56);
            connection.stream->reset();
            co_return;
        }
        co_await echo(connection);
    };
    PingOptions options = three_;
    options.interval = 500ms;
    const Outcome outcome = run(swallow_the_first, ping(options));
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("lost: seq=1 connection lost (Connection reset by peer)\n"),
                                      HasSubstr("3 packets transmitted, 2 received, 33.3333% packet loss")));
    EXPECT_THAT(outcome.errors, HasSubstr("mynah: connection lost (Connection reset by peer)\n"));
}

TEST_P(Ping, ProbesThatFallDueDuringAnOutageAreLost) {
    // A server that answers one probe and is gone for good.
    const auto command = [](net::Address, Console* console) -> conc::Task<ExitStatus> {
        auto listener = net::Listener::bind(*net::Address::parse("tcp://127.0.0.1:0"));
        conc::WaitGroup tasks;
        const net::Address address = listener->local();
        tasks.go([&listener]() -> conc::Task<void> {
            auto stream = co_await listener->accept();
            listener->close();
            const std::string probe = co_await receive_exactly(&*stream, 56);
            (void)co_await stream->send_all(probe);
        });
        const PingOptions options{.address = address, .count = 3, .interval = 300ms, .timeout = 30s};
        const ExitStatus status = co_await run_ping(options, console, conc::Context::background());
        co_await tasks.wait();
        co_return status;
    };
    const Outcome outcome = run(echo, command);
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("lost: seq=2 not connected (Connection refused)\n"),
                                      HasSubstr("lost: seq=3 not connected (Connection refused)\n"),
                                      HasSubstr("3 packets transmitted, 1 received, 66.6667% packet loss")));
    EXPECT_EQ(outcome.errors, "mynah: connection closed by peer\n");
}

TEST_P(Ping, AnInterruptEndsItWithTheStatistics) {
    const auto scope = conc::with_cancel(conc::Context::background());
    const auto interrupt_on_the_third = [&scope](Connection connection) -> conc::Task<void> {
        for (int i = 1; i <= 2; ++i) {
            const std::string probe = co_await receive_exactly(connection.stream, 56);
            (void)co_await connection.stream->send_all(probe);
        }
        (void)co_await receive_exactly(connection.stream, 56);
        scope.cancel();
        co_await stay(connection);
    };
    const auto command = [&](net::Address address, Console* console) {
        const PingOptions options{.address = std::move(address), .count = {}, .interval = 50ms, .timeout = 30s};
        return run_ping(options, console, scope.ctx);
    };
    const Outcome outcome = run(interrupt_on_the_third, command);
    EXPECT_EQ(outcome.status, ExitStatus::verified) << outcome.output;
    EXPECT_THAT(outcome.output, ContainsRegex(" received, \\+[0-9]+ under way, 0% packet loss"));
}

TEST_P(Ping, BytesThatNobodyAskedForAreReported) {
    const auto add_some = [](Connection connection) -> conc::Task<void> {
        for (int i = 1; i <= 3; ++i) {
            std::string probe = co_await receive_exactly(connection.stream, 56);
            (void)co_await connection.stream->send_all(probe + (i == 3 ? "!!!!" : ""));
        }
        co_await stay(connection);
    };
    const Outcome outcome = run(add_some, ping(three_));
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_THAT(outcome.output, ContainsRegex("4 bytes from tcp://127.0.0.1:[0-9]+ that belong to no probe\n"));
}

TEST_P(Ping, APeerThatReadsNothingCostsProbesAndNoMemory) {
    PingOptions options = three_;
    options.count = 50;
    options.interval = 1ms;
    options.probe_bytes = kLargestProbeBytes;
    options.timeout = 500ms;
    const Outcome outcome = run(stay, ping(options));
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("50 packets transmitted, 0 received, 100% packet loss"),
                                      HasSubstr("not sent: the peer takes no more bytes")));
}

TEST_P(Ping, AFullDiskIsSaid) {
    const net::Descriptor full = open_file("/dev/full", O_WRONLY);
    const Outcome outcome = run(echo, ping(three_), {.output = full.get(), .input_text = {}});
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.errors, "mynah: cannot write to standard output: No space left on device\n");
}

TEST_P(Ping, NobodyThereIsUnreachable) {
    const Outcome outcome = run_against_nobody(GetParam(), ping(three_));
    EXPECT_EQ(outcome.status, ExitStatus::unreachable);
    EXPECT_EQ(outcome.output, "");
    EXPECT_THAT(outcome.errors, testing::MatchesRegex("mynah: cannot connect to tcp://127.0.0.1:[0-9]+: "
                                                      "Connection refused\n"));
}

}  // namespace
}  // namespace mynah::client

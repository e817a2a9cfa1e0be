// A load over UDP: whatever the server does to datagrams is counted exactly, and the rest is verified.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/load/fault.hpp"
#include "client/load/generator.hpp"
#include "client/load/options.hpp"
#include "client/load/report.hpp"
#include "client/load/tally.hpp"
#include "conc/context.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/address.hpp"
#include "net/datagram.hpp"
#include "tests/client/datagram_peer.hpp"
#include "tests/client/peer.hpp"

namespace mynah::client::load {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

using Texts = std::vector<std::string>;

CommandUnderTest load_into(Report& report, Options options, conc::Context stop = conc::Context::background(),
                           conc::Context abort = conc::Context::background()) {
    return [&report, options, stop, abort](net::Address address, Console* console) -> conc::Task<ExitStatus> {
        Options with_address = options;
        with_address.address = std::move(address);
        Generator generator(with_address, console, stop, abort);
        report = co_await generator.run();
        co_return status_of(report);
    };
}

void expect_that_it_adds_up(const Report& report) {
    for (const Outcomes* outcomes : {&report.measured, &report.warm_up}) {
        EXPECT_EQ(outcomes->sent, outcomes->of(Fate::verified) + outcomes->of(Fate::mismatched) +
                                      outcomes->of(Fate::lost) + outcomes->of(Fate::in_flight));
    }
    EXPECT_EQ(report.from_sent.count(), report.measured.of(Fate::verified));
}

/// One worker for the load and the server: what a generator needs.
Report run_load_against(Responder respond, Options options) {
    Report report;
    run_against_datagrams(1, answering(std::move(respond)), load_into(report, std::move(options)));
    expect_that_it_adds_up(report);
    return report;
}

Options messages(std::uint64_t count, std::size_t depth = 1) {
    return {.address = {}, .connections = 1, .duration = {}, .count = count, .depth = depth, .timeout = 30s};
}

TEST(DatagramFlow, SendsAsManyMessagesAsWereAskedFor) {
    Options options = messages(1000, 5);
    options.connections = 7;
    const Report report = run_load_against(same, options);
    EXPECT_EQ(status_of(report), ExitStatus::verified);
    EXPECT_EQ(report.connected, 7U);
    EXPECT_EQ(report.measured.of(Fate::verified), 1000U);
    EXPECT_EQ(report.measured.verified_bytes, 64'000U);
    EXPECT_THAT(report.connection_failures, IsEmpty());
}

TEST(DatagramFlow, DatagramsOfEverySizeComeBack) {
    for (const SizeRange size : {SizeRange{.least = 16, .most = 16}, SizeRange{.least = 16, .most = 1400},
                                 SizeRange{.least = 65'507, .most = 65'507}}) {
        std::size_t least = 70'000;
        std::size_t most = 0;
        const auto note = [&](std::size_t number, const std::string& text) {
            least = std::min(least, text.size());
            most = std::max(most, text.size());
            return same(number, text);
        };
        Options options = messages(300);
        options.connections = 2;
        options.message_bytes = size;
        const Report report = run_load_against(note, options);
        EXPECT_EQ(status_of(report), ExitStatus::verified) << size.most;
        EXPECT_EQ(report.measured.verified_bytes, report.measured.sent_bytes);
        EXPECT_GE(least, size.least);
        EXPECT_LE(most, size.most);
    }
}

TEST(DatagramFlow, WhatIsLostIsCountedAndTheFlowGoesOn) {
    std::uint64_t dropped = 0;
    const auto drop_some = [&dropped](std::size_t number, const std::string& text) {
        if (number % 10 == 0) {
            ++dropped;
            return Texts();
        }
        return same(number, text);
    };
    Options options = messages(100, 10);
    options.timeout = 1s;
    const Report report = run_load_against(drop_some, options);
    EXPECT_EQ(status_of(report), ExitStatus::mismatch);
    EXPECT_EQ(dropped, 10U);
    EXPECT_EQ(report.measured.sent, 100U);
    EXPECT_EQ(report.measured.of(Fate::lost), 10U);
    EXPECT_EQ(report.measured.of(Fate::verified), 90U);
    EXPECT_THAT(report.connection_failures, IsEmpty());
}

TEST(DatagramFlow, DuplicatesAreCounted) {
    const auto repeat = [](std::size_t number, const std::string& text) {
        return Texts(number % 10 == 0 ? 3 : 1, text);  // the last is among them
    };
    const Report report = run_load_against(repeat, messages(100, 4));
    EXPECT_EQ(status_of(report), ExitStatus::mismatch);
    EXPECT_EQ(report.measured.of(Fate::verified), 100U);
    EXPECT_EQ(report.datagrams.duplicates, 20U);
}

TEST(DatagramFlow, ReorderingIsCountedAndNoFault) {
    // Of each four that come, the first goes back last.
    const auto hold = [held = std::string()](std::size_t number, const std::string& text) mutable {
        if (number % 4 == 1) {
            held = text;
            return Texts();
        }
        return number % 4 == 0 ? Texts{text, held} : Texts{text};
    };
    const Report report = run_load_against(hold, messages(100, 4));
    EXPECT_EQ(status_of(report), ExitStatus::verified);
    EXPECT_EQ(report.measured.of(Fate::verified), 100U);
    EXPECT_EQ(report.datagrams.reordered, 25U);
}

TEST(DatagramFlow, WhatComesAfterItsTimeIsLateAndLost) {
    // The first is held until the second comes, which there is room for once the first is lost.
    const auto hold = [held = std::string()](std::size_t number, const std::string& text) mutable {
        if (number == 1) {
            held = text;
            return Texts();
        }
        return number == 2 ? Texts{text, held, held} : Texts{text};
    };
    Options options = messages(20);
    options.timeout = 1s;
    const Report report = run_load_against(hold, options);
    EXPECT_EQ(status_of(report), ExitStatus::mismatch);
    EXPECT_EQ(report.measured.of(Fate::lost), 1U);
    EXPECT_EQ(report.measured.of(Fate::verified), 19U);
    EXPECT_EQ(report.datagrams.late, 1U);
    EXPECT_EQ(report.datagrams.duplicates, 1U) << "and then it came once more";
}

TEST(DatagramFlow, EveryByteIsVerified) {
    const auto change = [](std::size_t number, std::string text) {
        switch (number) {
            case 3:
                text[63] = static_cast<char>(text[63] ^ 1);
                break;
            case 5:
                text.resize(60);
                break;
            case 7:
                text += "!!";
                break;
            default:
                break;
        }
        return Texts{text};
    };
    const Report report = run_load_against(change, messages(100));
    EXPECT_EQ(status_of(report), ExitStatus::mismatch);
    EXPECT_EQ(report.measured.of(Fate::mismatched), 3U);
    EXPECT_EQ(report.measured.of(Fate::verified), 97U);
    ASSERT_EQ(report.fault_count, 3U);
    EXPECT_THAT(describe(report.faults[0]), HasSubstr("connection 1, datagram 3, offset 63: 1 byte changed (sent 0x"));
    EXPECT_EQ(describe(report.faults[1]), "connection 1, datagram 5, offset 60: 4 bytes lost");
    EXPECT_THAT(describe(report.faults[2]),
                HasSubstr("connection 1, datagram 7, offset 64: 1 byte more than were sent"))
        << "a socket takes no more than one byte too many";
}

TEST(DatagramFlow, WhatBearsOtherNumbersIsForeign) {
    const auto add = [](std::size_t number, const std::string& text) {
        if (number != 2) {
            return Texts{text};
        }
        Texts texts(5, text);
        texts[1][0] = static_cast<char>(texts[1][0] ^ 1);  // another run
        texts[2][7] = 9;                                   // another connection
        texts[3][8] = 1;                                   // a number that is far ahead
        texts[4].resize(15);                               // no numbers
        return texts;
    };
    const Report report = run_load_against(add, messages(10));
    EXPECT_EQ(status_of(report), ExitStatus::mismatch);
    EXPECT_EQ(report.measured.of(Fate::verified), 10U);
    EXPECT_EQ(report.datagrams.foreign, 4U);
    EXPECT_EQ(report.datagrams.duplicates, 0U);
}

TEST(DatagramFlow, AllOfItAtOnceAddsUp) {
    std::uint64_t dropped = 0;
    std::uint64_t repeated = 0;
    std::uint64_t changed = 0;
    const auto treat = [&](std::size_t number, std::string text) {
        switch (number % 17) {
            case 3:
                ++dropped;
                return Texts();
            case 5:
                ++repeated;
                return Texts{text, text};
            case 7:
                ++changed;
                text[40] = static_cast<char>(text[40] ^ 1);
                return Texts{text};
            default:
                return Texts{text};
        }
    };
    Options options = messages(1000, 8);
    options.connections = 3;
    options.message_bytes = {.least = 41, .most = 500};
    options.timeout = 1s;
    const Report report = run_load_against(treat, options);
    EXPECT_EQ(report.measured.sent, 1000U);
    EXPECT_EQ(report.measured.of(Fate::lost), dropped);
    EXPECT_EQ(report.measured.of(Fate::mismatched), changed);
    EXPECT_EQ(report.datagrams.duplicates, repeated);
    EXPECT_EQ(report.datagrams.late, 0U);
    EXPECT_EQ(report.datagrams.foreign, 0U);
}

TEST(DatagramFlow, SilenceIsUnreachable) {
    const auto silent = [](std::size_t, const std::string&) { return Texts(); };
    Options options = messages(15, 5);
    options.connections = 3;
    options.timeout = 100ms;
    const Report report = run_load_against(silent, options);
    EXPECT_EQ(status_of(report), ExitStatus::unreachable);
    EXPECT_EQ(report.measured.of(Fate::lost), 15U);
}

TEST(DatagramFlow, NobodyThereEndsItAtOnce) {
    Report report;
    Options options{.address = {}, .connections = 3, .duration = 1h, .depth = 2, .timeout = 1h};
    run_against_no_datagrams(1, load_into(report, options));
    expect_that_it_adds_up(report);
    EXPECT_EQ(status_of(report), ExitStatus::unreachable);
    EXPECT_EQ(report.measured.of(Fate::lost), report.measured.sent);
    EXPECT_GE(report.datagrams.refused, 3U);
    EXPECT_THAT(report.connection_failures, ElementsAre(Pair("Connection refused", 3U)));
}

TEST(DatagramFlow, AServerThatGoesAwayIsWaitedFor) {
    // It closes its socket after ten, and opens it again once the client has lost some.
    Report report;
    const auto command = [&report](net::Address, Console* console) -> conc::Task<ExitStatus> {
        auto socket = net::DatagramSocket::bind(*net::Address::parse("udp://127.0.0.1:0"));
        const net::Address address = socket->local();
        const auto scope = conc::with_cancel(conc::Context::background());
        conc::WaitGroup tasks;
        auto serving = [&]() -> conc::Task<void> {
            for (int i = 0; i < 10; ++i) {
                auto received = co_await socket->receive();
                (void)co_await socket->send(*received);
            }
            socket->close();
            co_await conc::sleep_for(50ms);  // the outage itself
            auto again = net::DatagramSocket::bind(address);
            EXPECT_TRUE(again) << again.error().message();
            *socket = std::move(*again);
            for (;;) {
                auto received = co_await socket->receive();
                if (!received) {
                    co_return;
                }
                (void)co_await socket->send(*received);
            }
        };
        tasks.go(serving);
        Options options = messages(30);
        options.address = address;
        options.timeout = 1s;
        Generator generator(options, console, conc::Context::background(), conc::Context::background());
        report = co_await generator.run();
        socket->interrupt();
        co_await tasks.wait();
        co_return status_of(report);
    };
    EXPECT_EQ(run_against_no_datagrams(1, command).status, ExitStatus::mismatch);
    expect_that_it_adds_up(report);
    EXPECT_EQ(report.measured.sent, 30U);
    EXPECT_EQ(report.measured.of(Fate::lost), 1U) << "the one that was refused";
    EXPECT_EQ(report.datagrams.refused, 1U);
    EXPECT_THAT(report.connection_failures, IsEmpty());
}

TEST(DatagramFlow, AnOpenLoopSendsWhatIsPlanned) {
    Options options{.address = {}, .connections = 3, .duration = 500ms, .depth = 4, .rate = 1000, .timeout = 30s};
    const Report report = run_load_against(same, options);
    EXPECT_EQ(status_of(report), ExitStatus::verified);
    EXPECT_EQ(report.planned, 500U);
    EXPECT_EQ(report.measured.sent + report.unsent(), 500U);
}

TEST(DatagramFlow, StoppedEarlyItWaitsForWhatIsInFlight) {
    const auto scope = conc::with_cancel(conc::Context::background());
    const auto stop_at_the_tenth = [&scope](std::size_t number, const std::string& text) {
        if (number == 10) {
            scope.cancel();
        }
        return same(number, text);
    };
    Report report;
    Options options{.address = {}, .connections = 1, .duration = 1h, .depth = 10, .timeout = 30s};
    run_against_datagrams(1, answering(stop_at_the_tenth), load_into(report, options, scope.ctx));
    expect_that_it_adds_up(report);
    EXPECT_TRUE(report.interrupted);
    EXPECT_EQ(status_of(report), ExitStatus::verified);
    EXPECT_GE(report.measured.of(Fate::verified), 10U);
}

TEST(DatagramFlow, AbortedItCountsWhatIsInFlight) {
    const auto stop = conc::with_cancel(conc::Context::background());
    const auto abort = conc::with_cancel(conc::Context::background());
    const auto silent = [&](std::size_t number, const std::string&) {
        if (number == 10) {
            stop.cancel();
            abort.cancel();
        }
        return Texts();
    };
    Report report;
    Options options{.address = {}, .connections = 1, .duration = 1h, .depth = 10, .timeout = 1h};
    run_against_datagrams(1, answering(silent), load_into(report, options, stop.ctx, abort.ctx));
    expect_that_it_adds_up(report);
    EXPECT_EQ(report.measured.of(Fate::in_flight), 10U);
    EXPECT_EQ(status_of(report), ExitStatus::mismatch);
}

}  // namespace
}  // namespace mynah::client::load

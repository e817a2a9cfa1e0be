#include "client/watch/live_view.hpp"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/console.hpp"
#include "client/watch/account.hpp"
#include "client/watch/incident.hpp"
#include "client/watch/records.hpp"
#include "conc/event_source.hpp"
#include "tests/client/test_files.hpp"

namespace mynah::client::watch {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using testing::HasSubstr;

constexpr conc::TimePoint kBegan{1000s};
const ConnectionRecord kRecord{.connection = 3, .lane = 2};

Incident silent_at(conc::TimePoint at) {
    return {.kind = IncidentKind::silent, .offset = 4711, .bytes = 200, .at = at};
}

TEST(LiveView, ElsewhereThanOnATerminalEachEventIsALineAndThereIsASummaryNowAndThen) {
    const MemoryFile file;
    Console console({.input = file.fd(), .output = file.fd(), .error = file.fd()});
    Account account;
    account.begin(kBegan);
    LiveView live(&console, &account);
    account.noticed(kRecord, silent_at(kBegan + 500ms));
    live.show(0s);
    for (int second = 1; second <= 10; ++second) {
        account.advance(kBegan + second * 1s);
        live.show(0s);
    }
    live.end();
    EXPECT_EQ(file.content(),
              "0.500 s  connection 3 (lane 2): silent, 200 bytes at offset 4711\n"
              "5 s: 0 frames/s, p99 0.000 ms, 0 connections open, lost 200 bytes, longest outage 0.000 ms\n"
              "10 s: 0 frames/s, p99 0.000 ms, 0 connections open, lost 200 bytes, longest outage 0.000 ms\n");
}

TEST(LiveView, OnATerminalALineIsRewrittenBelowTheEventsAndTakenAway) {
    const Terminal terminal;
    const MemoryFile nothing;
    Console console({.input = nothing.fd(), .output = nothing.fd(), .error = terminal.terminal.get()});
    Account account;
    account.begin(kBegan);
    LiveView live(&console, &account);
    account.advance(kBegan + 1s);
    live.show(1500ms);
    account.noticed(kRecord, silent_at(kBegan + 1100ms));
    live.show(1600ms);
    live.end();
    EXPECT_EQ(terminal.seen(),
              "\r1 s: 0 frames/s, p99 0.000 ms, 0 connections open, lost 0 bytes, longest outage 1500.000 ms\x1b[K"
              "\r\x1b[K"
              "1.100 s  connection 3 (lane 2): silent, 200 bytes at offset 4711\n"
              "\r\x1b[K");
}

TEST(LiveView, ManyEventsAtOnceAreCounted) {
    const MemoryFile file;
    Console console({.input = file.fd(), .output = file.fd(), .error = file.fd()});
    Account account;
    account.begin(kBegan);
    LiveView live(&console, &account);
    for (int i = 0; i < 60; ++i) {
        account.noticed(kRecord, silent_at(kBegan));
    }
    live.show(0s);
    for (int i = 0; i < 130; ++i) {
        account.noticed(kRecord, silent_at(kBegan));
    }
    live.show(0s);
    live.end();
    EXPECT_THAT(file.content(), HasSubstr("\n... and 90 more\n"));
}

}  // namespace
}  // namespace mynah::client::watch

#include "server/fault/datagram_faults.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conc/event_source.hpp"
#include "net/address.hpp"
#include "net/datagram_batch.hpp"
#include "server/fault/fault_counts.hpp"
#include "server/fault/fault_notation.hpp"
#include "server/fault/fault_rule.hpp"
#include "server/fault/listener_faults.hpp"

namespace mynah::server {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<FaultRule> rules_of(const std::vector<std::string>& texts) {
    std::vector<FaultRule> rules;
    for (const std::string& text : texts) {
        const auto rule = parse_fault(text);
        EXPECT_TRUE(rule) << rule.error();
        rules.push_back(*rule);
    }
    return rules;
}

TEST(DatagramFaultPlan, GivesTheSameFatesForTheSameRulesAndNumber) {
    const auto rules = rules_of({"drop,mean=7,length=2", "corrupt,mean=5", "delay,mean=9,duration=1s",
                                 "duplicate,mean=4", "reorder,mean=11,length=3"});
    const auto fates = [&rules](std::uint64_t number) {
        DatagramFaultPlan plan(rules, number);
        std::vector<DatagramFate> all;
        for (int i = 0; i < 500; ++i) {
            all.push_back(plan.next());
        }
        return all;
    };
    EXPECT_TRUE(fates(1) == fates(1));
    EXPECT_FALSE(fates(1) == fates(2));
}

TEST(DatagramFaultPlan, CountsDatagramsFromOne) {
    const auto rules = rules_of({"drop,every=3,length=2"});
    DatagramFaultPlan plan(rules, 1);
    std::string dropped;
    for (int i = 1; i <= 10; ++i) {
        dropped += plan.next().dropped ? 'x' : '.';
    }
    EXPECT_EQ(dropped, "..xx.xx.xx");
}

TEST(DatagramFaultPlan, CorruptionChangesExactlyOneByte) {
    for (std::uint64_t draw : {std::uint64_t{0}, std::uint64_t{255}, std::uint64_t{0xffff'ffff'ffff'ffff}}) {
        std::string text = "0123456789";
        corrupt_one(std::as_writable_bytes(std::span(text)), draw);
        int changed = 0;
        for (std::size_t i = 0; i < text.size(); ++i) {
            changed += text[i] != static_cast<char>('0' + i) ? 1 : 0;
        }
        EXPECT_EQ(changed, 1) << draw;
    }
    corrupt_one({}, 1);
}

/// The faults of one socket, and the datagrams that are taken: "1", "2", "3" ...
class Socket {
  public:
    explicit Socket(const std::vector<std::string>& texts) : listener_(rules_of(texts), counters_) {}

    std::vector<std::string> take(const std::vector<std::string>& texts) {
        net::DatagramBatch batch;
        for (const std::string& text : texts) {
            EXPECT_TRUE(batch.add(std::as_bytes(std::span(text)), peer_));
        }
        faults_.take(batch, now_);
        return ready();
    }

    std::vector<std::string> ready() {
        std::vector<std::string> all;
        while (const auto one = faults_.next_ready(now_)) {
            EXPECT_EQ(one->size(), 1U);
            EXPECT_EQ(one->peer(0), peer_);
            all.emplace_back(one->text(0));
        }
        return all;
    }

    void pass(conc::Duration time) { now_ += time; }
    DatagramFaults& faults() { return faults_; }
    conc::TimePoint now() const { return now_; }
    FaultCounts counts() const { return counters_.snapshot(); }

  private:
    FaultCounters counters_;
    ListenerFaults listener_;
    DatagramFaults faults_{listener_, 1};
    net::Address peer_ = *net::Address::parse("udp://127.0.0.1:4711");
    conc::TimePoint now_{};
};

TEST(DatagramFaults, DropsAndDuplicates) {
    Socket socket({"drop,every=3", "duplicate,at=2"});
    EXPECT_THAT(socket.take({"1", "2", "3", "4", "5"}), ElementsAre("1", "2", "2", "4", "5"));
    EXPECT_THAT(socket.take({"6", "7"}), ElementsAre("7"));
    EXPECT_EQ(socket.counts().faults_of(FaultKind::drop), 2U);
    EXPECT_EQ(socket.counts().bytes_of(FaultKind::drop), 2U);
    EXPECT_EQ(socket.counts().faults_of(FaultKind::duplicate), 1U);
}

TEST(DatagramFaults, CorruptChangesTheDatagramAndLeavesEmptyOnesAlone) {
    Socket socket({"corrupt,every=2"});
    const auto back = socket.take({"one", "two", "three", ""});
    ASSERT_EQ(back.size(), 4U);
    EXPECT_EQ(back[0], "one");
    EXPECT_NE(back[1], "two");
    EXPECT_EQ(back[1].size(), 3U);
    EXPECT_EQ(back[2], "three");
    EXPECT_EQ(back[3], "");
    EXPECT_EQ(socket.counts().faults_of(FaultKind::corrupt), 1U);
}

TEST(DatagramFaults, ReorderedOnesFollowThoseThatOvertakeThem) {
    Socket socket({"reorder,at=2,length=2"});
    EXPECT_THAT(socket.take({"1", "2", "3"}), ElementsAre("1", "3"));
    EXPECT_THAT(socket.take({"4", "5"}), ElementsAre("4", "2", "5"));
    EXPECT_EQ(socket.counts().faults_of(FaultKind::reorder), 1U);
}

TEST(DatagramFaults, DelayedOnesComeWhenTheyAreDue) {
    Socket socket({"delay,at=1,duration=2s", "delay,at=2,duration=1s"});
    EXPECT_FALSE(socket.faults().next_due());
    EXPECT_THAT(socket.take({"1", "2", "3"}), ElementsAre("3"));
    EXPECT_EQ(socket.faults().next_due(), socket.now() + 1s);
    socket.pass(999ms);
    EXPECT_THAT(socket.ready(), IsEmpty());
    socket.pass(1ms);
    EXPECT_THAT(socket.ready(), ElementsAre("2"));
    socket.pass(1s);
    EXPECT_THAT(socket.ready(), ElementsAre("1"));
    EXPECT_FALSE(socket.faults().next_due());
    EXPECT_EQ(socket.counts().faults_of(FaultKind::delay), 2U);
}

TEST(DatagramFaults, WhatIsHeldBackIsReadyWhenAllIsReleased) {
    Socket socket({"delay,at=1,duration=1h", "reorder,at=2,length=64"});
    EXPECT_THAT(socket.take({"1", "2", "3"}), ElementsAre("3"));
    socket.faults().release_all();
    EXPECT_THAT(socket.ready(), ElementsAre("1", "2"));
    EXPECT_FALSE(socket.faults().next_due());
}

TEST(DatagramFaults, HoldNoMoreThanTheirBound) {
    Socket socket({"delay,every=1,duration=1h"});
    const std::string large(60'000, 'x');
    const std::vector<std::string> batch(32, large);
    std::size_t sent_at_once = 0;
    for (std::size_t bytes = 0; bytes < 2 * DatagramFaults::kMostHeldBytes; bytes += batch.size() * large.size()) {
        sent_at_once += socket.take(batch).size();
    }
    EXPECT_GT(sent_at_once, 0U);
    const std::uint64_t held = socket.counts().faults_of(FaultKind::delay);
    EXPECT_LE(held * large.size(), DatagramFaults::kMostHeldBytes);
    EXPECT_GT((held + 2) * large.size(), DatagramFaults::kMostHeldBytes * 9 / 10);
}

}  // namespace
}  // namespace mynah::server

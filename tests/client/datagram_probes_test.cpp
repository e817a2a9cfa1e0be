#include "client/datagram_probes.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/outstanding_probes.hpp"

namespace mynah::client {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint32_t kRun = 0xA1B2C3D4;
constexpr ProbeTime kStart{1000s};
constexpr std::size_t kSize = 40;

std::vector<std::byte> bytes_of(std::uint64_t sequence, std::size_t size = kSize) {
    return make_datagram_probe(kRun, sequence, kStart, size).bytes;
}

class DatagramProbesTest : public testing::Test {
  protected:
    void send(std::uint64_t sequence) {
        probes_.sent(make_datagram_probe(kRun, sequence, kStart + sequence * 10ms, kSize));
    }

    /// The only reply to a datagram.
    Reply reply(const std::vector<std::byte>& bytes, ProbeTime now) {
        const Replies all = probes_.received(bytes, now);
        EXPECT_EQ(all.replies.size(), 1U);
        EXPECT_EQ(all.foreign_bytes, std::nullopt);
        return all.replies.empty() ? Reply() : all.replies.front();
    }

    DatagramProbes probes_{kRun, kSize, 100ms};
};

TEST(DatagramProbe, BeginsWithTheRunAndTheNumber) {
    const std::vector<std::byte> bytes = bytes_of(0x0102);
    ASSERT_EQ(bytes.size(), kSize);
    EXPECT_EQ(bytes[0], std::byte{0xA1});
    EXPECT_EQ(bytes[3], std::byte{0xD4});
    EXPECT_EQ(bytes[4], std::byte{0});
    EXPECT_EQ(bytes[6], std::byte{1});
    EXPECT_EQ(bytes[7], std::byte{2});
    EXPECT_EQ(bytes_of(7, kSmallestDatagramProbe).size(), kSmallestDatagramProbe);
    EXPECT_NE(bytes_of(1)[20], bytes_of(2)[20]) << "the pattern follows from the number";
}

TEST_F(DatagramProbesTest, MatchesByNumberAndTellsWhatIsReordered) {
    send(1);
    send(2);
    send(3);
    EXPECT_EQ(probes_.waiting(), 3U);
    const Reply second = reply(bytes_of(2), kStart + 50ms);
    EXPECT_EQ(second.sequence, 2U);
    EXPECT_EQ(second.size, kSize);
    EXPECT_EQ(second.round_trip, 30ms);
    EXPECT_FALSE(second.reordered);
    const Reply first = reply(bytes_of(1), kStart + 60ms);
    EXPECT_EQ(first.round_trip, 50ms);
    EXPECT_TRUE(first.reordered);
    EXPECT_FALSE(reply(bytes_of(3), kStart + 60ms).reordered);
    EXPECT_EQ(probes_.waiting(), 0U);
}

TEST_F(DatagramProbesTest, ASecondAnswerIsADuplicateWithItsTime) {
    send(1);
    EXPECT_FALSE(reply(bytes_of(1), kStart + 20ms).duplicate);
    for (int i = 0; i < 2; ++i) {
        const Reply again = reply(bytes_of(1), kStart + 30ms);
        EXPECT_TRUE(again.duplicate);
        EXPECT_EQ(again.round_trip, 20ms);
    }
    for (std::uint64_t sequence = 2; sequence <= 1025; ++sequence) {
        send(sequence);
    }
    EXPECT_EQ(reply(bytes_of(1), kStart + 40ms).round_trip, std::nullopt) << "too long ago";
}

TEST_F(DatagramProbesTest, AnAnswerAfterTheTimeLimitIsOverdueOnceAndThenADuplicate) {
    send(1);
    send(2);
    EXPECT_EQ(probes_.next_expiry(), kStart + 110ms);
    EXPECT_THAT(probes_.expire(kStart + 109ms), IsEmpty());
    EXPECT_THAT(probes_.expire(kStart + 110ms), ElementsAre(1));
    EXPECT_THAT(probes_.expire(kStart + 110ms), IsEmpty());
    EXPECT_EQ(reply(bytes_of(2), kStart + 115ms).sequence, 2U);
    const Reply late = reply(bytes_of(1), kStart + 130ms);
    EXPECT_TRUE(late.overdue);
    EXPECT_FALSE(late.reordered) << "what is lost is not reordered";
    EXPECT_EQ(late.round_trip, 120ms);
    EXPECT_TRUE(reply(bytes_of(1), kStart + 130ms).duplicate);
    EXPECT_EQ(probes_.next_expiry(), std::nullopt);
}

TEST_F(DatagramProbesTest, TellsHowAnAnswerDiffers) {
    send(1);
    send(2);
    send(3);
    send(4);
    std::vector<std::byte> bytes = bytes_of(1);
    bytes[10] ^= std::byte{1};
    bytes[39] ^= std::byte{0x80};
    Reply changed = reply(bytes, kStart);
    EXPECT_EQ(changed.differing_bytes, 2U);
    EXPECT_EQ(changed.first_difference, 10U);
    bytes = bytes_of(2);
    bytes.resize(30);
    changed = reply(bytes, kStart);
    EXPECT_EQ(changed.size, 30U);
    EXPECT_EQ(changed.differing_bytes, 10U);
    EXPECT_EQ(changed.first_difference, 30U);
    bytes = bytes_of(3);
    bytes.resize(43);
    changed = reply(bytes, kStart);
    EXPECT_EQ(changed.differing_bytes, 3U);
    EXPECT_EQ(changed.first_difference, kSize);
    EXPECT_EQ(reply(bytes_of(4), kStart).differing_bytes, 0U);
}

TEST_F(DatagramProbesTest, WhatIsOfNoProbeIsForeign) {
    send(1);
    std::vector<std::byte> other_run = bytes_of(1);
    other_run[0] ^= std::byte{1};
    EXPECT_EQ(probes_.received(other_run, kStart).foreign_bytes, kSize);
    EXPECT_EQ(probes_.received(bytes_of(2), kStart).foreign_bytes, kSize) << "nobody has sent it";
    EXPECT_EQ(probes_.received(bytes_of(0), kStart).foreign_bytes, kSize);
    EXPECT_EQ(probes_.received({}, kStart).foreign_bytes, 0U) << "an empty datagram is one as well";
    std::vector<std::byte> stump = bytes_of(1);
    stump.resize(7);
    EXPECT_EQ(probes_.received(stump, kStart).foreign_bytes, 7U);
    EXPECT_EQ(probes_.waiting(), 1U);
}

TEST_F(DatagramProbesTest, ARefusalTakesTheOldestAlone) {
    send(1);
    send(2);
    EXPECT_THAT(probes_.abandon(), ElementsAre(1));
    EXPECT_EQ(probes_.waiting(), 1U);
    EXPECT_THAT(probes_.abandon(), ElementsAre(2));
    EXPECT_THAT(probes_.abandon(), IsEmpty());
}

TEST_F(DatagramProbesTest, NumbersThatWereNeverSentMayBeLeftOut) {
    send(1);
    send(5);
    EXPECT_EQ(probes_.waiting(), 2U);
    EXPECT_EQ(reply(bytes_of(5), kStart + 60ms).round_trip, 10ms);
}

TEST(DatagramProbes, GoOnBeyondThirtyTwoBits) {
    constexpr std::uint64_t kWrap = std::uint64_t{1} << 32U;
    // 2^32 slots are not passed through: the run begins just before.
    EXPECT_EQ(widen_sequence(0xFFFF'FFFE, kWrap - 1), kWrap - 2);
    EXPECT_EQ(widen_sequence(0xFFFF'FFFE, kWrap + 5), kWrap - 2) << "before the numbers went round";
    EXPECT_EQ(widen_sequence(3, kWrap + 5), kWrap + 3);
    EXPECT_EQ(widen_sequence(7, 5), 7U) << "not sent yet";
}

}  // namespace
}  // namespace mynah::client

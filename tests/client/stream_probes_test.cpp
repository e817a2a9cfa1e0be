#include "client/stream_probes.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/outstanding_probes.hpp"

namespace mynah::client {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr ProbeTime kStart{1000s};

TEST(StreamProbe, HasItsSizeNumberAndTime) {
    const Probe probe = make_stream_probe(0x0102, kStart, 56);
    ASSERT_EQ(probe.bytes.size(), 56U);
    EXPECT_EQ(probe.bytes[0], std::byte{0x02});
    EXPECT_EQ(probe.bytes[1], std::byte{0x01});
    EXPECT_EQ(probe.bytes[7], std::byte{0});
    EXPECT_EQ(probe.sequence, 0x0102U);
    EXPECT_EQ(probe.sent_at, kStart);
}

TEST(StreamProbe, DiffersFromItsNeighboursAtAnySize) {
    for (const std::size_t size : {1U, 2U, 8U, 9U, 16U, 17U, 1400U}) {
        EXPECT_EQ(make_stream_probe(1, kStart, size).bytes.size(), size);
        EXPECT_NE(make_stream_probe(1, kStart, size).bytes, make_stream_probe(2, kStart, size).bytes);
    }
}

TEST(StreamProbes, MatchesARepliesBytesInAnyPieces) {
    StreamProbes probes(1s);
    const Probe first = make_stream_probe(1, kStart, 20);
    const Probe second = make_stream_probe(2, kStart + 10ms, 20);
    probes.sent(first);
    probes.sent(second);
    EXPECT_EQ(probes.waiting(), 2U);

    std::vector<std::byte> stream = first.bytes;
    stream.insert(stream.end(), second.bytes.begin(), second.bytes.end());
    const std::span<const std::byte> bytes(stream);
    EXPECT_THAT(probes.received(bytes.first(7), kStart + 20ms).replies, IsEmpty());
    const auto replies = probes.received(bytes.subspan(7, 20), kStart + 30ms).replies;
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].sequence, 1U);
    EXPECT_EQ(replies[0].size, 20U);
    EXPECT_EQ(replies[0].round_trip, 30ms);
    EXPECT_EQ(replies[0].differing_bytes, 0U);
    EXPECT_FALSE(replies[0].overdue);
    const auto rest = probes.received(bytes.subspan(27), kStart + 40ms).replies;
    ASSERT_EQ(rest.size(), 1U);
    EXPECT_EQ(rest[0].sequence, 2U);
    EXPECT_EQ(rest[0].round_trip, 30ms);
    EXPECT_EQ(probes.waiting(), 0U);
    EXPECT_EQ(probes.received({}, kStart + 40ms).foreign_bytes, std::nullopt);
}

TEST(StreamProbes, TellsHowAReplyDiffers) {
    StreamProbes probes(1s);
    Probe first = make_stream_probe(1, kStart, 20);
    const Probe second = make_stream_probe(2, kStart, 20);
    probes.sent(first);
    probes.sent(second);
    first.bytes[3] ^= std::byte{1};
    first.bytes[19] ^= std::byte{0x80};
    auto replies = probes.received(std::span(first.bytes).first(10), kStart).replies;
    EXPECT_THAT(replies, IsEmpty());
    replies = probes.received(std::span(first.bytes).subspan(10), kStart).replies;
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].differing_bytes, 2U);
    EXPECT_EQ(replies[0].first_difference, 3U);
    replies = probes.received(second.bytes, kStart).replies;
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].differing_bytes, 0U);
}

TEST(StreamProbes, CountsBytesThatNobodyAskedFor) {
    StreamProbes probes(1s);
    const Probe probe = make_stream_probe(1, kStart, 4);
    probes.sent(probe);
    std::vector<std::byte> stream = probe.bytes;
    stream.resize(7);
    const Replies first = probes.received(stream, kStart);
    EXPECT_EQ(first.replies.size(), 1U);
    EXPECT_EQ(first.foreign_bytes, 3U);
    const Replies second = probes.received(stream, kStart);
    EXPECT_THAT(second.replies, IsEmpty());
    EXPECT_EQ(second.foreign_bytes, 7U);
}

TEST(StreamProbes, GivesUpEachProbeOnceAndStillKnowsItsReply) {
    StreamProbes probes(100ms);
    const Probe first = make_stream_probe(1, kStart, 20);
    const Probe second = make_stream_probe(2, kStart + 50ms, 20);
    EXPECT_EQ(probes.next_expiry(), std::nullopt);
    probes.sent(first);
    probes.sent(second);
    EXPECT_EQ(probes.next_expiry(), kStart + 100ms);
    EXPECT_THAT(probes.expire(kStart + 99ms), IsEmpty());
    EXPECT_THAT(probes.expire(kStart + 100ms), ElementsAre(1));
    EXPECT_THAT(probes.expire(kStart + 120ms), IsEmpty());
    EXPECT_EQ(probes.waiting(), 1U);
    EXPECT_EQ(probes.next_expiry(), kStart + 150ms);

    const auto late = probes.received(first.bytes, kStart + 130ms).replies;
    ASSERT_EQ(late.size(), 1U);
    EXPECT_TRUE(late[0].overdue);
    EXPECT_EQ(late[0].round_trip, 130ms);
    const auto in_time = probes.received(second.bytes, kStart + 130ms).replies;
    ASSERT_EQ(in_time.size(), 1U);
    EXPECT_FALSE(in_time[0].overdue);
    EXPECT_EQ(probes.next_expiry(), std::nullopt);
}

TEST(StreamProbes, AbandonsWhatWasNotGivenUpYet) {
    StreamProbes probes(100ms);
    const Probe third = make_stream_probe(3, kStart + 90ms, 20);
    probes.sent(make_stream_probe(1, kStart, 20));
    probes.sent(make_stream_probe(2, kStart + 90ms, 20));
    EXPECT_THAT(probes.received(std::span(third.bytes).first(5), kStart + 95ms).replies, IsEmpty());
    EXPECT_THAT(probes.expire(kStart + 100ms), ElementsAre(1));
    EXPECT_THAT(probes.abandon(), ElementsAre(2));
    EXPECT_EQ(probes.waiting(), 0U);

    probes.sent(third);
    const auto replies = probes.received(third.bytes, kStart + 110ms).replies;
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].sequence, 3U);
    EXPECT_EQ(replies[0].differing_bytes, 0U);
    EXPECT_FALSE(replies[0].overdue);
}

}  // namespace
}  // namespace mynah::client

#include "client/watch/datagram_auditor.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/watch/byte_counts.hpp"
#include "client/watch/incident.hpp"
#include "conc/event_source.hpp"
#include "net/probe_frame.hpp"
#include "tests/client/watch/probe_stream.hpp"

namespace mynah::client::watch {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint32_t kPayload = 36;
constexpr std::uint64_t kBytes = net::kProbeHeaderBytes + kPayload;

conc::TimePoint at(std::chrono::nanoseconds time) {
    return conc::TimePoint(time);
}

class DatagramAuditors : public testing::Test {
  protected:
    /// Sends the next frame at that second, and returns it.
    Bytes send(std::int64_t second = 0) {
        const Bytes bytes = frames_.next(kPayload);
        const auto frame = net::read_probe(bytes);
        auditor_.sent(*frame, at(std::chrono::seconds(second)));
        return bytes;
    }

    using Case = std::tuple<IncidentKind, std::uint64_t, std::uint64_t>;
    std::vector<Case> cases() {
        std::vector<Case> all;
        for (const Incident& incident : auditor_.take_incidents()) {
            all.emplace_back(incident.kind, incident.offset, incident.bytes);
        }
        return all;
    }

    ProbeStream frames_;
    DatagramAuditor auditor_{kRun, kConnection};
};

TEST_F(DatagramAuditors, WhatComesBackIsEchoed) {
    const Bytes one = send();
    const Bytes two = send();
    EXPECT_EQ(auditor_.outstanding(), 2 * kBytes);
    const auto back = auditor_.received(one, at(1s));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->sequence, 0U);
    EXPECT_TRUE(auditor_.received(two, at(1s)).has_value());
    EXPECT_EQ(auditor_.outstanding(), 0U);
    auditor_.end(at(1s));
    EXPECT_EQ(auditor_.counts(), (ByteCounts{.sent = 2 * kBytes, .echoed = 2 * kBytes}));
    EXPECT_THAT(cases(), IsEmpty());
}

TEST_F(DatagramAuditors, WhatWasNotHandedOverWasNotSent) {
    const Bytes one = send();
    (void)send();
    auditor_.take_back_sent();
    (void)auditor_.received(one, at(1s));
    auditor_.take_back_sent();
    auditor_.end(at(1s));
    EXPECT_EQ(auditor_.counts(), (ByteCounts{.sent = kBytes, .echoed = kBytes}));
}

TEST_F(DatagramAuditors, WhatIsNotBackInTimeIsSilent) {
    (void)send(1);
    (void)auditor_.received(send(2), at(2s));
    (void)send(3);
    EXPECT_EQ(auditor_.expire(at(3s), at(5s)), 1U);
    EXPECT_EQ(auditor_.counts().silent, kBytes);
    EXPECT_EQ(auditor_.outstanding(), kBytes);
    EXPECT_THAT(cases(), ElementsAre(Case(IncidentKind::silent, 0, kBytes)));
    auditor_.end(at(9s));
    EXPECT_EQ(auditor_.counts(), (ByteCounts{.sent = 3 * kBytes, .echoed = kBytes, .silent = 2 * kBytes}));
}

TEST_F(DatagramAuditors, FramesThatFollowedEachOtherAreSilentTogether) {
    (void)send(1);
    (void)send(1);
    (void)auditor_.received(send(1), at(1s));
    (void)send(1);
    EXPECT_EQ(auditor_.expire(at(2s), at(5s)), 3U);
    EXPECT_THAT(cases(),
                ElementsAre(Case(IncidentKind::silent, 0, 2 * kBytes), Case(IncidentKind::silent, 3 * kBytes, kBytes)));
}

TEST_F(DatagramAuditors, WhatComesLateIsSilentNoMore) {
    const Bytes late = send(1);
    (void)auditor_.expire(at(2s), at(2s));
    EXPECT_TRUE(auditor_.received(late, at(3s)).has_value());
    EXPECT_EQ(auditor_.counts(), (ByteCounts{.sent = kBytes, .echoed = kBytes}));
    EXPECT_THAT(cases(), ElementsAre(Case(IncidentKind::silent, 0, kBytes), Case(IncidentKind::late, 0, kBytes)));
}

TEST_F(DatagramAuditors, WhatComesBehindALaterOneIsReorderedAndEchoed) {
    const Bytes one = send();
    const Bytes two = send();
    (void)auditor_.received(two, at(1s));
    (void)auditor_.received(one, at(1s));
    EXPECT_EQ(auditor_.counts(), (ByteCounts{.sent = 2 * kBytes, .echoed = 2 * kBytes, .reordered = kBytes}));
    EXPECT_THAT(cases(), ElementsAre(Case(IncidentKind::reordered, 0, kBytes)));
}

TEST_F(DatagramAuditors, WhatComesAgainIsDuplicated) {
    const Bytes one = send();
    (void)auditor_.received(one, at(1s));
    EXPECT_FALSE(auditor_.received(one, at(1s)).has_value());
    EXPECT_EQ(auditor_.counts(), (ByteCounts{.sent = kBytes, .echoed = kBytes, .duplicated = kBytes}));
    EXPECT_THAT(cases(), ElementsAre(Case(IncidentKind::duplicated, 0, kBytes)));
}

TEST_F(DatagramAuditors, AByteThatIsChangedIsFoundWhereverItIs) {
    for (std::uint64_t i = 0; i < kBytes; ++i) {
        (void)send();
        Bytes changed = send();
        (void)send();
        changed[i] ^= std::byte{0x81};
        EXPECT_FALSE(auditor_.received(changed, at(1s)).has_value());
        EXPECT_EQ(auditor_.counts().corrupted, i + 1);
        EXPECT_EQ(auditor_.counts().echoed, (i + 1) * (kBytes - 1));
        EXPECT_THAT(cases(), ElementsAre(Case(IncidentKind::corrupted, (3 * i + 1) * kBytes, 1))) << i;
    }
    auditor_.end(at(9s));
    EXPECT_TRUE(auditor_.counts().is_balanced());
}

TEST_F(DatagramAuditors, WhatIsCutOffIsSilentAndWhatIsAddedForeign) {
    Bytes shorter = send();
    shorter.resize(kBytes - 7);
    (void)auditor_.received(shorter, at(1s));
    Bytes longer = send();
    longer.resize(kBytes + 5);
    EXPECT_TRUE(auditor_.received(longer, at(1s)).has_value());
    EXPECT_EQ(auditor_.counts(), (ByteCounts{.sent = 2 * kBytes, .echoed = 2 * kBytes - 7, .silent = 7, .foreign = 5}));
}

TEST_F(DatagramAuditors, AFrameOfAnotherConnectionIsMisdelivered) {
    (void)send();
    (void)auditor_.received(ProbeStream(5).next(10), at(1s));
    EXPECT_EQ(auditor_.counts().misdelivered, 74U);
    const std::vector<Incident> incidents = auditor_.take_incidents();
    ASSERT_EQ(incidents.size(), 1U);
    EXPECT_EQ(incidents[0].other, 5U);
}

TEST_F(DatagramAuditors, AnythingElseIsForeign) {
    (void)send();
    (void)auditor_.received(Bytes(50, std::byte{0xE7}), at(1s));
    (void)auditor_.received(Bytes(), at(1s));
    EXPECT_EQ(auditor_.counts().foreign, 50U);
    EXPECT_THAT(cases(), ElementsAre(Case(IncidentKind::foreign, 0, 50)));
}

TEST_F(DatagramAuditors, ForgetsWhatIsDecidedAndNothingElse) {
    DatagramAuditor auditor(kRun, kConnection, 10);
    std::vector<Bytes> sent;
    for (int i = 0; i < 100; ++i) {
        sent.push_back(frames_.next(kPayload));
        auditor.sent(*net::read_probe(sent.back()), at(0s));
    }
    for (const Bytes& one : sent) {
        EXPECT_TRUE(auditor.received(one, at(1s)).has_value());
    }
    auditor.sent(*net::read_probe(frames_.next(kPayload)), at(0s));
    EXPECT_FALSE(auditor.received(sent[3], at(1s)).has_value());
    EXPECT_EQ(auditor.counts().duplicated, kBytes);
    EXPECT_EQ(auditor.expire(at(1s), at(2s)), 1U);
    EXPECT_TRUE(auditor.counts().is_balanced());
}

TEST_F(DatagramAuditors, ALateOneIsKnownHoweverManyCameMeanwhile) {
    DatagramAuditor auditor(kRun, kConnection, 10);
    const auto send_to = [&] {
        const Bytes bytes = frames_.next(kPayload);
        auditor.sent(*net::read_probe(bytes), at(0s));
        return bytes;
    };
    const Bytes late = send_to();
    for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(auditor.received(send_to(), at(1s)).has_value());
    }
    EXPECT_EQ(auditor.expire(at(1s), at(2s)), 1U);
    (void)send_to();
    EXPECT_TRUE(auditor.received(late, at(3s)).has_value());
    EXPECT_EQ(auditor.counts().duplicated, 0U);
    EXPECT_EQ(auditor.counts().echoed, 101 * kBytes);
}

TEST_F(DatagramAuditors, OneThatIsDamagedBeyondItsNameIsFoundNearTheOldest) {
    std::vector<Bytes> sent;
    for (int i = 0; i < 5000; ++i) {
        sent.push_back(send());
    }
    for (int i = 0; i < 4000; ++i) {
        EXPECT_TRUE(auditor_.received(sent[static_cast<std::size_t>(i)], at(1s)).has_value());
    }
    Bytes changed = sent[4100];
    std::ranges::fill_n(changed.begin(), 40, std::byte{0xEE});  // magic and sequence too
    (void)auditor_.received(changed, at(1s));
    EXPECT_EQ(auditor_.counts().corrupted, 40U);
    EXPECT_EQ(auditor_.counts().foreign, 0U);
    auditor_.end(at(2s));
    EXPECT_TRUE(auditor_.counts().is_balanced());
}

/// What the network did to one frame, and what that has to be counted as.
TEST_F(DatagramAuditors, AgreesWithAModelOfARandomNetwork) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        std::mt19937 random(seed);
        const auto draw = [&random](std::size_t most) {
            return std::uniform_int_distribution<std::size_t>(0, most)(random);
        };
        ProbeStream frames;
        DatagramAuditor auditor(kRun, kConnection);
        ByteCounts expected;
        struct InTheNetwork {
            Bytes bytes;
            std::uint64_t sequence;
            std::size_t changed;
        };
        std::vector<InTheNetwork> network;
        for (std::uint64_t i = 0; i < 60; ++i) {
            Bytes bytes = frames.next(static_cast<std::uint32_t>(draw(200)));
            expected.sent += bytes.size();
            auditor.sent(*net::read_probe(bytes), at(0s));
            if (draw(9) == 0) {
                expected.silent += bytes.size();
                continue;
            }
            if (draw(9) == 0) {
                network.push_back({.bytes = bytes, .sequence = i, .changed = 0});
                expected.duplicated += bytes.size();
            }
            const std::size_t changed =
                draw(4) == 0 && (network.empty() || network.back().sequence != i) ? 1 + draw(9) : 0;
            for (std::size_t k = 0; k < changed; ++k) {
                bytes[bytes.size() / changed * k] ^= static_cast<std::byte>(1 + draw(254));
            }
            expected.corrupted += changed;
            expected.echoed += bytes.size() - changed;
            network.push_back({.bytes = bytes, .sequence = i, .changed = changed});
        }
        std::ranges::shuffle(network, random);
        std::vector<bool> came(60);
        std::uint64_t latest = 0;
        for (const InTheNetwork& one : network) {
            (void)auditor.received(one.bytes, at(1s));
            expected.reordered += !came[one.sequence] && one.sequence < latest ? one.bytes.size() : 0;
            came[one.sequence] = true;
            latest = std::max(latest, one.sequence);
        }
        auditor.end(at(2s));
        EXPECT_TRUE(auditor.counts().is_balanced());
        EXPECT_EQ(auditor.counts(), expected) << seed;
    }
}

}  // namespace
}  // namespace mynah::client::watch

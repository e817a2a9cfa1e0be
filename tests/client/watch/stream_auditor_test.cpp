#include "client/watch/stream_auditor.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/watch/byte_counts.hpp"
#include "client/watch/incident.hpp"
#include "conc/event_source.hpp"
#include "tests/client/watch/probe_stream.hpp"

namespace mynah::client::watch {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr conc::TimePoint kNow{std::chrono::seconds(7)};

std::ptrdiff_t signed_(std::size_t number) {
    return static_cast<std::ptrdiff_t>(number);
}

struct Audit {
    ByteCounts counts;
    std::vector<Incident> incidents;
};

using Case = std::tuple<IncidentKind, std::uint64_t, std::uint64_t>;

std::vector<Case> cases(const Audit& audit) {
    std::vector<Case> all;
    for (const Incident& incident : audit.incidents) {
        all.emplace_back(incident.kind, incident.offset, incident.bytes);
    }
    return all;
}

/// All of `sent` was sent before anything came; `received` comes in pieces of `piece` bytes.
Audit audit(const Bytes& sent, const Bytes& received, std::size_t piece = 1000, StreamEnd how = StreamEnd::fin) {
    StreamAuditor auditor(kRun, kConnection);
    auditor.sent(sent);
    for (std::size_t at = 0; at < received.size(); at += piece) {
        auditor.received(std::span(received).subspan(at, std::min(piece, received.size() - at)), kNow);
    }
    auditor.end(how, kNow);
    EXPECT_TRUE(auditor.counts().is_balanced());
    return {.counts = auditor.counts(), .incidents = auditor.take_incidents()};
}

/// 40 frames of 64 bytes and a payload.
Bytes stream(std::uint32_t payload_bytes = 136) {
    return ProbeStream().frames(40, payload_bytes);
}

Bytes without(Bytes bytes, std::size_t at, std::size_t count) {
    bytes.erase(bytes.begin() + signed_(at), bytes.begin() + signed_(at + count));
    return bytes;
}

Bytes with(Bytes bytes, std::size_t at, const Bytes& more) {
    bytes.insert(bytes.begin() + signed_(at), more.begin(), more.end());
    return bytes;
}

Bytes part(const Bytes& bytes, std::size_t at, std::size_t count) {
    return {bytes.begin() + signed_(at), bytes.begin() + signed_(at + count)};
}

TEST(StreamAuditor, WhatComesBackAsItWasSentIsEchoed) {
    const Bytes sent = stream();
    for (const std::size_t piece : {1U, 7U, 200U, 100'000U}) {
        const Audit clean = audit(sent, sent, piece);
        EXPECT_EQ(clean.counts, (ByteCounts{.sent = sent.size(), .echoed = sent.size()}));
        EXPECT_THAT(clean.incidents, IsEmpty());
    }
}

TEST(StreamAuditor, SaysWhatIsDecidedAsItGoesOn) {
    const Bytes sent = stream();
    StreamAuditor auditor(kRun, kConnection);
    auditor.sent(std::span(sent).first(400));
    EXPECT_EQ(auditor.outstanding(), 400U);
    auditor.received(std::span(sent).first(150), kNow);
    EXPECT_EQ(auditor.decided(), 150U);
    EXPECT_EQ(auditor.outstanding(), 250U);
    EXPECT_EQ(auditor.unexplained(), 0U);
}

TEST(StreamAuditor, WhatIsNotBackAtTheEndHasTheEndsName) {
    const Bytes sent = stream();
    const Bytes some = part(sent, 0, 555);
    const std::uint64_t left = sent.size() - 555;
    Audit ended = audit(sent, some, 1000, StreamEnd::fin);
    EXPECT_EQ(ended.counts, (ByteCounts{.sent = sent.size(), .echoed = 555, .unacknowledged = left}));
    EXPECT_THAT(cases(ended), ElementsAre(Case(IncidentKind::unacknowledged, 555, left)));
    ended = audit(sent, some, 1000, StreamEnd::reset);
    EXPECT_EQ(ended.counts, (ByteCounts{.sent = sent.size(), .echoed = 555, .reset = left}));
    EXPECT_THAT(cases(ended), ElementsAre(Case(IncidentKind::reset, 555, left)));
    ended = audit(sent, some, 1000, StreamEnd::silence);
    EXPECT_EQ(ended.counts, (ByteCounts{.sent = sent.size(), .echoed = 555, .silent = left}));
    EXPECT_THAT(cases(ended), ElementsAre(Case(IncidentKind::silent, 555, left)));
}

TEST(StreamAuditor, AByteThatIsChangedIsFoundWhereverItIs) {
    const Bytes sent = stream();
    for (std::size_t at = 0; at < 500; ++at) {
        Bytes received = sent;
        received[at] ^= std::byte{0xFF};
        const Audit found = audit(sent, received, 1 + at % 300);
        EXPECT_EQ(found.counts, (ByteCounts{.sent = sent.size(), .echoed = sent.size() - 1, .corrupted = 1})) << at;
        EXPECT_THAT(cases(found), ElementsAre(Case(IncidentKind::corrupted, at, 1)));
    }
}

TEST(StreamAuditor, TheLastBytesMayBeChangedToo) {
    const Bytes sent = stream();
    for (std::size_t at = sent.size() - 60; at < sent.size(); ++at) {
        Bytes received = sent;
        received[at] ^= std::byte{1};
        EXPECT_THAT(cases(audit(sent, received)), ElementsAre(Case(IncidentKind::corrupted, at, 1))) << at;
    }
}

TEST(StreamAuditor, ASpanThatIsMissingIsSilentWhereverItBeginsAndEnds) {
    const Bytes sent = stream();
    for (std::size_t at = 0; at < 420; ++at) {
        for (const std::size_t count : {1U, 2U, 3U, 40U, 64U, 136U, 200U, 333U, 2000U}) {
            const Audit found = audit(sent, without(sent, at, count), 1 + at % 300);
            EXPECT_EQ(found.counts, (ByteCounts{.sent = sent.size(), .echoed = sent.size() - count, .silent = count}))
                << at << " " << count;
            ASSERT_EQ(found.incidents.size(), 1U);
            // Where the bytes before and behind the span are alike, it may stand a little earlier or later.
            EXPECT_NEAR(static_cast<double>(found.incidents[0].offset), static_cast<double>(at), 24);
            EXPECT_EQ(found.incidents[0].at, kNow);
        }
    }
}

TEST(StreamAuditor, AFrameThatIsMissingIsMissingFromItsBeginning) {
    const Bytes sent = stream();
    EXPECT_THAT(cases(audit(sent, without(sent, 600, 200))), ElementsAre(Case(IncidentKind::silent, 600, 200)));
}

TEST(StreamAuditor, ASpanThatComesTwiceIsDuplicatedWhereverItBeginsAndEnds) {
    const Bytes sent = stream();
    for (std::size_t at = 0; at < 420; ++at) {
        for (const std::size_t count : {1U, 2U, 3U, 40U, 64U, 136U, 200U, 333U, 2000U}) {
            const Audit found = audit(sent, with(sent, at + count, part(sent, at, count)), 1 + at % 300);
            EXPECT_EQ(found.counts, (ByteCounts{.sent = sent.size(), .echoed = sent.size(), .duplicated = count}))
                << at << " " << count;
            ASSERT_EQ(found.incidents.size(), 1U) << at << " " << count;
            EXPECT_EQ(found.incidents[0].bytes, count);
            EXPECT_NEAR(static_cast<double>(found.incidents[0].offset), static_cast<double>(at), 24);
        }
    }
}

TEST(StreamAuditor, FramesWithoutPayloadAreKnownByTheirHeaders) {
    const Bytes sent = stream(0);
    for (std::size_t at = 0; at < 200; ++at) {
        for (const std::size_t count : {1U, 5U, 64U, 100U}) {
            EXPECT_EQ(audit(sent, without(sent, at, count)).counts,
                      (ByteCounts{.sent = sent.size(), .echoed = sent.size() - count, .silent = count}))
                << at << " " << count;
            EXPECT_EQ(audit(sent, with(sent, at + count, part(sent, at, count))).counts,
                      (ByteCounts{.sent = sent.size(), .echoed = sent.size(), .duplicated = count}))
                << at << " " << count;
        }
    }
}

TEST(StreamAuditor, SeveralFaultsInOneFrameAreToldApart) {
    const Bytes sent = ProbeStream().frames(10, 500);
    Bytes received = sent;
    received[3000] ^= std::byte{2};                         // the latest first, so that the places before stay
    received = with(received, 2900, part(sent, 2860, 40));  // twice
    received = without(received, 2800, 17);
    received[2760] ^= std::byte{1};
    received[2761] ^= std::byte{1};
    const Audit found = audit(sent, received);
    EXPECT_EQ(
        found.counts,
        (ByteCounts{.sent = sent.size(), .echoed = sent.size() - 20, .silent = 17, .corrupted = 3, .duplicated = 40}));
    EXPECT_THAT(cases(found),
                ElementsAre(Case(IncidentKind::corrupted, 2760, 2), Case(IncidentKind::silent, 2800, 17),
                            Case(IncidentKind::duplicated, 2860, 40), Case(IncidentKind::corrupted, 3000, 1)));
}

TEST(StreamAuditor, AFrameOfAnotherConnectionIsMisdelivered) {
    const Bytes sent = stream();
    const std::uint64_t other = kConnection + (std::uint64_t{1} << 56U);  // not even its first bytes differ
    const Bytes strange = ProbeStream(other).frames(1, 136);
    for (std::size_t at = 0; at <= 600; ++at) {
        const Audit found = audit(sent, with(sent, at, strange), 1 + at % 300);
        EXPECT_EQ(found.counts, (ByteCounts{.sent = sent.size(), .echoed = sent.size(), .misdelivered = 200})) << at;
        ASSERT_EQ(found.incidents.size(), 1U);
        EXPECT_EQ(found.incidents[0].offset, at);
        EXPECT_EQ(found.incidents[0].other, other);
    }
}

TEST(StreamAuditor, AFrameInThePlaceOfOursIsMisdeliveredAndOursIsSilent) {
    const Bytes sent = stream();
    const Bytes strange = ProbeStream(7).frames(2, 136);
    const Audit found = audit(sent, with(without(sent, 600, 200), 600, strange));
    EXPECT_EQ(found.counts,
              (ByteCounts{.sent = sent.size(), .echoed = sent.size() - 200, .silent = 200, .misdelivered = 400}));
}

TEST(StreamAuditor, BytesThatWereNeverSentAreForeign) {
    const Bytes sent = stream();
    const Bytes junk(33, std::byte{0xA5});
    for (const std::size_t at : {std::size_t{0}, std::size_t{1}, std::size_t{199}, std::size_t{200}, sent.size()}) {
        const Audit found = audit(sent, with(sent, at, junk));
        EXPECT_EQ(found.counts, (ByteCounts{.sent = sent.size(), .echoed = sent.size(), .foreign = 33})) << at;
        EXPECT_THAT(cases(found), ElementsAre(Case(IncidentKind::foreign, at, 33)));
    }
}

TEST(StreamAuditor, ForeignBytesThatAreRightByChanceAreForeign) {
    const Bytes sent = stream();
    Bytes junk;
    for (unsigned i = 0; i < 2000; ++i) {
        junk.push_back(static_cast<std::byte>(i * i + i / 7));
    }
    EXPECT_EQ(audit(sent, with(sent, 4000, junk)).counts,
              (ByteCounts{.sent = sent.size(), .echoed = sent.size(), .foreign = 2000}));
}

TEST(StreamAuditor, BeforeTheEndAFewBytesAreEnough) {
    const Bytes sent = stream();
    const std::size_t at = sent.size() - 36;
    EXPECT_THAT(cases(audit(sent, without(sent, at, 30))), ElementsAre(Case(IncidentKind::silent, at, 30)));
}

TEST(StreamAuditor, WhatWasNotHandedOverWasNotSent) {
    const Bytes sent = stream();
    StreamAuditor auditor(kRun, kConnection);
    auditor.sent(sent);
    auditor.received(std::span(sent).first(700), kNow);
    auditor.take_back_sent(sent.size() - 1000);
    EXPECT_EQ(auditor.outstanding(), 300U);
    auditor.end(StreamEnd::fin, kNow);
    EXPECT_EQ(auditor.counts(), (ByteCounts{.sent = 1000, .echoed = 700, .unacknowledged = 300}));
}

TEST(StreamAuditor, ALongSpanOfOtherValuesIsChanged) {
    const Bytes sent = stream();
    Bytes received = sent;
    std::uint64_t changed = 0;
    for (std::size_t at = 1000; at < 1500; ++at) {
        changed += received[at] != std::byte{0} ? 1U : 0U;
        received[at] = std::byte{0};
    }
    EXPECT_EQ(audit(sent, received).counts,
              (ByteCounts{.sent = sent.size(), .echoed = sent.size() - changed, .corrupted = changed}));
}

TEST(StreamAuditor, WhatComesLaterThanItShouldIsSilentAndReordered) {
    const Bytes sent = stream();
    const Bytes swapped = with(without(sent, 600, 200), 900, part(sent, 600, 200));
    const Audit found = audit(sent, swapped);
    EXPECT_EQ(found.counts,
              (ByteCounts{.sent = sent.size(), .echoed = sent.size() - 200, .silent = 200, .reordered = 200}));
    EXPECT_THAT(cases(found),
                ElementsAre(Case(IncidentKind::silent, 600, 200), Case(IncidentKind::reordered, 600, 200)));
}

TEST(StreamAuditor, ADuplicateLongerThanAnythingUnexplainedIsFollowed) {
    const Bytes sent = ProbeStream().frames(100, 400);
    const Audit found = audit(sent, with(sent, 40'000, part(sent, 5000, 35'000)), 997);
    EXPECT_EQ(found.counts, (ByteCounts{.sent = sent.size(), .echoed = sent.size(), .duplicated = 35'000}));
    EXPECT_THAT(cases(found), ElementsAre(Case(IncidentKind::duplicated, 5000, 35'000)));
}

TEST(StreamAuditor, FaultsAreToldWhileTheStreamGoesOn) {
    ProbeStream frames;
    StreamAuditor auditor(kRun, kConnection);
    const Bytes first = frames.next(100);
    auditor.sent(first);
    Bytes changed = first;
    changed[70] ^= std::byte{1};
    auditor.received(changed, kNow);
    EXPECT_THAT(auditor.take_incidents(), testing::SizeIs(1)) << "94 bytes behind it are in step";
    EXPECT_EQ(auditor.decided(), 164U);
    const Bytes second = frames.next(100);
    auditor.sent(second);
    auditor.received(second, kNow);
    EXPECT_THAT(auditor.take_incidents(), IsEmpty());
}

TEST(StreamAuditor, APeerThatSendsAnythingIsBounded) {
    StreamAuditor auditor(kRun, kConnection, {.history_bytes = 1000, .unexplained_bytes = 5000});
    ProbeStream frames;
    const Bytes junk(777, std::byte{0x5A});
    for (int i = 0; i < 100; ++i) {
        auditor.received(junk, kNow);
        EXPECT_LT(auditor.unexplained(), 5000U);
    }
    const Bytes frame = frames.next(1000);
    auditor.sent(frame);
    auditor.received(frame, kNow);
    auditor.end(StreamEnd::fin, kNow);
    EXPECT_EQ(auditor.counts(),
              (ByteCounts{.sent = frame.size(), .echoed = frame.size(), .foreign = 100 * junk.size()}));
}

TEST(StreamAuditor, AMillionFramesReportNothing) {
    StreamAuditor auditor(kRun, kConnection);
    ProbeStream frames;
    constexpr std::uint64_t kFrames = 1'000'000;
    for (std::uint64_t i = 0; i < kFrames; ++i) {
        const Bytes frame = frames.next(40);
        auditor.sent(frame);
        auditor.received(std::span(frame).first(50), kNow);
        auditor.received(std::span(frame).subspan(50), kNow);
    }
    auditor.end(StreamEnd::fin, kNow);
    EXPECT_EQ(auditor.counts(), (ByteCounts{.sent = kFrames * 104, .echoed = kFrames * 104}));
    EXPECT_THAT(auditor.take_incidents(), IsEmpty());
}

}  // namespace
}  // namespace mynah::client::watch

// The auditor against a model that knows what was done to each byte.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "client/watch/byte_counts.hpp"
#include "client/watch/stream_auditor.hpp"
#include "conc/event_source.hpp"
#include "tests/client/watch/damage.hpp"
#include "tests/client/watch/probe_stream.hpp"

namespace mynah::client::watch {
namespace {

using namespace testing_support;

// Shown where a test fails.
std::string text(const ByteCounts& counts) {
    return "sent " + std::to_string(counts.sent) + " echoed " + std::to_string(counts.echoed) + " unacknowledged " +
           std::to_string(counts.unacknowledged) + " silent " + std::to_string(counts.silent) + " corrupted " +
           std::to_string(counts.corrupted) + " duplicated " + std::to_string(counts.duplicated) + " misdelivered " +
           std::to_string(counts.misdelivered) + " reordered " + std::to_string(counts.reordered) + " foreign " +
           std::to_string(counts.foreign);
}

class StreamAuditorAgainstModel : public testing::TestWithParam<std::uint32_t> {
  protected:
    static constexpr std::size_t kSpacing = 32;

    /// Frames of `payload_bytes`, or of any size; some faults, or a single one. Nothing comes before it was sent.
    static void run(unsigned seed, std::uint32_t payload_bytes) {
        std::mt19937 random(seed);
        const auto draw = [&random](std::size_t least, std::size_t most) {
            return std::uniform_int_distribution<std::size_t>(least, most)(random);
        };
        ProbeStream frames;
        Bytes sent;
        while (sent.size() < 12'000) {
            const auto size = payload_bytes > 0 ? payload_bytes : static_cast<std::uint32_t>(draw(0, 700));
            const Bytes frame = frames.next(size);
            sent.insert(sent.end(), frame.begin(), frame.end());
        }
        Damage damage(sent, seed);
        const std::string done = damage.do_harm(draw(1, 8), kSpacing);
        const Bytes received = damage.received();
        StreamAuditor auditor(kRun, kConnection);
        std::size_t sent_so_far = 0;
        for (std::size_t at = 0; at < received.size();) {
            // What is repeated or misdelivered may come long after it was sent; never the other way round.
            const std::size_t ahead = std::min(sent.size(), at + 4000);
            if (ahead > sent_so_far) {
                auditor.sent(std::span(sent).subspan(sent_so_far, ahead - sent_so_far));
                sent_so_far = ahead;
            }
            const std::size_t count = std::min(received.size() - at, draw(1, draw(0, 1) == 0 ? 50 : 2000));
            auditor.received(std::span(received).subspan(at, count), conc::TimePoint());
            at += count;
        }
        auditor.sent(std::span(sent).subspan(sent_so_far));
        auditor.end(StreamEnd::fin, conc::TimePoint());
        ASSERT_TRUE(auditor.counts().is_balanced()) << "seed " << seed << ": " << done;
        ASSERT_EQ(text(auditor.counts()), text(damage.counts())) << "seed " << seed << ": " << done;
    }
};

TEST_P(StreamAuditorAgainstModel, EveryByteHasTheSameClass) {
    for (unsigned seed = 0; seed < 150 && !HasFatalFailure(); ++seed) {
        run(seed, GetParam());
    }
}

INSTANTIATE_TEST_SUITE_P(Payloads, StreamAuditorAgainstModel, testing::Values(0U, 1U, 40U, 136U, 1000U, 5000U));

}  // namespace
}  // namespace mynah::client::watch

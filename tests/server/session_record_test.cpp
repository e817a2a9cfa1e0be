#include "server/session_record.hpp"

#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace mynah::server {
namespace {

TEST(SessionRecord, EveryCloseReasonHasItsOwnWord) {
    std::set<std::string_view> words;
    for (const CloseReason reason : {CloseReason::end_of_stream, CloseReason::reset, CloseReason::error,
                                     CloseReason::idle_timeout, CloseReason::write_timeout, CloseReason::drained,
                                     CloseReason::linger_expired, CloseReason::cut, CloseReason::fault}) {
        words.insert(to_string(reason));
    }
    EXPECT_EQ(words.size(), 9U);
    EXPECT_FALSE(words.contains("unknown"));
}

TEST(SessionRecord, DrainPhasesAreSpelledAsTheLogsSpellThem) {
    EXPECT_EQ(to_string(DrainPhase::serving), "serving");
    EXPECT_EQ(to_string(DrainPhase::not_ready), "not_ready");
    EXPECT_EQ(to_string(DrainPhase::draining), "draining");
    EXPECT_EQ(to_string(DrainPhase::closing), "closing");
    EXPECT_EQ(to_string(DrainPhase::stopped), "stopped");
}

}  // namespace
}  // namespace mynah::server

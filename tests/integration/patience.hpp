// patience.hpp -- how long a test waits for something that must happen.
//
// What     patience(d): d, stretched in sanitizer builds and by MYNAH_TEST_PATIENCE (a factor, for slow machines).
//          eventually(condition, limit): polls until the condition holds.
// Threads  any.
// Cost     a wait ends as soon as the condition holds; only a failing test pays the whole limit.
#pragma once

#include <chrono>
#include <functional>

namespace mynah::integration {

using Clock = std::chrono::steady_clock;

// The factor applied to every limit: 1, or more where the programs run slowly.
int patience_factor();

// A limit for waiting, never a duration to sleep for.
std::chrono::milliseconds patience(std::chrono::milliseconds plain = std::chrono::seconds(20));

// True as soon as `condition` is; false when the limit passes first.
[[nodiscard]] bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit = patience());

}  // namespace mynah::integration

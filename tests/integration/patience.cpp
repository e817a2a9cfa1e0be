#include "tests/integration/patience.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>

namespace mynah::integration {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kBuildFactor = 5;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr int kBuildFactor = 5;
#else
constexpr int kBuildFactor = 1;
#endif
#else
constexpr int kBuildFactor = 1;
#endif

int read_factor() {
    const char* text = std::getenv("MYNAH_TEST_PATIENCE");
    const int asked = text == nullptr ? 1 : std::atoi(text);
    return kBuildFactor * std::max(asked, 1);
}

}  // namespace

int patience_factor() {
    static const int factor = read_factor();
    return factor;
}

std::chrono::milliseconds patience(std::chrono::milliseconds plain) {
    return plain * patience_factor();
}

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
    const auto end = Clock::now() + limit;
    while (!condition()) {
        if (Clock::now() >= end) {
            return condition();
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

}  // namespace mynah::integration

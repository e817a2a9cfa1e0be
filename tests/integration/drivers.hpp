// drivers.hpp -- the drivers of mynahd that a test is repeated for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace mynah::integration {

// A test suite whose parameter is a driver's name.
class WithDriver : public testing::TestWithParam<const char*> {
  protected:
    // The flags of a daemon with this test's driver, and `more`.
    [[nodiscard]] static std::vector<std::string> flags(std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"--driver", GetParam()});
        return more;
    }
};

inline std::string driver_name(const testing::TestParamInfo<const char*>& tested) {
    return tested.param;
}

}  // namespace mynah::integration

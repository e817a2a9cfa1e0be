#include "server/datagram_guard.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

namespace mynah::server {
namespace {

TEST(DatagramGuard, RefusesServicesThatAnswerAnything) {
    const DatagramGuard guard({});
    // CERT/CC VU#417980 and CISA TA14-017A name these; 9, 11, 13 and 37 are RFC 863, 866, 867 and 868.
    constexpr std::array<std::uint16_t, 20> kNamed{0,   7,   9,   11,  13,  17,  19,  37,   53,   69,
                                                   111, 123, 137, 138, 161, 389, 520, 1900, 5353, 11211};
    for (const std::uint16_t port : kNamed) {
        EXPECT_FALSE(guard.allows(port)) << port;
    }
    std::size_t refused = 0;
    for (std::uint32_t port = 0; port <= 65'535; ++port) {
        refused += guard.allows(static_cast<std::uint16_t>(port)) ? 0U : 1U;
    }
    EXPECT_EQ(refused, DatagramGuard::well_known().size());
}

TEST(DatagramGuard, RefusesThePortsOnWhichWeEchoOurselves) {
    const std::array<std::uint16_t, 2> own{7007, 65'535};
    const DatagramGuard guard(own);
    EXPECT_FALSE(guard.allows(7007));
    EXPECT_FALSE(guard.allows(65'535));
    EXPECT_TRUE(guard.allows(7008));
}

}  // namespace
}  // namespace mynah::server

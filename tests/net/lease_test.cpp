#include "net/lease.hpp"

#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/internal/buffer_pool.hpp"

namespace mynah::net {
namespace {

Lease filled(std::size_t bytes, int value) {
    Lease lease = Lease::take(bytes);
    std::memset(lease.room().data(), value, lease.capacity());
    lease.set_size(bytes);
    return lease;
}

TEST(Lease, HasAtLeastTheRoomAskedFor) {
    for (const std::size_t bytes : {1U, 1000U, 1024U, 1025U, 65536U, 100'000U}) {
        const Lease lease = Lease::take(bytes);
        EXPECT_GE(lease.capacity(), bytes);
        EXPECT_TRUE(lease.empty());
    }
    EXPECT_EQ(Lease::take(0).capacity(), internal::kSmallestBuffer);
    EXPECT_EQ(Lease::take(std::size_t{1} << 30U).capacity(), internal::kLargestBuffer);
}

TEST(Lease, MovesItsBytes) {
    Lease first = filled(3, 'a');
    EXPECT_EQ(first.text(), "aaa");
    Lease second = std::move(first);
    EXPECT_EQ(second.text(), "aaa");
    EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): empty is what it promises
    second = filled(2, 'b');
    EXPECT_EQ(second.text(), "bb");
    EXPECT_EQ(second.bytes().size(), 2U);
}

TEST(Lease, TwoAtOnceDoNotShareABuffer) {
    std::vector<Lease> leases;
    for (int i = 0; i < 100; ++i) {
        leases.push_back(filled(1024, i));
    }
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(leases[static_cast<std::size_t>(i)].text(), std::string(1024, static_cast<char>(i)));
    }
}

TEST(Lease, MayEndOnAnotherThread) {
    for (int i = 0; i < 100; ++i) {
        Lease lease = filled(4096, 'x');
        std::thread([held = std::move(lease)] { EXPECT_EQ(held.size(), 4096U); }).join();
    }
}

}  // namespace
}  // namespace mynah::net

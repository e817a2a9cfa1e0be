// How large the buffers are that receive() lends, as messages grow and shrink.
#include <cstddef>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "conc/task.hpp"
#include "net/lease.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"
#include "tests/net/net_test.hpp"

namespace mynah::net::test {
namespace {

class ReceiveSize : public EachDriver {};
MYNAH_FOR_EACH_DRIVER(ReceiveSize);

// An echo of 64 B, then of 64 KiB, then of 64 B again: the buffer is no larger than that asks for, but for a while.
conc::Task<> sizes_up_and_down() {
    constexpr std::size_t kLarge = 65536;
    Pair pair = connected_pair();
    std::size_t capacity = 0;
    const auto exchange = [&](std::size_t bytes) -> conc::Task<std::size_t> {
        const std::string message = pattern(bytes);
        std::thread sender([&] { plain_send(pair.peer, message); });
        std::size_t receives = 0;
        for (std::size_t received = 0; received < bytes; ++receives) {
            const Result<Lease> lease = co_await pair.stream.receive(kPatience);
            if (!lease || lease->empty()) {
                ADD_FAILURE() << "the message was cut short";
                break;
            }
            capacity = lease->capacity();
            received += lease->size();
        }
        sender.join();
        co_return receives;
    };
    std::size_t receives = co_await exchange(64);
    EXPECT_EQ(receives, 1U);
    EXPECT_EQ(capacity, 4096U);
    for (int i = 0; i < 20 && capacity < kLarge; ++i) {
        co_await exchange(kLarge);
    }
    EXPECT_GE(capacity, kLarge);
    for (int i = 0; i < 6; ++i) {
        receives = co_await exchange(64);
        EXPECT_EQ(receives, 1U);
    }
    EXPECT_EQ(capacity, 4096U);
}
TEST_P(ReceiveSize, FollowsTheMessagesUpAndDown) {
    run_on(GetParam(), sizes_up_and_down());
}

}  // namespace
}  // namespace mynah::net::test

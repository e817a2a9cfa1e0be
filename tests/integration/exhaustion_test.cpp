// Out of descriptors: the daemon neither spins nor dies, and goes on as soon as there are some again.
#include <chrono>
#include <cstddef>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/drivers.hpp"
#include "tests/integration/echo_client.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/patience.hpp"

namespace mynah::integration {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using End = EchoConnection::End;

bool echoed(const EchoConnection& connection) {
    return connection.is_all_echoed() && connection.is_exact_prefix();
}
bool finished(const EchoConnection& connection) {
    return connection.end() != End::none;
}
bool waiting(const EchoConnection& connection) {
    return !echoed(connection) && !finished(connection);
}

class Exhaustion : public WithDriver {};
INSTANTIATE_TEST_SUITE_P(Drivers, Exhaustion, testing::Values("select", "poll", "epoll", "io_uring"), driver_name);

TEST_P(Exhaustion, OutOfDescriptorsDoesNotSpinAndServiceResumes) {
    constexpr rlim_t kDescriptors = 64;
    constexpr std::size_t kClients = 120;
    constexpr std::size_t kServedAtLeast = 24;
    Daemon daemon(Daemon::Options{.arguments = flags({"--workers", "1", "--drain-linger", "100ms"}),
                                  .max_descriptors = kDescriptors});
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), {.total_bytes = 500}, kClients);
    // Full: as many as there are descriptors for are served, and no other is.
    ASSERT_TRUE(fleet.run_until([&] { return fleet.count(echoed) >= kServedAtLeast; }));
    std::size_t served = 0;
    auto last_change = Clock::now();
    ASSERT_TRUE(fleet.run_until([&] {
        if (fleet.count(echoed) != served) {
            served = fleet.count(echoed);
            last_change = Clock::now();
        }
        return Clock::now() - last_change > patience(milliseconds(300));
    }));
    EXPECT_LT(served, kDescriptors);

    const auto window = milliseconds(1500);
    const auto begin = Clock::now();
    const microseconds cpu_before = daemon.process().cpu_time();
    ASSERT_TRUE(fleet.run_until([&] { return Clock::now() - begin >= window; }));
    const microseconds used = daemon.process().cpu_time() - cpu_before;
    const microseconds elapsed = std::chrono::duration_cast<microseconds>(Clock::now() - begin);
    EXPECT_LT(used * 20, elapsed) << "over 5 % of a core: " << used.count() << " of " << elapsed.count() << " us";

    // Those who were served leave: those who wait get their turn, and so does who comes now.
    for (EchoConnection& connection : fleet.connections()) {
        if (echoed(connection)) {
            connection.traffic().half_close = true;
        }
    }
    ASSERT_TRUE(fleet.run_until([&] {
        for (EchoConnection& connection : fleet.connections()) {
            if (echoed(connection)) {
                connection.traffic().half_close = true;
            }
        }
        return fleet.count(waiting) == 0;
    })) << fleet.count(waiting)
        << " are still waiting";
    EchoFleet later;
    later.add(daemon.endpoint(), {.total_bytes = 500}, 5);
    EXPECT_TRUE(later.run_until([&] { return later.all(echoed); }));

    EXPECT_TRUE(daemon.wait_for_log("descriptor limit is lower than limits.connections needs limit=64"));
    EXPECT_TRUE(daemon.wait_for_log("Too many open files")) << "exhaustion is not in the log";
    EXPECT_LE(lines_of(daemon.log()).size(), 100U) << "a peer drives the log";
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

// The select driver has no room beyond FD_SETSIZE: who comes later is refused, clearly, and the others go on.
TEST(SelectDriver, RefusesDescriptorsBeyondFdSetSizeAndServesTheOthers) {
    constexpr std::size_t kFirst = 900;
    constexpr std::size_t kMore = 300;
    raise_descriptor_limit();
    Daemon daemon({"--driver", "select", "--workers", "2", "--drain-linger", "100ms"});
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), {.total_bytes = 1}, kFirst);
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all(echoed); }));
    EchoFleet beyond;
    beyond.add(daemon.endpoint(), {.total_bytes = 100}, kMore);
    ASSERT_TRUE(beyond.run_until([&] { return beyond.count(waiting) == 0; }))
        << beyond.count(waiting) << " neither served nor refused";
    const std::size_t served = fleet.size() + beyond.count(echoed);
    EXPECT_LE(served, 1024U);
    EXPECT_GE(beyond.count(finished), fleet.size() + kMore - 1024);
    EXPECT_TRUE(daemon.wait_for_log("too high for select")) << "the refusal is not in the log";
    EXPECT_LE(lines_of(daemon.log()).size(), 100U) << "a peer drives the log";

    // All who were there before still are, and still get their bytes back.
    for (EchoConnection& connection : fleet.connections()) {
        connection.traffic().total_bytes = 5'000;
    }
    EXPECT_TRUE(fleet.run_until([&] { return fleet.all(echoed) || fleet.count(finished) > 0; }));
    EXPECT_EQ(fleet.count(echoed), kFirst);

    // And once some have left, others have room again.
    fleet.close_all();
    EXPECT_TRUE(eventually([&] {
        EchoFleet later;
        later.add(daemon.endpoint(), {.total_bytes = 100}, 20);
        return later.run_until([&] { return later.count(waiting) == 0; }) && later.all(echoed);
    }));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

}  // namespace
}  // namespace mynah::integration

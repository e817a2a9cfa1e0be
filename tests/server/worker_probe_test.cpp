#include "server/worker_probe.hpp"

#include <chrono>
#include <cstdint>
#include <numeric>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/event_source.hpp"
#include "net/driver.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::server {
namespace {

using namespace std::chrono_literals;

std::uint64_t count_of(const DelayCounts& delays) {
    return std::accumulate(delays.by_bucket.begin(), delays.by_bucket.end(), std::uint64_t{0});
}

TEST(WorkerProbe, CountsADelayInTheFirstBucketThatHoldsIt) {
    auto source = conc::make_futex_event_source();
    WorkerProbe probe(*source);
    probe.note(100us);  // as much as the first bound
    probe.note(101us);
    probe.note(10s);
    probe.note(11s);
    const DelayCounts delays = probe.delays();
    EXPECT_EQ(delays.by_bucket.front(), 1U);
    EXPECT_EQ(delays.by_bucket[1], 1U);
    EXPECT_EQ(delays.by_bucket[kDelayBounds.size() - 1], 1U);
    EXPECT_EQ(delays.by_bucket.back(), 1U);
    EXPECT_NEAR(delays.sum_seconds, 21.000201, 1e-9);
}

conc::Task<void> measures_until_cancelled() {
    WorkerProbe probe(*conc::EventSource::current());
    auto measuring = conc::with_cancel(conc::Context::background());
    conc::WaitGroup running;
    running.go([&probe, ctx = measuring.ctx] { return probe.run(ctx); });
    while (count_of(probe.delays()) < 2) {
        co_await conc::sleep_for(1ms);
    }
    EXPECT_EQ(probe.driver(), net::DriverKind::poll);
    measuring.cancel();
    co_await running.wait();
}

TEST(WorkerProbe, MeasuresItsWorkerUntilItIsCancelled) {
    test::run_task({.workers = 2, .event_source = net::driver_factory(net::DriverKind::poll)},
                   measures_until_cancelled());
}

conc::Task<void> sees_a_busy_worker() {
    constexpr auto kBusy = 400ms;
    WorkerProbe probe(*conc::EventSource::current());
    auto measuring = conc::with_cancel(conc::Context::background());
    conc::WaitGroup running;
    running.go([&probe, ctx = measuring.ctx] { return probe.run(ctx); });
    co_await conc::yield();  // it sleeps now
    const auto end = conc::now() + kBusy;
    while (conc::now() < end) {
        // Keeps the only worker, for four intervals.
    }
    while (count_of(probe.delays()) < 1) {
        co_await conc::sleep_for(1ms);
    }
    measuring.cancel();
    co_await running.wait();
    EXPECT_GE(probe.delays().sum_seconds, 0.25);
}

TEST(WorkerProbe, AWorkerThatATaskKeepsIsLate) {
    test::run_task({.workers = 1}, sees_a_busy_worker());
}

}  // namespace
}  // namespace mynah::server

// Reception: which worker serves what is accepted.
#include "server/reception.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "conc/conc.hpp"
#include "conc/event_source.hpp"
#include "net/address.hpp"
#include "net/connect.hpp"
#include "net/driver.hpp"
#include "net/stream.hpp"
#include "server/configuration.hpp"
#include "server/limits.hpp"
#include "server/listening.hpp"
#include "server/session_record.hpp"
#include "server/session_set.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::server {
namespace {

using namespace std::chrono_literals;
using testing::Each;

constexpr std::size_t kWorkers = 4;
constexpr auto kPatience = 30s;

using Workers = std::vector<conc::EventSource*>;

/// Reception with sessions, on all workers of the scheduler that runs the task.
struct Service {
    Service(Configuration configured, const Workers& on)
        : configuration(std::move(configured)),
          reception({.configuration = configuration,
                     .sessions = sessions,
                     .ledger = nullptr,
                     .phase = phase,
                     .workers = on}) {}

    conc::Task<void> start(std::size_t workers) {
        auto listening = co_await listen_on_all(&configuration, workers);
        EXPECT_TRUE(listening) << listening.error();
        address = *net::Address::parse(listening->addresses.front());
        reception.start(std::move(listening->streams));
    }

    /// A connection that has had one echo, so that its session runs.
    conc::Task<net::Stream> connect() const {
        auto stream = co_await net::connect(address, kPatience);
        EXPECT_TRUE(stream) << stream.error().message();
        auto sent = co_await stream->send_all(std::string_view("x"), kPatience);
        auto back = co_await stream->receive(kPatience);
        EXPECT_TRUE(sent && back && back->text() == "x");
        co_return std::move(*stream);
    }

    conc::Task<void> stop() {
        co_await reception.stop();
        co_await reception.sessions_ended();
    }

    Configuration configuration;
    std::atomic<DrainPhase> phase{DrainPhase::serving};
    SessionSet sessions;
    Reception reception;
    net::Address address;
};

Configuration listening_at(std::string address) {
    Configuration configuration;
    configuration.listen = {std::move(address)};
    return configuration;
}

std::string unix_name() {
    return "unix://@mynah-reception-test-" + std::to_string(::getpid());
}

/// Runs `test` on kWorkers workers, whose sources it is given.
void run_on_workers(const std::function<conc::Task<void>(const Workers*)>& test) {
    Workers workers;
    const auto make_driver = net::driver_factory(net::DriverKind::poll);
    conc::Options options{.workers = kWorkers, .event_source = [&] {
                              auto source = make_driver();
                              workers.push_back(source.get());
                              return source;
                          }};
    auto main = [&]() -> conc::Task<void> { co_await test(&workers); };
    test::run_task(std::move(options), main());
}

conc::Task<void> until(std::function<bool()> condition) {
    const auto end = conc::now() + kPatience;
    while (!condition() && conc::now() < end) {
        co_await conc::sleep_for(1ms);
    }
    EXPECT_TRUE(condition());
}

conc::Task<void> spreads(std::string address, const Workers* workers) {
    constexpr std::size_t kEach = 10;
    Service service(listening_at(std::move(address)), *workers);
    co_await service.start(workers->size());
    std::vector<net::Stream> streams;
    for (std::size_t i = 0; i < kWorkers * kEach; ++i) {
        streams.push_back(co_await service.connect());
    }
    EXPECT_THAT(service.reception.loads(), Each(kEach));

    // Those of every second worker leave, as they came in turn; who comes next takes their places.
    for (std::size_t i = 0; i < streams.size(); i += 2) {
        streams[i].close();
    }
    auto half_left = [&] {
        const auto loads = service.reception.loads();
        return std::accumulate(loads.begin(), loads.end(), std::size_t{0}) == streams.size() / 2;
    };
    co_await until(half_left);
    const auto uneven = service.reception.loads();
    EXPECT_EQ(std::ranges::min(uneven), 0U);
    EXPECT_EQ(std::ranges::max(uneven), kEach);
    for (std::size_t i = 0; i < streams.size(); i += 2) {
        streams[i] = co_await service.connect();
    }
    EXPECT_THAT(service.reception.loads(), Each(kEach));
    streams.clear();
    co_await service.stop();
    EXPECT_THAT(service.reception.loads(), Each(0U));
}

TEST(Reception, ConnectionsGoToTheWorkerThatHasTheFewest) {
    run_on_workers([](const Workers* workers) { return spreads("tcp://127.0.0.1:0", workers); });
    run_on_workers([](const Workers* workers) { return spreads(unix_name(), workers); });
}

conc::Task<void> reuses_port(const Workers* workers) {
    constexpr std::size_t kCount = 200;
    Configuration configuration = listening_at("tcp://127.0.0.1:0");
    configuration.listener.reuse_port = true;
    Service service(std::move(configuration), *workers);
    co_await service.start(workers->size());
    std::vector<net::Stream> streams;
    for (std::size_t i = 0; i < kCount; ++i) {
        streams.push_back(co_await service.connect());
    }
    // The kernel chooses by a hash: each gets some of two hundred, or the chance was below one in 10^24.
    const auto loads = service.reception.loads();
    EXPECT_EQ(std::accumulate(loads.begin(), loads.end(), std::size_t{0}), kCount);
    EXPECT_GT(std::ranges::min(loads), 0U);
    streams.clear();
    co_await service.stop();
}

TEST(Reception, WithReusePortEachWorkerServesWhatItAccepts) {
    run_on_workers([](const Workers* workers) { return reuses_port(workers); });
}

conc::Task<void> counts_refusals(const Workers* workers) {
    Configuration configuration = listening_at(unix_name());
    configuration.limits.connections = 2;
    configuration.limits.per_address = 1;
    Service service(std::move(configuration), *workers);
    co_await service.start(workers->size());
    net::Stream first = co_await service.connect();
    auto second = co_await net::connect(service.address, kPatience);
    EXPECT_TRUE(second);
    auto nothing = co_await second->receive(kPatience);
    EXPECT_TRUE(!nothing || nothing->empty()) << "a second connection of the same user was served";
    EXPECT_EQ(service.reception.refused(Refusal::per_address), 1U);
    EXPECT_EQ(service.reception.refused(Refusal::connections), 0U);
    EXPECT_EQ(service.reception.refused(), 1U);
    first.close();
    co_await service.stop();
}

TEST(Reception, OverAUnixSocketThePerAddressLimitIsThatOfAUser) {
    run_on_workers([](const Workers* workers) { return counts_refusals(workers); });
}

}  // namespace
}  // namespace mynah::server

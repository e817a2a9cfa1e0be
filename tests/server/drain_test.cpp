#include "server/drain.hpp"

#include <atomic>
#include <csignal>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "net/address.hpp"
#include "net/connect.hpp"
#include "net/driver.hpp"
#include "net/listener.hpp"
#include "net/stream.hpp"
#include "server/configuration.hpp"
#include "server/listening.hpp"
#include "server/reception.hpp"
#include "server/session_record.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::server {
namespace {

using namespace std::chrono_literals;

/// A whole service without its program: listener, sessions, drain.
class Service {
  public:
    explicit Service(Configuration::Drain drain) {
        configuration_.drain = drain;
        net::Listener listener = *net::Listener::bind(*net::Address::parse("tcp://127.0.0.1:0"));
        address_ = listener.local();
        workers_ = {conc::EventSource::current()};
        reception_.emplace(Reception::Surroundings{.configuration = configuration_,
                                                   .sessions = sessions_,
                                                   .ledger = nullptr,
                                                   .phase = phase_,
                                                   .workers = workers_});
        std::vector<StreamDoor> doors;
        doors.push_back({.listener = std::move(listener)});
        reception_->start(std::move(doors));
        drain_.emplace(configuration_.drain, signals_.receiver(), *reception_, sessions_, phase_);
        ended_.go([this] { return drain_->run(); });
    }

    conc::Task<net::Stream> connect() {
        auto stream = co_await net::connect(address_, 10s);
        auto sent = co_await stream->send_all(std::string_view("x"), 10s);
        auto back = co_await stream->receive(10s);  // its session runs
        EXPECT_TRUE(sent && back);
        co_return std::move(*stream);
    }

    conc::Task<void> signal() { co_await signals_.send(SIGTERM); }
    conc::WaitGroup::WaitAwaiter ended() { return ended_.wait(); }
    DrainPhase phase() const { return phase_.load(); }
    std::uint64_t count(CloseReason reason) const { return sessions_.totals().count(reason); }
    const net::Address& address() const { return address_; }

  private:
    Configuration configuration_;
    net::Address address_;
    std::vector<conc::EventSource*> workers_;
    std::atomic<DrainPhase> phase_{DrainPhase::serving};
    SessionSet sessions_;
    conc::Channel<int> signals_{16};
    std::optional<Reception> reception_;
    std::optional<Drain> drain_;
    conc::WaitGroup ended_;
};

void run_on_select(conc::Task<void> task) {
    test::run_task({.workers = 1, .event_source = net::driver_factory(net::DriverKind::select)}, std::move(task));
}

/// Until the service has come to `phase`.
conc::Task<void> reach(const Service* service, DrainPhase phase) {
    while (service->phase() < phase) {
        co_await conc::yield();
    }
}

conc::Task<void> nobody_connected() {
    Service service({.grace = 0ms, .spread = 10s, .linger = 10s, .timeout = 10s});
    co_await service.signal();
    co_await service.ended();
    EXPECT_EQ(service.phase(), DrainPhase::closing);
}

TEST(Drain, WithoutSessionsEndsAtOnce) {
    run_on_select(nobody_connected());
}

conc::Task<void> accepts_during_grace() {
    Service service({.grace = 30s, .spread = 0ms, .linger = 10s, .timeout = 10s});
    co_await service.signal();
    co_await reach(&service, DrainPhase::not_ready);
    net::Stream late = co_await service.connect();
    co_await service.signal();  // skips the rest of the grace
    auto fin = co_await late.receive(10s);
    EXPECT_TRUE(fin && fin->empty());
    late.close();
    co_await service.ended();
    EXPECT_EQ(service.count(CloseReason::drained), 1U);
}

TEST(Drain, StillAcceptsDuringTheGraceAndTheSecondSignalSkipsIt) {
    run_on_select(accepts_during_grace());
}

conc::Task<void> second_signal_skips_spread() {
    Service service({.grace = 0ms, .spread = 1h, .linger = 10s, .timeout = 2h});
    std::vector<net::Stream> streams;
    for (int i = 0; i < 3; ++i) {
        streams.push_back(co_await service.connect());
    }
    co_await service.signal();
    co_await reach(&service, DrainPhase::draining);
    co_await service.signal();
    for (net::Stream& stream : streams) {
        auto fin = co_await stream.receive(10s);
        EXPECT_TRUE(fin && fin->empty());
        stream.close();
    }
    co_await service.ended();
    EXPECT_EQ(service.count(CloseReason::drained), 3U);
}

TEST(Drain, SecondSignalSkipsTheSpread) {
    run_on_select(second_signal_skips_spread());
}

conc::Task<void> timeout_cuts() {
    Service service({.grace = 0ms, .spread = 0ms, .linger = 1h, .timeout = 50ms});
    net::Stream stubborn = co_await service.connect();  // does not close after our FIN
    co_await service.signal();
    co_await service.ended();
    EXPECT_EQ(service.count(CloseReason::cut), 1U);
}

TEST(Drain, TimeoutCutsWhoeverIsLeft) {
    run_on_select(timeout_cuts());
}

conc::Task<void> third_signal_cuts() {
    Service service({.grace = 1h, .spread = 1h, .linger = 1h, .timeout = 2h});
    net::Stream stubborn = co_await service.connect();
    for (int i = 0; i < 3; ++i) {
        co_await service.signal();
    }
    co_await service.ended();
    EXPECT_EQ(service.count(CloseReason::cut), 1U);
}

TEST(Drain, ThirdSignalCutsAtOnce) {
    run_on_select(third_signal_cuts());
}

conc::Task<void> refuses_after_drain() {
    Service service({.grace = 0ms, .spread = 0ms, .linger = 10s, .timeout = 10s});
    co_await service.signal();
    co_await service.ended();
    const auto refused = co_await net::connect(service.address(), 10s);
    EXPECT_FALSE(refused);
}

TEST(Drain, ListenersAreClosedOnceItHasEnded) {
    run_on_select(refuses_after_drain());
}

}  // namespace
}  // namespace mynah::server

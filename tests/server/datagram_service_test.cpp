#include "server/datagram_service.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "conc/conc.hpp"
#include "conc/event_source.hpp"
#include "net/address.hpp"
#include "net/datagram.hpp"
#include "net/datagram_batch.hpp"
#include "net/driver.hpp"
#include "server/configuration.hpp"
#include "server/listening.hpp"
#include "server/session_record.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::server {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 30s;

/// The service at one socket, and a client.
struct Echo {
    explicit Echo(Configuration configured = {}, std::string at = "udp://127.0.0.1:0")
        : configuration(std::move(configured)), workers{conc::EventSource::current()} {
        configuration.listen = {std::move(at)};
        service.emplace(DatagramService::Surroundings{
            .configuration = configuration, .ledger = nullptr, .phase = phase, .workers = workers, .next_id = [] {
                return std::uint64_t{1};
            }});
    }

    conc::Task<void> start() {
        auto listening = co_await listen_on_all(&configuration, 1);
        EXPECT_TRUE(listening) << listening.error();
        address = *net::Address::parse(listening->addresses.front());
        service->start(std::move(listening->datagrams));
        client = *net::DatagramSocket::bind(*net::Address::parse("udp://127.0.0.1:0"));
    }

    conc::Task<void> send(std::string_view text) {
        net::DatagramBatch batch;
        EXPECT_TRUE(batch.add(std::as_bytes(std::span(text)), address.host() == "0.0.0.0" ? loopback() : address));
        const net::DatagramsSent sent = co_await client.send(batch, kPatience);
        EXPECT_TRUE(sent.all()) << sent.error.message();
    }

    conc::Task<std::string> receive() {
        const auto batch = co_await client.receive(kPatience);
        co_return batch ? std::string(batch->text(0)) : batch.error().message();
    }

    conc::Task<void> received(std::uint64_t count) const {
        const auto end = conc::now() + kPatience;
        while (service->totals().received < count && conc::now() < end) {
            co_await conc::sleep_for(1ms);
        }
        EXPECT_EQ(service->totals().received, count);
    }

    conc::Task<void> end() {
        co_await service->stop();
        co_await service->finish();
    }

    net::Address loopback() const {
        return {net::Address::Family::ipv4, "127.0.0.1", address.port(), net::Transport::udp};
    }
    std::uint64_t dropped(DatagramDrop why) const { return service->totals().count(why); }

    Configuration configuration;
    std::vector<conc::EventSource*> workers;
    std::atomic<DrainPhase> phase{DrainPhase::serving};
    std::optional<DatagramService> service;
    net::Address address;
    net::DatagramSocket client;
};

void run_on_select(conc::Task<void> task) {
    test::run_task({.workers = 1, .event_source = net::driver_factory(net::DriverKind::select)}, std::move(task));
}

conc::Task<void> echoes() {
    Echo echo;
    co_await echo.start();
    for (const std::string_view text : {"hello", "", "again"}) {
        co_await echo.send(text);
        const std::string back = co_await echo.receive();
        EXPECT_EQ(back, text);
    }
    const DatagramTotals totals = echo.service->totals();
    EXPECT_EQ(totals.received, 3U);
    EXPECT_EQ(totals.echoed, 3U);
    EXPECT_EQ(totals.bytes_in, 10U);
    EXPECT_EQ(totals.bytes_out, 10U);
    co_await echo.end();
}

TEST(DatagramService, SendsBackWhatItWasSent) {
    run_on_select(echoes());
}

conc::Task<void> drops_from_own_port() {
    // Two daemons at one port of two machines would echo each other for ever: 127.0.0.2 stands for the other one.
    Echo echo;
    co_await echo.start();
    echo.client = *net::DatagramSocket::bind(
        net::Address(net::Address::Family::ipv4, "127.0.0.2", echo.address.port(), net::Transport::udp));
    co_await echo.send("from another echo");
    co_await echo.received(1);
    EXPECT_EQ(echo.dropped(DatagramDrop::guard), 1U);
    EXPECT_EQ(echo.service->totals().echoed, 0U);
    const auto nothing = co_await echo.client.receive(0ms);
    EXPECT_FALSE(nothing);
    co_await echo.end();
}

TEST(DatagramService, DoesNotAnswerAnotherEcho) {
    run_on_select(drops_from_own_port());
}

conc::Task<void> drops_broadcasts() {
    Echo echo({}, "udp://0.0.0.0:0");
    co_await echo.start();
    const int yes = 1;
    ::setsockopt(echo.client.fd(), SOL_SOCKET, SO_BROADCAST, &yes, sizeof(yes));
    net::DatagramBatch batch;
    EXPECT_TRUE(batch.add(
        std::as_bytes(std::span(std::string_view("everybody!"))),
        net::Address(net::Address::Family::ipv4, "127.255.255.255", echo.address.port(), net::Transport::udp)));
    const net::DatagramsSent sent = co_await echo.client.send(batch, kPatience);
    EXPECT_TRUE(sent.all()) << sent.error.message();
    co_await echo.received(1);
    EXPECT_EQ(echo.dropped(DatagramDrop::broadcast), 1U);
    co_await echo.send("you");
    const std::string back = co_await echo.receive();
    EXPECT_EQ(back, "you");
    co_await echo.end();
}

TEST(DatagramService, DoesNotAnswerABroadcast) {
    run_on_select(drops_broadcasts());
}

conc::Task<void> drops_long_ones() {
    Configuration configuration;
    configuration.udp.largest_datagram_bytes = 10;
    Echo echo(std::move(configuration));
    co_await echo.start();
    co_await echo.send("0123456789x");
    co_await echo.send("0123456789");
    const std::string back = co_await echo.receive();
    EXPECT_EQ(back, "0123456789");
    EXPECT_EQ(echo.dropped(DatagramDrop::truncated), 1U);
    co_await echo.end();
}

TEST(DatagramService, NeverEchoesTheBeginningOfADatagram) {
    run_on_select(drops_long_ones());
}

conc::Task<void> limits_rate() {
    Configuration configuration;
    configuration.udp.rate = 1;
    configuration.udp.burst = 3;
    Echo echo(std::move(configuration));
    co_await echo.start();
    const auto before = conc::now();
    constexpr std::uint64_t kSent = 50;
    for (std::uint64_t i = 0; i < kSent; ++i) {
        co_await echo.send("more");
    }
    co_await echo.received(kSent);
    const DatagramTotals totals = echo.service->totals();
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(conc::now() - before).count();
    EXPECT_GE(totals.echoed, 3U);
    EXPECT_LE(totals.echoed, 3U + static_cast<std::uint64_t>(seconds));
    EXPECT_EQ(totals.count(DatagramDrop::rate), kSent - totals.echoed);
    co_await echo.end();
}

TEST(DatagramService, ASourceOverItsRateGetsNothingBack) {
    run_on_select(limits_rate());
}

conc::Task<void> drains() {
    Echo echo;
    co_await echo.start();
    // Nobody has looked yet when the drain begins: all of these are queued in the kernel.
    constexpr std::size_t kQueued = 20;
    for (std::size_t i = 0; i < kQueued; ++i) {
        co_await echo.send("queued");
    }
    co_await echo.service->stop();
    for (std::size_t i = 0; i < kQueued;) {
        const auto batch = co_await echo.client.receive(kPatience);
        EXPECT_TRUE(batch);
        i += batch ? batch->size() : kQueued;
    }
    EXPECT_EQ(echo.service->totals().echoed, kQueued);
    co_await echo.send("too late");
    co_await echo.received(kQueued + 1);
    EXPECT_EQ(echo.dropped(DatagramDrop::late), 1U);
    EXPECT_EQ(echo.service->totals().bytes_late, 8U);
    co_await echo.send("later still");
    co_await echo.service->finish();  // whatever has come by then is counted
    EXPECT_EQ(echo.dropped(DatagramDrop::late), 2U);
    EXPECT_EQ(echo.service->totals().echoed, kQueued);
    EXPECT_EQ(echo.service->totals().bytes_in, 6 * kQueued);
}

TEST(DatagramService, DrainEchoesWhatIsQueuedAndCountsWhatComesLater) {
    run_on_select(drains());
}

}  // namespace
}  // namespace mynah::server

// Clients of the admin listener that do not behave: the echo does not notice, and who asks properly is answered.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "tests/integration/admin_client.hpp"
#include "tests/integration/daemon.hpp"
#include "tests/integration/echo_client.hpp"
#include "tests/integration/endpoint.hpp"

namespace mynah::integration {
namespace {

constexpr std::size_t kHostile = 200;

bool is_exact_prefix(const EchoConnection& connection) {
    return connection.is_exact_prefix() && connection.end() == EchoConnection::End::none;
}

class HostileAdminClient : public testing::Test {
  protected:
    HostileAdminClient()
        : admin_(Endpoint::parse("tcp://" + daemon_.admin().substr(std::string_view("http://").size()))) {
        fleet_.add(daemon_.endpoint(), {.total_bytes = Traffic::kEndless}, 5);
        EXPECT_TRUE(echo_goes_on());
        EXPECT_EQ(get(daemon_.admin(), "/readyz").status, 200);
        at_rest_ = daemon_.process().open_descriptors();
    }

    bool echo_goes_on() {
        const std::uint64_t before = fleet_.total_received();
        return fleet_.run_until([&] { return fleet_.total_received() > before + 1'000'000; }) &&
               fleet_.all(is_exact_prefix);
    }

    // Each of the hostile sends what it has to say; what the kernel does not take is left.
    void attack(const std::function<std::string(std::size_t)>& what) {
        for (std::size_t i = 0; i < kHostile; ++i) {
            hostile_.push_back(connect_to(admin_, Connect::blocking));
            const std::string text = what(i);
            (void)::send(hostile_.back().fd(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        }
    }

    void expect_no_harm() {
        EXPECT_TRUE(echo_goes_on());
        for (int i = 0; i < 20; ++i) {
            EXPECT_EQ(get(daemon_.admin(), "/readyz").status, 200);
        }
        // What waits in the listener's queue has no descriptor of the daemon's yet.
        EXPECT_LE(daemon_.process().open_descriptors(), at_rest_ + 40);
        hostile_.clear();
        fleet_.close_all();
        EXPECT_EQ(daemon_.terminate_and_wait(), 0);
    }

    Daemon daemon_{std::vector<std::string>{"--admin", "http://127.0.0.1:0"}};
    Endpoint admin_;
    EchoFleet fleet_;
    std::vector<Socket> hostile_;
    std::size_t at_rest_ = 0;
};

TEST_F(HostileAdminClient, WhoNeverEndsTheRequest) {
    attack([](std::size_t i) { return std::string("GET /readyz HTTP/1.1\r\nHost: localhost\r\n").substr(0, i % 40); });
    expect_no_harm();
}

TEST_F(HostileAdminClient, WhoSendsGarbage) {
    attack([](std::size_t i) {
        std::string bytes(10'000, '\0');
        fill_pattern(bytes, i, 0);
        return bytes + "\r\n\r\n";
    });
    expect_no_harm();
}

TEST_F(HostileAdminClient, WhoSendsHeadersWithoutEnd) {
    attack([](std::size_t) {
        std::string text = "GET /readyz HTTP/1.1\r\n";
        for (int i = 0; i < 1'000; ++i) {
            text += "X-" + std::to_string(i) + ": " + std::string(100, 'x') + "\r\n";
        }
        return text;
    });
    expect_no_harm();
}

TEST_F(HostileAdminClient, WhoAsksForManyPartsOfAPage) {
    attack([](std::size_t) {
        std::string text = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-";
        while (text.size() < 8'000) {
            text += ",0-";
        }
        return text + "\r\n\r\n";
    });
    expect_no_harm();
}

TEST_F(HostileAdminClient, WhoAsksForTheTasksAgainAndAgainAndReadsNothing) {
    attack([](std::size_t) {
        std::string text;
        for (int i = 0; i < 100; ++i) {
            text += "GET /tasks HTTP/1.1\r\nHost: localhost\r\n\r\n";
        }
        return text;
    });
    expect_no_harm();
}

TEST_F(HostileAdminClient, WhoResets) {
    attack([](std::size_t) { return std::string("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"); });
    for (Socket& socket : hostile_) {
        socket.close_with_reset();
    }
    expect_no_harm();
}

}  // namespace
}  // namespace mynah::integration

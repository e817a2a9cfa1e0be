// mynah watch over UDP, against a server that drops, repeats, swaps and changes datagrams.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/integration/endpoint.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/watch_run.hpp"

namespace mynah::integration {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

/// Runs `answer` for each datagram, with its number from 0, on a thread of its own.
class DatagramServer {
  public:
    using Send = std::function<void(const std::string&)>;
    using Answer = std::function<void(std::size_t number, const std::string& datagram, const Send& send)>;

    explicit DatagramServer(Answer answer) : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const timeval look_often{.tv_sec = 0, .tv_usec = 20'000};  // whether it should stop
        ::setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVTIMEO, &look_often, sizeof look_often);
        const auto* any = static_cast<const sockaddr*>(static_cast<const void*>(&address));
        if (::bind(socket_.fd(), any, sizeof address) != 0) {
            throw std::runtime_error("bind");
        }
        thread_ = std::thread([this, answer = std::move(answer)] { serve(answer); });
    }
    DatagramServer(const DatagramServer&) = delete;
    DatagramServer& operator=(const DatagramServer&) = delete;
    ~DatagramServer() {
        stop_ = true;
        thread_.join();
    }

    [[nodiscard]] std::string address() const { return "udp://127.0.0.1:" + std::to_string(socket_.local_port()); }
    [[nodiscard]] std::size_t answered() const { return answered_; }

  private:
    void serve(const Answer& answer) {
        std::string buffer(65'536, '\0');
        while (!stop_) {
            sockaddr_storage peer{};
            socklen_t length = sizeof peer;
            auto* from = static_cast<sockaddr*>(static_cast<void*>(&peer));
            const ssize_t got = ::recvfrom(socket_.fd(), buffer.data(), buffer.size(), 0, from, &length);
            if (got < 0) {
                continue;
            }
            const Send send = [&](const std::string& datagram) {
                ::sendto(socket_.fd(), datagram.data(), datagram.size(), MSG_NOSIGNAL, from, length);
            };
            answer(answered_, buffer.substr(0, static_cast<std::size_t>(got)), send);
            ++answered_;
        }
    }

    Socket socket_;
    std::atomic<bool> stop_{false};
    std::atomic<std::size_t> answered_{0};
    std::thread thread_;
};

constexpr std::size_t kFrame = 256;

WatchReport watch_with(DatagramServer::Answer answer, std::size_t datagrams) {
    const DatagramServer server(std::move(answer));
    // Long enough for a busy machine: a standstill of that length would be an outage.
    const std::string timeout = std::to_string(patience(std::chrono::seconds(2)).count()) + "ms";
    WatchRun watch(server.address(), {"-c", "1", "-r", "200", "-W", timeout});
    EXPECT_TRUE(eventually([&] { return server.answered() >= datagrams; }));
    return watch.end();
}

TEST(WatchDatagrams, EachKindOfHarmIsCountedAsWhatItIs) {
    std::string held;
    const WatchReport report = watch_with(
        [&held](std::size_t number, const std::string& datagram, const DatagramServer::Send& send) {
            std::string changed = datagram;
            switch (number) {
                case 3:
                    return;  // dropped
                case 5:
                    send(datagram);
                    break;  // and once more
                case 8:
                    held = datagram;
                    return;
                case 9:
                    send(datagram);
                    send(held);  // 8 behind 9
                    return;
                case 11:
                    changed[10] = static_cast<char>(changed[10] ^ 1);
                    changed[200] = static_cast<char>(changed[200] ^ 1);
                    send(changed);
                    return;
                case 13:
                    send(datagram.substr(0, 250));  // cut short
                    return;
                case 15:
                    send("hello");
                    break;
                default:
                    break;
            }
            send(datagram);
        },
        20);
    EXPECT_EQ(report.status, 1) << report.out;
    EXPECT_EQ(report.bytes("silent"), kFrame + 6);
    EXPECT_EQ(report.bytes("duplicated"), kFrame);
    EXPECT_EQ(report.bytes("reordered"), kFrame);
    EXPECT_EQ(report.bytes("corrupted"), 2U);
    EXPECT_EQ(report.bytes("foreign"), 5U);
    EXPECT_EQ(report.bytes("echoed"), report.bytes("sent") - kFrame - 6 - 2);
    EXPECT_THAT(report.losses(), Contains("silent 768 256"));
    EXPECT_EQ(report.json["outages"]["count"], 0);
}

TEST(WatchDatagrams, OrderIsNoLoss) {
    std::string held;
    const WatchReport report = watch_with(
        [&held](std::size_t number, const std::string& datagram, const DatagramServer::Send& send) {
            if (number == 4) {
                held = datagram;
                return;
            }
            send(datagram);
            if (number == 6) {
                send(held);
            }
        },
        10);
    EXPECT_EQ(report.status, 0) << report.out;
    EXPECT_EQ(report.verdict(), "clean");
    EXPECT_EQ(report.bytes("reordered"), kFrame);
    EXPECT_THAT(report.losses(), IsEmpty());
}

TEST(WatchDatagrams, NobodyThereIsExitStatusThree) {
    std::string address;
    {
        const DatagramServer closed_soon([](std::size_t, const std::string&, const DatagramServer::Send&) {});
        address = closed_soon.address();
    }
    WatchRun watch(address, {"-c", "1", "-r", "50", "-W", "300ms", "-d", "300ms"});
    const WatchReport report = watch.end(false);
    EXPECT_EQ(report.status, 3);
    EXPECT_EQ(report.bytes("silent"), report.bytes("sent"));
    EXPECT_GT(report.json["connections"]["refusals"], 0);
    EXPECT_EQ(report.json["outages"]["count"], 1);
    EXPECT_TRUE(report.json["outages"]["list"][0]["after"].is_null());
}

}  // namespace
}  // namespace mynah::integration

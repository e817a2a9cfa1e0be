// The admin listener's thread, asked over real sockets: by who behaves, and by who does not.
#include "server/admin_server.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "net/address.hpp"
#include "net/descriptor.hpp"
#include "server/admin_connection.hpp"
#include "server/admin_guard.hpp"
#include "server/admin_http.hpp"
#include "server/admin_pages.hpp"

namespace mynah::server {
namespace {

using testing::EndsWith;
using testing::StartsWith;

constexpr std::string_view kRequest = "GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n";

class AdminServerTest : public testing::Test {
  protected:
    AdminServerTest() {
        auto bound = AdminServer::bind(*net::Address::parse("tcp://127.0.0.1:0"));
        EXPECT_TRUE(bound) << bound.error().message();
        server_ = std::move(*bound);
        port_ = server_->local().port();
        server_->start(std::make_unique<AdminHttp>(
            AdminGuard({}), [this](std::string_view path) { return AdminPage{.text = page_ + std::string(path)}; }));
    }

    /// A blocking socket, which gives up after half a minute.
    net::Descriptor connect() const {
        net::Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port_);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const timeval patience{.tv_sec = 30, .tv_usec = 0};
        EXPECT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
        const void* const where = &address;
        EXPECT_EQ(::connect(fd.get(), static_cast<const sockaddr*>(where), sizeof address), 0);
        return fd;
    }

    static void send(const net::Descriptor& fd, std::string_view text) {
        ASSERT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }

    /// What comes until the text ends so, or until the peer closes.
    static std::string receive(const net::Descriptor& fd, std::optional<std::string_view> end = std::nullopt) {
        std::string all;
        std::string some(65'536, '\0');
        while (!end || !all.ends_with(*end)) {
            const ssize_t count = ::recv(fd.get(), some.data(), some.size(), 0);
            if (count <= 0) {
                EXPECT_EQ(count, 0) << std::error_code(errno, std::system_category()).message();
                break;
            }
            all.append(some, 0, static_cast<std::size_t>(count));
        }
        return all;
    }

    std::string ask(std::string_view request = kRequest) const {
        const net::Descriptor fd = connect();
        send(fd, request);
        return receive(fd, "/page");
    }

    std::string page_;  // before the path
    std::unique_ptr<AdminServer> server_;
    std::uint16_t port_ = 0;
};

TEST_F(AdminServerTest, AnswersAndKeepsTheConnection) {
    const net::Descriptor fd = connect();
    for (int i = 0; i < 3; ++i) {
        send(fd, kRequest);
        EXPECT_THAT(receive(fd, "/page"), StartsWith("HTTP/1.1 200 OK\r\n"));
    }
}

TEST_F(AdminServerTest, RequestsThatCameTogetherAreAnsweredInTurn) {
    const net::Descriptor fd = connect();
    send(fd,
         "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\nGET /b HTTP/1.1\r\nHost: localhost\r\n\r\nGET /c HTTP/1.0\r\n\r\n");
    const std::string all = receive(fd);
    const std::size_t a = all.find("\r\n\r\n/a");
    const std::size_t b = all.find("\r\n\r\n/b");
    const std::size_t c = all.find("\r\n\r\n/c");
    ASSERT_NE(c, std::string::npos) << all;
    EXPECT_LT(a, b);
    EXPECT_LT(b, c);
}

TEST_F(AdminServerTest, ARequestMayComeByteByByte) {
    const net::Descriptor fd = connect();
    for (const char byte : kRequest) {
        send(fd, std::string_view(&byte, 1));
    }
    EXPECT_THAT(receive(fd, "/page"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(AdminServerTest, AConnectionEndsAfterItsLastRequest) {
    const net::Descriptor fd = connect();
    for (int i = 1; i < AdminHttp::kMostRequests; ++i) {
        send(fd, kRequest);
        receive(fd, "/page");
    }
    send(fd, kRequest);
    EXPECT_THAT(receive(fd), EndsWith("/page"));  // and then the end
}

TEST_F(AdminServerTest, HeadersThatAreTooLongAreRefusedAndTheAnswerArrives) {
    const net::Descriptor fd = connect();
    const std::string line = "X-Long: " + std::string(1'000, 'x') + "\r\n";
    std::string request = "GET /page HTTP/1.1\r\nHost: localhost\r\n";
    for (int i = 0; i < 100; ++i) {
        request += line;
    }
    send(fd, request);
    EXPECT_THAT(receive(fd), StartsWith("HTTP/1.1 431 "));
}

TEST_F(AdminServerTest, GarbageEndsItsConnectionAlone) {
    for (const std::string_view garbage :
         {"\r\n\r\n", "hello\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\r\n\r\n", "GET / HTTP/1.1\r\n: :\r\n\r\n",
          "POST /page HTTP/1.1\r\nHost: localhost\r\n\r\n"}) {
        const net::Descriptor fd = connect();
        send(fd, garbage);
        const std::string answer = receive(fd);
        EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 4")) << answer;
    }
    EXPECT_THAT(ask(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(AdminServerTest, WhoIsSlowHoldsNobodyUp) {
    std::vector<net::Descriptor> slow;
    for (std::size_t i = 0; i < AdminServer::kMostConnections; ++i) {
        slow.push_back(connect());
        send(slow.back(), "GET /page HTTP/1.1\r\nHost:");
    }
    for (int i = 0; i < 10; ++i) {
        EXPECT_THAT(ask(), StartsWith("HTTP/1.1 200 OK\r\n"));
    }
    // To make room for these, those of the slow went that had waited for longest.
    char byte = 0;
    EXPECT_EQ(::recv(slow.front().get(), &byte, 1, MSG_DONTWAIT), 0);
}

TEST_F(AdminServerTest, WhoTakesTooLongOverARequestIsClosed) {
    const net::Descriptor fd = connect();
    const auto begin = std::chrono::steady_clock::now();
    send(fd, "GET /page HTTP/1.1\r\n");
    EXPECT_EQ(receive(fd), "");
    EXPECT_GE(std::chrono::steady_clock::now() - begin, AdminConnection::kPatience - std::chrono::milliseconds(50));
}

TEST_F(AdminServerTest, WhoClosesIsClosedToo) {
    const net::Descriptor fd = connect();
    send(fd, kRequest);
    receive(fd, "/page");
    ::shutdown(fd.get(), SHUT_WR);
    EXPECT_EQ(receive(fd), "");  // and not only after the minute that a silent connection has
}

TEST_F(AdminServerTest, WhoDoesNotReadALongAnswerHoldsNobodyUp) {
    page_ = std::string(std::size_t{16} << 20U, 'x');  // more than the kernel takes for a peer
    const net::Descriptor fd = connect();
    send(fd, kRequest);
    char first = 0;
    ASSERT_EQ(::recv(fd.get(), &first, 1, 0), 1);
    page_.clear();
    EXPECT_THAT(ask(), StartsWith("HTTP/1.1 200 OK\r\n"));
    const std::string rest = receive(fd, "/page");
    EXPECT_GT(rest.size(), std::size_t{16} << 20U);
}

TEST_F(AdminServerTest, StopsAtOnceWhateverIsOpen) {
    const net::Descriptor kept = connect();
    send(kept, kRequest);
    receive(kept, "/page");
    const net::Descriptor begun = connect();
    send(begun, "GET ");
    server_->stop();  // before their patience ends: else a test of the daemon's end would tell
    EXPECT_EQ(receive(kept), "");
    server_->stop();  // twice is once
}

TEST(AdminServer, APortInUseIsAnError) {
    const auto first = AdminServer::bind(*net::Address::parse("tcp://127.0.0.1:0"));
    ASSERT_TRUE(first);
    const auto second = AdminServer::bind((*first)->local());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), std::errc::address_in_use);
}

}  // namespace
}  // namespace mynah::server

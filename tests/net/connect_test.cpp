// connect(), and resolve() which it uses.
#include "net/connect.hpp"

#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conc/scheduler.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/descriptor.hpp"
#include "net/driver.hpp"
#include "net/internal/socket_address.hpp"
#include "net/lease.hpp"
#include "net/listener.hpp"
#include "net/operation.hpp"
#include "net/resolve.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"
#include "tests/net/net_test.hpp"

namespace mynah::net::test {
namespace {

class ConnectContract : public EachDriver {};
MYNAH_FOR_EACH_DRIVER(ConnectContract);

conc::Task<> connects(std::string host, std::string listen_host) {
    Listener listener = listen_on(listen_host);
    const Address address = *Address::parse("tcp://" + host + ":" + std::to_string(listener.local().port()));
    Result<Stream> stream = co_await connect(address, kPatience);
    CO_ASSERT_TRUE(stream);
    EXPECT_EQ(stream->peer(), listener.local());
    int no_delay = 0;
    socklen_t length = sizeof(no_delay);
    EXPECT_EQ(::getsockopt(stream->fd(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &length), 0);
    EXPECT_NE(no_delay, 0);
    Result<Stream> accepted = co_await listener.accept();
    CO_ASSERT_TRUE(accepted);
    const Result<void> sent = co_await stream->send_all("ping");
    EXPECT_TRUE(sent);
    const Result<Lease> lease = co_await accepted->receive(kPatience);
    CO_ASSERT_TRUE(lease);
    EXPECT_EQ(lease->text(), "ping");
}
TEST_P(ConnectContract, ConnectsToIPv4) {
    run_on(GetParam(), connects("127.0.0.1", "tcp://127.0.0.1:0"));
}
TEST_P(ConnectContract, ConnectsToIPv6) {
    run_on(GetParam(), connects("[::1]", "tcp://[::1]:0"));
}
TEST_P(ConnectContract, ConnectsToANameTryingEachAddress) {
    // localhost may be ::1 first, where nobody listens.
    run_on(GetParam(), connects("localhost", "tcp://127.0.0.1:0"));
}

conc::Task<> refused() {
    Address address;
    {
        const Listener listener = listen_on();
        address = listener.local();
    }
    const Result<Stream> stream = co_await connect(address, kPatience);
    CO_ASSERT_TRUE(!stream);
    EXPECT_EQ(stream.error(), std::errc::connection_refused);
}
TEST_P(ConnectContract, ARefusalIsAnError) {
    run_on(GetParam(), refused());
}

/// A listener whose queue is full: the kernel answers no further SYN.
struct FullListener {
    FullListener() {
        listener = listen_on("tcp://127.0.0.1:0", {.backlog = 0});
        const auto where = internal::SocketAddress::from(listener.local());
        for (int i = 0; i < 8; ++i) {
            Descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
            (void)::connect(client.get(), &where->any, where->length);  // EINPROGRESS, or there is no room any more
            clients.push_back(std::move(client));
        }
    }

    Listener listener;
    std::vector<Descriptor> clients;
};

conc::Task<> times_out() {
    const FullListener full;
    const auto start = conc::now();
    const Result<Stream> stream = co_await connect(full.listener.local(), 80ms);
    CO_ASSERT_TRUE(!stream);
    EXPECT_EQ(stream.error(), std::errc::timed_out);
    EXPECT_GE(conc::now() - start, 80ms);
    EXPECT_LT(conc::now() - start, kPatience);
}
TEST_P(ConnectContract, NoAnswerIsATimeout) {
    run_on(GetParam(), times_out());
}

TEST(Resolve, ANumericAddressIsItsOwnAnswer) {
    auto body = []() -> conc::Task<> {
        const Address address = *Address::parse("tcp://[::1]:7");
        const Result<std::vector<Address>> found = co_await resolve(address);
        CO_ASSERT_TRUE(found);
        EXPECT_EQ(*found, std::vector<Address>{address});
    };
    run_on(DriverKind::select, body());
}

TEST(Resolve, LocalhostIsALoopbackAddress) {
    auto body = []() -> conc::Task<> {
        for (const conc::Duration timeout : {kNoTimeout, conc::Duration(kPatience)}) {
            const Result<std::vector<Address>> found = co_await resolve(*Address::parse("tcp://localhost:7"), timeout);
            CO_ASSERT_TRUE(found);
            CO_ASSERT_TRUE(!found->empty());
            for (const Address& address : *found) {
                EXPECT_FALSE(address.is_name());
                EXPECT_EQ(address.port(), 7);
                EXPECT_TRUE(address.host() == "127.0.0.1" || address.host() == "::1") << address.to_string();
            }
        }
    };
    run_on(DriverKind::select, body());
}

TEST(Resolve, AnUnknownNameIsAnError) {
    auto body = []() -> conc::Task<> {
        // RFC 6761: never exists.
        const Result<std::vector<Address>> found = co_await resolve(*Address::parse("tcp://mynah.invalid:7"));
        EXPECT_FALSE(found);
        const Result<Stream> stream = co_await connect(*Address::parse("tcp://mynah.invalid:7"));
        CO_ASSERT_TRUE(!stream);
        EXPECT_EQ(stream.error(), found.error());
    };
    run_on(DriverKind::select, body());
}

}  // namespace
}  // namespace mynah::net::test

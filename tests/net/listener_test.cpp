// Listener: binding, accepting, and the ends of accept().
#include "net/listener.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conc/context.hpp"
#include "conc/scheduler.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/descriptor.hpp"
#include "net/lease.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"
#include "tests/net/net_test.hpp"

namespace mynah::net::test {
namespace {

class ListenerContract : public EachDriver {};
MYNAH_FOR_EACH_DRIVER(ListenerContract);

using MaybeError = std::optional<std::error_code>;

conc::Task<> accept_error(Listener& listener, conc::Context ctx, MaybeError& error) {
    const Result<Stream> stream = co_await listener.accept(std::move(ctx));
    error = stream ? std::error_code() : stream.error();
}

conc::Task<> accepts() {
    Listener listener = listen_on();
    EXPECT_NE(listener.local().port(), 0);
    // One that is queued already, and one that comes while accept() waits.
    Descriptor queued = plain_connect(listener.local());
    Result<Stream> first = co_await listener.accept();
    CO_ASSERT_TRUE(first);
    plain_send(queued, "queued");
    const Result<Lease> lease = co_await first->receive(kPatience);
    CO_ASSERT_TRUE(lease);
    EXPECT_EQ(lease->text(), "queued");
    Descriptor later;
    std::thread connector([&] { later = plain_connect(listener.local()); });
    const Result<Stream> second = co_await listener.accept();
    connector.join();
    CO_ASSERT_TRUE(second);
    EXPECT_EQ(second->local(), listener.local());
    const int flags = ::fcntl(second->fd(), F_GETFD);
    EXPECT_NE(flags & FD_CLOEXEC, 0);
    EXPECT_NE(::fcntl(second->fd(), F_GETFL) & O_NONBLOCK, 0);
}
TEST_P(ListenerContract, AcceptsWhoIsQueuedAndWhoComes) {
    run_on(GetParam(), accepts());
}

conc::Task<> accepts_many() {
    Listener listener = listen_on();
    std::vector<Descriptor> clients;
    std::vector<Stream> streams;
    std::set<std::uint16_t> ports;
    constexpr std::size_t kCount = 200;
    for (std::size_t i = 0; i < kCount; ++i) {
        clients.push_back(plain_connect(listener.local()));
    }
    while (streams.size() < kCount) {
        Result<Stream> stream = co_await listener.accept();
        CO_ASSERT_TRUE(stream);
        ports.insert(stream->peer().port());
        streams.push_back(*std::move(stream));
    }
    EXPECT_EQ(ports.size(), kCount);
}
TEST_P(ListenerContract, AcceptsABurst) {
    run_on(GetParam(), accepts_many());
}

conc::Task<> canceled_while_waiting() {
    Listener listener = listen_on();
    auto [ctx, cancel] = conc::with_cancel(conc::Context::background());
    MaybeError error;
    conc::WaitGroup wait_group;
    wait_group.go(accept_error, std::ref(listener), ctx, std::ref(error));
    co_await conc::yield();
    EXPECT_FALSE(error);
    cancel();
    co_await wait_group.wait();
    EXPECT_EQ(*error, std::errc::operation_canceled);
    // The listener itself is as good as before.
    const Descriptor client = plain_connect(listener.local());
    const Result<Stream> stream = co_await listener.accept();
    EXPECT_TRUE(stream);
}
TEST_P(ListenerContract, ACancelledContextEndsAccept) {
    run_on(GetParam(), canceled_while_waiting());
}

conc::Task<> canceled_context_drains_queue() {
    Listener listener = listen_on();
    auto [ctx, cancel] = conc::with_cancel(conc::Context::background());
    cancel();
    std::vector<Descriptor> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(plain_connect(listener.local()));
    }
    for (int i = 0; i < 3; ++i) {
        const Result<Stream> stream = co_await listener.accept(ctx);
        EXPECT_TRUE(stream);
    }
    const Result<Stream> none = co_await listener.accept(ctx);
    EXPECT_EQ(none.error(), std::errc::operation_canceled);
}
TEST_P(ListenerContract, ACancelledContextStillYieldsWhoIsQueued) {
    run_on(GetParam(), canceled_context_drains_queue());
}

conc::Task<> deadline() {
    Listener listener = listen_on();
    auto [ctx, cancel] = conc::with_timeout(conc::Context::background(), 30ms);
    const Result<Stream> none = co_await listener.accept(ctx);
    EXPECT_EQ(none.error(), std::errc::operation_canceled);
    EXPECT_EQ(ctx.err(), conc::ContextError::deadline_exceeded);
}
TEST_P(ListenerContract, AContextsDeadlineEndsAccept) {
    run_on(GetParam(), deadline());
}

conc::Task<> closed_while_waiting() {
    Listener listener = listen_on();
    const Address address = listener.local();
    MaybeError error;
    conc::WaitGroup wait_group;
    wait_group.go(accept_error, std::ref(listener), conc::Context::background(), std::ref(error));
    co_await conc::yield();
    listener.close();
    co_await wait_group.wait();
    EXPECT_EQ(*error, std::errc::operation_canceled);
    const Result<Stream> after = co_await listener.accept();
    EXPECT_EQ(after.error(), std::errc::operation_canceled);
    EXPECT_FALSE(plain_connect(address));
}
TEST_P(ListenerContract, CloseEndsAcceptAndRefusesNewcomers) {
    run_on(GetParam(), closed_while_waiting());
}

/// Lowers the limit on descriptors and takes all that are left; gives everything back on destruction.
class NoDescriptorsLeft {
  public:
    NoDescriptorsLeft() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        Descriptor probe(::fcntl(0, F_DUPFD_CLOEXEC, 0));
        rlimit lowered = before_;
        lowered.rlim_cur = static_cast<rlim_t>(probe.get()) + 8;
        ::setrlimit(RLIMIT_NOFILE, &lowered);
        while (probe) {
            taken_.push_back(std::move(probe));
            probe = Descriptor(::fcntl(0, F_DUPFD_CLOEXEC, 0));
        }
    }
    NoDescriptorsLeft(const NoDescriptorsLeft&) = delete;
    NoDescriptorsLeft& operator=(const NoDescriptorsLeft&) = delete;
    ~NoDescriptorsLeft() { ::setrlimit(RLIMIT_NOFILE, &before_); }

    void free_one() { taken_.pop_back(); }

  private:
    rlimit before_{};
    std::vector<Descriptor> taken_;
};

conc::Task<> out_of_descriptors() {
    constexpr auto kPause = 40ms;
    Listener listener = listen_on("tcp://127.0.0.1:0", {.exhaustion_pause = kPause});
    const Descriptor client = plain_connect(listener.local());
    NoDescriptorsLeft limit;
    // A loop that just goes on: each try after the first waits for the pause.
    constexpr int kTries = 4;
    const auto start = conc::now();
    for (int i = 0; i < kTries; ++i) {
        const Result<Stream> none = co_await listener.accept();
        CO_ASSERT_TRUE(!none);
        EXPECT_TRUE(is_exhaustion(none.error())) << none.error().message();
        EXPECT_EQ(none.error(), std::errc::too_many_files_open);
    }
    EXPECT_GE(conc::now() - start, kPause * (kTries - 1));
    limit.free_one();
    const Result<Stream> stream = co_await listener.accept();
    EXPECT_TRUE(stream) << "the connection waited in the queue";
}
TEST_P(ListenerContract, WithoutDescriptorsItNeitherSpinsNorEnds) {
    run_on(GetParam(), out_of_descriptors());
}

conc::Task<> canceled_in_pause() {
    Listener listener = listen_on("tcp://127.0.0.1:0", {.exhaustion_pause = kPatience});
    const Descriptor client = plain_connect(listener.local());
    const NoDescriptorsLeft limit;
    const Result<Stream> none = co_await listener.accept();
    CO_ASSERT_TRUE(!none);
    EXPECT_TRUE(is_exhaustion(none.error()));
    auto [ctx, cancel] = conc::with_cancel(conc::Context::background());
    MaybeError error;
    conc::WaitGroup wait_group;
    wait_group.go(accept_error, std::ref(listener), ctx, std::ref(error));
    co_await conc::yield();
    EXPECT_FALSE(error);
    cancel();
    co_await wait_group.wait();
    EXPECT_EQ(*error, std::errc::operation_canceled);
}
TEST_P(ListenerContract, TheContextEndsThePauseToo) {
    run_on(GetParam(), canceled_in_pause());
}

conc::Task<> dead_in_queue() {
    Listener listener = listen_on();
    Descriptor dead = plain_connect(listener.local());
    plain_reset(dead);
    const Descriptor alive = plain_connect(listener.local());
    plain_send(alive, "alive");
    // The dead one is skipped, or comes as a stream that is reset; either way the other one comes.
    for (;;) {
        Result<Stream> stream = co_await listener.accept();
        CO_ASSERT_TRUE(stream);
        const Result<Lease> lease = co_await stream->receive(kPatience);
        if (lease) {
            EXPECT_EQ(lease->text(), "alive");
            break;
        }
        EXPECT_EQ(lease.error(), std::errc::connection_reset);
    }
}
TEST_P(ListenerContract, AConnectionThatDiedInTheQueueIsNoError) {
    run_on(GetParam(), dead_in_queue());
}

TEST(Listener, BindSaysWhyNot) {
    const Listener listener = listen_on();
    const Result<Listener> second = Listener::bind(listener.local());
    EXPECT_EQ(second.error(), std::errc::address_in_use);
    const Result<Listener> name = Listener::bind(*Address::parse("tcp://localhost:0"));
    EXPECT_EQ(name.error(), Errc::unresolved_name);
    EXPECT_EQ(Listener::bind(*Address::parse("udp://127.0.0.1:0")).error(), std::errc::protocol_not_supported);
    const Result<Listener> elsewhere = Listener::bind(*Address::parse("tcp://192.0.2.1:0"));  // RFC 5737: nobody's
    EXPECT_EQ(elsewhere.error(), std::errc::address_not_available);
}

TEST(Listener, IPv6TakesIPv4OnlyWhereToldTo) {
    const Listener only = listen_on("tcp://[::]:0");
    EXPECT_FALSE(plain_connect(Address(Address::Family::ipv4, "127.0.0.1", only.local().port())));
    EXPECT_TRUE(plain_connect(Address(Address::Family::ipv6, "::1", only.local().port())));
    const Listener both = listen_on("tcp://[::]:0", {.ipv6_only = false});
    EXPECT_TRUE(plain_connect(Address(Address::Family::ipv4, "127.0.0.1", both.local().port())));
}

conc::Task<> ipv4_peer_of_ipv6() {
    Listener both = listen_on("tcp://[::]:0", {.ipv6_only = false});
    const Descriptor client = plain_connect(Address(Address::Family::ipv4, "127.0.0.1", both.local().port()));
    const Result<Stream> stream = co_await both.accept();
    CO_ASSERT_TRUE(stream);
    EXPECT_EQ(stream->peer().family(), Address::Family::ipv4);
    EXPECT_EQ(stream->peer().host(), "127.0.0.1");
    EXPECT_EQ(stream->local().host(), "127.0.0.1");
}
TEST_P(ListenerContract, AnIPv4PeerOfAnIPv6ListenerHasItsIPv4Address) {
    run_on(GetParam(), ipv4_peer_of_ipv6());
}

int option_of(int fd, int level, int option) {
    int value = -1;
    socklen_t length = sizeof(value);
    EXPECT_EQ(::getsockopt(fd, level, option, &value, &length), 0);
    return value;
}

conc::Task<> inherits() {
    Listener listener = listen_on("tcp://127.0.0.1:0", {.tcp = {.keepalive = 60s, .user_timeout = 1500ms}});
    const Descriptor client = plain_connect(listener.local());
    const Result<Stream> stream = co_await listener.accept();
    CO_ASSERT_TRUE(stream);
    EXPECT_EQ(option_of(stream->fd(), IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(option_of(stream->fd(), SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option_of(stream->fd(), IPPROTO_TCP, TCP_KEEPIDLE), 60);
    EXPECT_EQ(option_of(stream->fd(), IPPROTO_TCP, TCP_KEEPINTVL), 15);
    EXPECT_EQ(option_of(stream->fd(), IPPROTO_TCP, TCP_KEEPCNT), 4);
    EXPECT_EQ(option_of(stream->fd(), IPPROTO_TCP, TCP_USER_TIMEOUT), 1500);
    Listener plain = listen_on("tcp://[::1]:0", {.tcp = {.no_delay = false}});
    const Descriptor other = plain_connect(plain.local());
    const Result<Stream> slow = co_await plain.accept();
    CO_ASSERT_TRUE(slow);
    EXPECT_EQ(option_of(slow->fd(), IPPROTO_TCP, TCP_NODELAY), 0);
    EXPECT_EQ(option_of(slow->fd(), SOL_SOCKET, SO_KEEPALIVE), 0);
}
TEST_P(ListenerContract, ConnectionsInheritTheOptions) {
    run_on(GetParam(), inherits());
}

TEST(Listener, SeveralShareAPortWhereAllAllowIt) {
    const Listener first = listen_on("tcp://127.0.0.1:0", {.reuse_port = true});
    const Result<Listener> second = Listener::bind(first.local(), {.reuse_port = true});
    EXPECT_TRUE(second) << second.error().message();
    EXPECT_EQ(Listener::bind(first.local()).error(), std::errc::address_in_use);
}

TEST(Listener, BindsAgainWhileOldConnectionsLinger) {
    Listener listener = listen_on();
    const Address address = listener.local();
    Descriptor client = plain_connect(address);
    Descriptor accepted(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    accepted.reset();  // this side closes first, so it is the one in TIME_WAIT
    client.reset();
    listener.close();
    EXPECT_TRUE(Listener::bind(address));
}

}  // namespace
}  // namespace mynah::net::test

// A stream belongs to one worker: what happens when a task of another one uses it.
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "conc/context.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/driver.hpp"
#include "net/lease.hpp"
#include "net/listener.hpp"
#include "net/readable.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"
#include "tests/net/net_test.hpp"

namespace mynah::net::test {
namespace {

class HomeWorker : public EachDriver {};
MYNAH_FOR_EACH_DRIVER(HomeWorker);

/// Starts `fn` on the other of two workers: keeps this one busy until it has been stolen.
template <class Fn>
void go_elsewhere(conc::WaitGroup& wait_group, Fn fn) {
    auto started = std::make_shared<std::atomic<bool>>(false);
    auto body = [started, inner = std::move(fn)]() -> conc::Task<> {
        *started = true;
        co_await inner();
    };
    wait_group.go(std::move(body));
    while (!*started) {
        std::this_thread::yield();
    }
}

conc::Task<> until_set(const std::atomic<bool>& flag) {
    const auto is_set = [&flag] { return flag.load(); };
    co_await until(is_set);
}

conc::Task<> used_elsewhere() {
    Pair pair = connected_pair();
    EXPECT_TRUE(pair.stream.adopt());
    Driver* const home = Driver::current();
    std::optional<bool> was_elsewhere;
    bool is_home = false;
    std::string received;
    auto use = [&]() -> conc::Task<> {
        was_elsewhere = Driver::current() != home;
        EXPECT_EQ(pair.stream.adopt().error(), Errc::wrong_worker);
        EXPECT_EQ(pair.stream.shutdown_send().error(), Errc::wrong_worker);
        const Result<Lease> lease = co_await pair.stream.receive(kPatience);
        is_home = Driver::current() == home;
        received = lease ? std::string(lease->text()) : lease.error().message();
        const Result<void> sent = co_await pair.stream.send_all("answer", kPatience);
        EXPECT_TRUE(sent);
    };
    conc::WaitGroup wait_group;
    go_elsewhere(wait_group, use);
    plain_send(pair.peer, "question");
    co_await wait_group.wait();
    EXPECT_EQ(was_elsewhere, true);
    EXPECT_TRUE(is_home);
    EXPECT_EQ(received, "question");
    EXPECT_EQ(plain_receive(pair.peer, 6), "answer");
}
TEST_P(HomeWorker, ATaskFromElsewhereGoesOnAtHome) {
    run_on(GetParam(), used_elsewhere(), 2);
}

conc::Task<> interrupted_from_elsewhere() {
    Pair pair = connected_pair();
    EXPECT_TRUE(pair.stream.adopt());
    conc::WaitGroup wait_group;
    std::atomic<bool> go_on{false};
    auto interrupt = [&]() -> conc::Task<> {
        co_await until_set(go_on);
        pair.stream.interrupt();
    };
    go_elsewhere(wait_group, interrupt);
    go_on = true;
    const Result<Lease> lease = co_await pair.stream.receive(kPatience);
    CO_ASSERT_TRUE(!lease);
    EXPECT_EQ(lease.error(), std::errc::operation_canceled);
    co_await wait_group.wait();
}
TEST_P(HomeWorker, InterruptReachesItFromElsewhere) {
    for (int i = 0; i < 100; ++i) {
        run_on(GetParam(), interrupted_from_elsewhere(), 2);
    }
}

conc::Task<> closed_from_elsewhere() {
    Pair pair = connected_pair();
    EXPECT_TRUE(pair.stream.adopt());
    conc::WaitGroup wait_group;
    std::atomic<bool> go_on{false};
    auto close = [&]() -> conc::Task<> {
        co_await until_set(go_on);
        pair.stream.close();
    };
    go_elsewhere(wait_group, close);
    go_on = true;
    const Result<Lease> lease = co_await pair.stream.receive(kPatience);
    CO_ASSERT_TRUE(!lease);
    EXPECT_EQ(lease.error(), std::errc::operation_canceled);
    co_await wait_group.wait();
    // The descriptor is closed at home, soon: the task must give up its worker for that.
    const Result<bool> ended = co_await readable(pair.peer.get(), kPatience);
    CO_ASSERT_TRUE(ended);
    EXPECT_EQ(plain_receive(pair.peer, *ended ? 1 : 0), "");
    EXPECT_TRUE(*ended);
}
TEST_P(HomeWorker, CloseReachesItFromElsewhere) {
    for (int i = 0; i < 100; ++i) {
        run_on(GetParam(), closed_from_elsewhere(), 2);
    }
}

conc::Task<> accept_canceled_from_elsewhere(bool by_close) {
    Listener listener = listen_on();
    auto [ctx, cancel] = conc::with_cancel(conc::Context::background());
    conc::WaitGroup wait_group;
    std::atomic<bool> go_on{false};
    auto end_it = [&, cancel_it = cancel]() -> conc::Task<> {
        co_await until_set(go_on);
        if (by_close) {
            listener.close();
        } else {
            cancel_it();
        }
    };
    go_elsewhere(wait_group, end_it);
    go_on = true;
    const Result<Stream> stream = co_await listener.accept(ctx);
    CO_ASSERT_TRUE(!stream);
    EXPECT_EQ(stream.error(), std::errc::operation_canceled);
    co_await wait_group.wait();
}
TEST_P(HomeWorker, AcceptEndsFromElsewhere) {
    for (int i = 0; i < 100; ++i) {
        run_on(GetParam(), accept_canceled_from_elsewhere(false), 2);
        run_on(GetParam(), accept_canceled_from_elsewhere(true), 2);
    }
}

// The stream is handed over before its first use, as the server does: whoever serves it makes it his.
conc::Task<> adopted_elsewhere() {
    Listener listener = listen_on();
    const Descriptor client = plain_connect(listener.local());
    Result<Stream> accepted = co_await listener.accept();
    CO_ASSERT_TRUE(accepted);
    auto stream = std::make_shared<Stream>(*std::move(accepted));
    Driver* const acceptor = Driver::current();
    auto serve = [&, stream]() -> conc::Task<> {
        EXPECT_NE(Driver::current(), acceptor);
        EXPECT_TRUE(stream->adopt());
        Driver* const home = Driver::current();
        const Result<Lease> lease = co_await stream->receive(kPatience);
        EXPECT_EQ(Driver::current(), home);
        CO_ASSERT_TRUE(lease);
        EXPECT_EQ(lease->text(), "to the new home");
    };
    conc::WaitGroup wait_group;
    go_elsewhere(wait_group, serve);
    plain_send(client, "to the new home");
    co_await wait_group.wait();
}
TEST_P(HomeWorker, TheServingWorkerAdoptsAnAcceptedStream) {
    run_on(GetParam(), adopted_elsewhere(), 2);
}

// Streams, wherever they live, are used and closed by tasks that wander between the workers.
conc::Task<> wander(Pair pair, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        plain_send(pair.peer, "ping");
        const Result<Lease> lease = co_await pair.stream.receive(kPatience);
        CO_ASSERT_TRUE(lease);
        co_await conc::yield();  // may go on elsewhere
        const Result<void> sent = co_await pair.stream.send_all(lease->bytes(), kPatience);
        CO_ASSERT_TRUE(sent);
        EXPECT_EQ(plain_receive(pair.peer, 4), "ping");
        co_await conc::yield();
    }
}

conc::Task<> wander_many() {
    constexpr int kTasks = 40;
    constexpr int kRounds = 50;
    conc::WaitGroup wait_group;
    for (int i = 0; i < kTasks; ++i) {
        wait_group.go(wander, connected_pair(), kRounds);
    }
    co_await wait_group.wait();
}
TEST_P(HomeWorker, TasksMayWanderBetweenOperations) {
    run_on(GetParam(), wander_many(), 3);
}

}  // namespace
}  // namespace mynah::net::test

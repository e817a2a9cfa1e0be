// What the drivers promise beside the operations: descriptors without end, sleep and wake-up, EINTR, their names.
#include "net/driver.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "conc/scheduler.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/descriptor.hpp"
#include "net/lease.hpp"
#include "net/operation.hpp"
#include "net/readable.hpp"
#include "net/result.hpp"
#include "net/wait_readable.hpp"
#include "tests/net/interrupting_signals.hpp"
#include "tests/net/net_test.hpp"

namespace mynah::net::test {
namespace {

TEST(DriverKind, ParsesItsOwnNames) {
    for (const DriverKind kind :
         {DriverKind::automatic, DriverKind::select, DriverKind::poll, DriverKind::epoll, DriverKind::io_uring}) {
        const auto parsed = parse_driver(to_string(kind));
        ASSERT_TRUE(parsed);
        EXPECT_EQ(*parsed, kind);
    }
    EXPECT_EQ(to_string(DriverKind::automatic), "auto");
}

TEST(DriverKind, RefusesOthersWithAReason) {
    EXPECT_EQ(parse_driver("kqueue").error(), "unknown driver 'kqueue'; use auto, select, poll, epoll or io_uring");
    EXPECT_FALSE(parse_driver(""));
    EXPECT_FALSE(parse_driver("Select"));
}

/// Lets this process have descriptors beyond FD_SETSIZE.
class ManyDescriptors {
  public:
    ManyDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit raised = before_;
        raised.rlim_cur = raised.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &raised);
        count_ = raised.rlim_cur;
    }
    ManyDescriptors(const ManyDescriptors&) = delete;
    ManyDescriptors& operator=(const ManyDescriptors&) = delete;
    ~ManyDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

    bool enough() const { return count_ >= kWanted; }
    rlim_t count() const { return count_; }

  private:
    static constexpr rlim_t kWanted = 4096;
    rlimit before_{};
    rlim_t count_ = 0;
};

constexpr int kHigh = 1500;

Pair high_pair() {
    Pair pair = connected_pair();
    Descriptor high(::fcntl(pair.stream.fd(), F_DUPFD_CLOEXEC, kHigh));
    EXPECT_GE(high.get(), kHigh);
    pair.stream = Stream::from(std::move(high));
    return pair;
}

class DriverContract : public EachDriver {
  protected:
    void SetUp() override { ASSERT_TRUE(many_.enough()) << "ulimit -Hn is too low for this test"; }

    ManyDescriptors many_;
};
MYNAH_FOR_EACH_DRIVER(DriverContract);

conc::Task<> high_descriptor(DriverKind kind) {
    Pair low = connected_pair();
    // Something is pending while automatic moves to another driver.
    std::string text;
    auto receive = [&]() -> conc::Task<> {
        const Result<Lease> lease = co_await low.stream.receive(kPatience);
        text = lease ? std::string(lease->text()) : lease.error().message();
    };
    conc::WaitGroup wait_group;
    wait_group.go(receive);
    co_await conc::yield();
    EXPECT_EQ(Driver::current()->name(), kind == DriverKind::automatic ? "select" : to_string(kind));

    Pair high = high_pair();
    const Result<void> adopted = high.stream.adopt();
    plain_send(high.peer, "high");
    const Result<Lease> lease = co_await high.stream.receive(kPatience);
    const Result<bool> ready = co_await readable(high.stream.fd(), 0ms);
    if (kind == DriverKind::select) {
        CO_ASSERT_TRUE(!adopted);
        EXPECT_EQ(adopted.error(), Errc::too_many_descriptors);
        CO_ASSERT_TRUE(!lease);
        EXPECT_EQ(lease.error(), Errc::too_many_descriptors);
        CO_ASSERT_TRUE(!ready);
        EXPECT_EQ(ready.error(), Errc::too_many_descriptors);
        EXPECT_EQ(Driver::current()->name(), "select");
    } else {
        EXPECT_TRUE(adopted);
        CO_ASSERT_TRUE(lease);
        EXPECT_EQ(lease->text(), "high");
        EXPECT_EQ(Driver::current()->name(), kind == DriverKind::automatic ? "io_uring" : to_string(kind));
    }
    plain_send(low.peer, "low");
    co_await wait_group.wait();
    EXPECT_EQ(text, "low");
}
TEST_P(DriverContract, DescriptorsBeyondFdSetAreRefusedOrServed) {
    run_on(GetParam(), high_descriptor(GetParam()));
}

conc::Task<> last_in_set() {
    Pair pair = connected_pair();
    Descriptor last(::fcntl(pair.stream.fd(), F_DUPFD_CLOEXEC, FD_SETSIZE - 1));
    CO_ASSERT_TRUE(last.get() == FD_SETSIZE - 1);
    pair.stream = Stream::from(std::move(last));
    std::thread sender([&] { plain_send(pair.peer, "last"); });
    const Result<Lease> lease = co_await pair.stream.receive(kPatience);
    sender.join();
    CO_ASSERT_TRUE(lease);
    EXPECT_EQ(lease->text(), "last");
}
TEST_P(DriverContract, TheLastDescriptorOfTheSetWorks) {
    run_on(GetParam(), last_in_set());
}

TEST_P(DriverContract, MayBeMadeWhereAllLowDescriptorsAreTaken) {
    std::vector<Descriptor> taken;
    do {
        taken.emplace_back(::fcntl(0, F_DUPFD_CLOEXEC, 0));
    } while (taken.back().get() < FD_SETSIZE);
    if (GetParam() == DriverKind::select) {
        EXPECT_THROW(driver_factory(GetParam())(), std::system_error);
    } else {
        auto body = []() -> conc::Task<> {
            Pair pair = connected_pair();
            const Result<Lease> lease = co_await pair.stream.receive(1ms);
            EXPECT_EQ(lease.error(), std::errc::timed_out);
        };
        run_on(GetParam(), body());
    }
}

conc::Task<> under_signals() {
    Pair pair = connected_pair();
    limit_send_queue(pair.stream);
    const InterruptingSignals signals;
    const auto start = conc::now();
    const Result<Lease> nothing = co_await pair.stream.receive(100ms);
    EXPECT_EQ(nothing.error(), std::errc::timed_out);
    EXPECT_GE(conc::now() - start, 100ms);
    EXPECT_GT(signals.count(), 0);
    const std::string much = pattern(std::size_t{4} << 20U);
    std::string received;
    std::thread reader([&] {
        received = plain_receive(pair.peer, much.size());
        plain_send(pair.peer, "thanks");
    });
    const Result<void> sent = co_await pair.stream.send_all(much, kPatience);
    const Result<Lease> lease = co_await pair.stream.receive(kPatience);
    reader.join();
    EXPECT_TRUE(sent);
    CO_ASSERT_TRUE(lease);
    EXPECT_EQ(lease->text(), "thanks");
    EXPECT_TRUE(received == much);
}
TEST_P(DriverContract, SignalsNeverLeaveNet) {
    run_on(GetParam(), under_signals());
}

// Each message finds the worker awake, asleep, or on its way there. Were one wake-up lost, the worker would sleep on
// and the sender wait for ever.
conc::Task<> posts_while_it_sleeps() {
    Pair pair = connected_pair();
    EXPECT_TRUE(pair.stream.adopt());
    Driver& driver = *Driver::current();
    constexpr int kThreads = 3;
    constexpr int kRounds = 4000;
    std::atomic<int> running{kThreads};
    int delivered = 0;  // at home only: no atomic
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&] {
            for (int round = 0; round < kRounds; ++round) {
                std::atomic<bool> done{false};
                driver.post([&] {
                    ++delivered;
                    done = true;
                });
                while (!done) {
                    std::this_thread::yield();
                }
            }
            if (--running == 0) {
                plain_send(pair.peer, "done");
            }
        });
    }
    const Result<Lease> lease = co_await pair.stream.receive();
    for (std::thread& thread : threads) {
        thread.join();
    }
    CO_ASSERT_TRUE(lease);
    EXPECT_EQ(lease->text(), "done");
    EXPECT_EQ(delivered, kThreads * kRounds);
}
TEST_P(DriverContract, NoWakeUpIsLost) {
    run_on(GetParam(), posts_while_it_sleeps());
}

conc::Task<> many_connections() {
    constexpr std::size_t kCount = 300;
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < kCount; ++i) {
        pairs.push_back(connected_pair());
    }
    std::size_t ended = 0;
    auto echo = [&](std::size_t index) -> conc::Task<> {
        for (;;) {
            const Result<Lease> lease = co_await pairs[index].stream.receive(kPatience);
            CO_ASSERT_TRUE(lease);
            if (lease->empty()) {
                break;
            }
            const Result<void> sent = co_await pairs[index].stream.send_all(lease->bytes(), kPatience);
            CO_ASSERT_TRUE(sent);
        }
        pairs[index].stream.close();
        ++ended;
    };
    conc::WaitGroup wait_group;
    for (std::size_t i = 0; i < kCount; ++i) {
        wait_group.go(echo, i);
    }
    std::thread clients([&] {
        for (int round = 0; round < 5; ++round) {
            for (const Pair& pair : pairs) {
                plain_send(pair.peer, "round " + std::to_string(round));
            }
            for (const Pair& pair : pairs) {
                EXPECT_EQ(plain_receive(pair.peer, 7), "round " + std::to_string(round));
            }
        }
        for (Pair& pair : pairs) {
            pair.peer.reset();
        }
    });
    co_await wait_group.wait();
    clients.join();
    EXPECT_EQ(ended, kCount);
}
TEST_P(DriverContract, ServesHundredsAtOnce) {
    run_on(GetParam(), many_connections());
}

conc::Task<> many_descriptors(std::size_t count) {
    std::vector<Descriptor> events;
    for (std::size_t i = 0; i < count; ++i) {
        events.emplace_back(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
        CO_ASSERT_TRUE(events.back());
    }
    std::size_t told = 0;
    conc::WaitGroup waiting;
    for (std::size_t i = 0; i < count; ++i) {
        waiting.go([&, i]() -> conc::Task<> {
            const Result<bool> ready = co_await readable(events[i].get(), kPatience);
            told += ready && *ready ? 1U : 0U;
        });
    }
    co_await conc::yield();
    EXPECT_EQ(told, 0U);
    for (const Descriptor& event : events) {
        const std::uint64_t one = 1;
        EXPECT_EQ(::write(event.get(), &one, sizeof(one)), ssize_t{sizeof(one)});
    }
    co_await waiting.wait();
    EXPECT_EQ(told, count);
}
TEST_P(DriverContract, WatchesAsManyDescriptorsAsItTakes) {
    constexpr rlim_t kOthers = 200;  // of this process, and of the driver
    const rlim_t most = GetParam() == DriverKind::select ? rlim_t{FD_SETSIZE} : many_.count();
    run_on(GetParam(), many_descriptors(std::min<rlim_t>(20'000, most - kOthers)));
}

// select(2) looks at every descriptor in each call, so auto leaves it long before FD_SETSIZE.
conc::Task<> outgrown() {
    constexpr std::size_t kMany = 200;
    std::vector<Descriptor> events;
    std::size_t told = 0;
    std::size_t late = 0;
    conc::WaitGroup waiting;
    auto wait = [&](int fd, conc::Duration timeout) -> conc::Task<> {
        const Result<bool> ready = co_await readable(fd, timeout);
        CO_ASSERT_TRUE(ready);
        (*ready ? told : late) += 1;
    };
    for (std::size_t i = 0; i < kMany; ++i) {
        events.emplace_back(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
        waiting.go(wait, events.back().get(), i == 0 ? conc::Duration(50ms) : conc::Duration(kPatience));
    }
    EXPECT_EQ(Driver::current()->name(), "select");
    co_await until([] { return Driver::current()->name() != "select"; });
    // What was pending goes on, and keeps its deadline.
    const auto is_late = [&] { return late == 1; };
    co_await until(is_late);
    for (std::size_t i = 1; i < kMany; ++i) {
        const std::uint64_t one = 1;
        EXPECT_EQ(::write(events[i].get(), &one, sizeof(one)), ssize_t{sizeof(one)});
    }
    co_await waiting.wait();
    EXPECT_EQ(told, kMany - 1);
}
TEST(AutomaticDriver, LeavesSelectOnceItIsOutgrown) {
    run_on(DriverKind::automatic, outgrown());
}

/// The bytes that the peer gets until it has seen nothing for a while.
std::string what_arrived(const Descriptor& peer) {
    std::string all;
    std::string part(65536, '\0');
    while (*wait_readable(peer.get(), 50ms)) {
        const ssize_t got = ::recv(peer.get(), part.data(), part.size(), 0);
        if (got <= 0) {
            break;
        }
        all.append(part, 0, static_cast<std::size_t>(got));
    }
    return all;
}

// As when a task is destroyed in mid-send: what its frame held is used for something else at once.
conc::Task<> send_withdrawn() {
    Pair pair = connected_pair();
    limit_send_queue(pair.stream);
    limit_receive_queue(pair.peer);
    CO_ASSERT_TRUE(pair.stream.adopt());
    Driver& driver = *Driver::current();
    const std::string original = pattern(std::size_t{8} << 20U);
    std::string buffer = original;
    Operation operation;
    operation.kind = Operation::Kind::send;
    operation.fd = pair.stream.fd();
    operation.unsent = std::as_bytes(std::span(buffer));
    CO_ASSERT_TRUE(!driver.submit(operation));
    EXPECT_TRUE(driver.armed());
    co_await conc::yield();
    driver.withdraw(operation);
    EXPECT_FALSE(operation.pending);
    EXPECT_FALSE(driver.armed());
    std::fill(buffer.begin(), buffer.end(), '!');
    const std::string arrived = what_arrived(pair.peer);
    EXPECT_EQ(arrived.size(), original.size() - operation.unsent.size());
    EXPECT_TRUE(original.starts_with(arrived)) << "the buffer was read after the operation had been withdrawn";
}
TEST_P(DriverContract, AWithdrawnSendLeavesItsBufferAlone) {
    run_on(GetParam(), send_withdrawn());
}

conc::Task<> receive_withdrawn() {
    Pair pair = connected_pair();
    CO_ASSERT_TRUE(pair.stream.adopt());
    Driver& driver = *Driver::current();
    {
        Operation operation;
        operation.kind = Operation::Kind::receive;
        operation.fd = pair.stream.fd();
        operation.receive_bytes = 4096;
        CO_ASSERT_TRUE(!driver.submit(operation));
        co_await conc::sleep_for(1ms);  // the driver has polled meanwhile, and the kernel knows of it
        driver.withdraw(operation);
        EXPECT_FALSE(driver.armed());
    }
    plain_send(pair.peer, "for the next one");
    const Result<Lease> lease = co_await pair.stream.receive(kPatience);
    CO_ASSERT_TRUE(lease);
    EXPECT_EQ(lease->text(), "for the next one");
}
TEST_P(DriverContract, AWithdrawnReceiveLosesNothing) {
    run_on(GetParam(), receive_withdrawn());
}

// The old file lives on under another number, and is readable: that is not the new one's concern.
conc::Task<> number_used_again() {
    Pair old = connected_pair();
    std::string last;
    auto receive = [&]() -> conc::Task<> {
        const Result<Lease> lease = co_await old.stream.receive(kPatience);
        last = lease ? std::string(lease->text()) : "closed";
    };
    conc::WaitGroup wait_group;
    wait_group.go(receive);
    co_await conc::yield();
    const int number = old.stream.fd();
    const Descriptor copy(::fcntl(number, F_DUPFD_CLOEXEC, 0));
    old.stream.close();
    co_await wait_group.wait();
    EXPECT_EQ(last, "closed");

    Pair pair = connected_pair();
    Descriptor again(::fcntl(pair.stream.fd(), F_DUPFD_CLOEXEC, number));
    CO_ASSERT_TRUE(again.get() == number);
    pair.stream = Stream::from(std::move(again));
    plain_send(old.peer, "to nobody");
    const Result<Lease> nothing = co_await pair.stream.receive(30ms);
    CO_ASSERT_TRUE(!nothing);
    EXPECT_EQ(nothing.error(), std::errc::timed_out);
    plain_send(pair.peer, "to the new one");
    const Result<Lease> lease = co_await pair.stream.receive(kPatience);
    CO_ASSERT_TRUE(lease);
    EXPECT_EQ(lease->text(), "to the new one");
}
TEST_P(DriverContract, ANumberThatComesBackIsAnotherFile) {
    run_on(GetParam(), number_used_again());
}

}  // namespace
}  // namespace mynah::net::test

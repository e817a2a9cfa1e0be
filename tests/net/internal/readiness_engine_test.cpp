// How what select, poll and epoll share deals with what a wait has found: what it asks the kernel, and what may happen
// to a descriptor between the wait that found it ready and its turn.
#include "net/internal/readiness_engine.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/descriptor.hpp"
#include "net/driver.hpp"
#include "net/internal/epoll_poller.hpp"
#include "net/internal/poll_poller.hpp"
#include "net/internal/poller.hpp"
#include "net/internal/select_poller.hpp"
#include "net/internal/wake_up.hpp"
#include "net/lease.hpp"
#include "net/readable.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"
#include "tests/net/net_test.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::net::internal {
namespace {

using test::connected_pair;
using test::kPatience;
using test::Pair;
using test::plain_receive;
using test::plain_send;
using namespace std::chrono_literals;

// Under AddressSanitizer every buffer comes from the heap, see buffer_pool.hpp.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kPooled = false;
#elif defined(__has_feature)
constexpr bool kPooled = !__has_feature(address_sanitizer);
#else
constexpr bool kPooled = true;
#endif

struct Calls {
    int waits = 0;
    int watches = 0;
    std::function<void()> before_sleep = [] {};
};

std::unique_ptr<Poller> make_poller(DriverKind kind) {
    switch (kind) {
        case DriverKind::epoll:
            return std::make_unique<EpollPoller>();
        case DriverKind::poll:
            return std::make_unique<PollPoller>();
        default:
            return std::make_unique<SelectPoller>();
    }
}

/// Counts what the engine asks of the poller: each wait() is a system call, and so is each watch() with epoll.
class CountingPoller final : public Poller {
  public:
    CountingPoller(std::unique_ptr<Poller> real, Calls& calls) : real_(std::move(real)), calls_(calls) {}

    bool admits(int fd) const noexcept override { return real_->admits(fd); }
    bool edge_triggered() const noexcept override { return real_->edge_triggered(); }
    void watch(int fd, Interest interest) override {
        ++calls_.watches;
        real_->watch(fd, interest);
    }
    void forget(int fd) noexcept override { real_->forget(fd); }
    int wait(conc::Duration left, std::vector<Ready>& ready) override {
        ++calls_.waits;
        if (left > conc::Duration::zero()) {
            calls_.before_sleep();
        }
        return real_->wait(left, ready);
    }
    std::string_view name() const noexcept override { return real_->name(); }

  private:
    std::unique_ptr<Poller> real_;
    Calls& calls_;
};

class ReadinessContract : public testing::TestWithParam<DriverKind> {
  protected:
    void run(conc::Task<> main) {
        const auto engine = [this](Driver& driver, WakeUp& wake_up) {
            wake_up_ = &wake_up;
            return std::make_unique<ReadinessEngine>(driver, wake_up,
                                                     std::make_unique<CountingPoller>(make_poller(GetParam()), calls_));
        };
        mynah::test::run_task({.workers = 1, .event_source = [engine] { return std::make_unique<Driver>(engine); }},
                              std::move(main));
    }

    Calls calls_;
    WakeUp* wake_up_ = nullptr;
};
INSTANTIATE_TEST_SUITE_P(Net, ReadinessContract,
                         testing::Values(DriverKind::select, DriverKind::poll, DriverKind::epoll), test::driver_name);

conc::Task<> echo(Stream* stream) {
    for (;;) {
        const Result<Lease> lease = co_await stream->receive(kPatience);
        CO_ASSERT_TRUE(lease);
        if (lease->empty()) {
            break;
        }
        const Result<void> sent = co_await stream->send_all(lease->bytes(), kPatience);
        CO_ASSERT_TRUE(sent);
    }
    stream->close();
}

std::size_t unread(const Descriptor& socket) {
    int count = 0;
    EXPECT_EQ(::ioctl(socket.get(), FIONREAD, &count), 0);
    return static_cast<std::size_t>(count);
}

conc::Task<> one_round(const std::vector<Pair>* pairs) {
    static constexpr std::string_view kMessage = "a message";
    for (const Pair& pair : *pairs) {
        plain_send(pair.peer, kMessage);
    }
    for (const Pair& pair : *pairs) {
        const auto has_come = [&pair] { return unread(pair.peer) == kMessage.size(); };
        co_await test::until(has_come);
        EXPECT_EQ(plain_receive(pair.peer, kMessage.size()), kMessage);
    }
}

conc::Task<> echo_rounds(std::vector<Pair>* pairs, const Calls* calls) {
    conc::WaitGroup echoes;
    for (Pair& pair : *pairs) {
        echoes.go(echo, &pair.stream);
    }
    co_await one_round(pairs);  // in which each is registered
    const int before = calls->watches;
    for (int i = 0; i < 20; ++i) {
        co_await one_round(pairs);
    }
    EXPECT_EQ(calls->watches, before);
    for (Pair& pair : *pairs) {
        pair.peer.reset();
    }
    co_await echoes.wait();
}

TEST_P(ReadinessContract, ARegistrationIsKeptWhileTheStreamLives) {
    std::vector<Pair> pairs;
    for (int i = 0; i < 40; ++i) {
        pairs.push_back(connected_pair());
    }
    run(echo_rounds(&pairs, &calls_));
}

// Each is served when its task is about to run: the buffer that the one before gave back is used again.
conc::Task<> same_buffer(const Calls* calls) {
    constexpr std::size_t kStreams = 32;
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < kStreams; ++i) {
        pairs.push_back(connected_pair());
    }
    std::vector<const std::byte*> buffers;
    conc::WaitGroup receivers;
    for (Pair& pair : pairs) {
        receivers.go(
            [&buffers](Stream* stream) -> conc::Task<> {
                const Result<Lease> lease = co_await stream->receive(kPatience);
                CO_ASSERT_TRUE(lease);
                buffers.push_back(lease->bytes().data());
            },
            &pair.stream);
    }
    co_await conc::yield();
    for (const Pair& pair : pairs) {
        plain_send(pair.peer, "all at once");
    }
    const int before = calls->waits;
    co_await receivers.wait();
    EXPECT_LE(calls->waits - before, 2);  // one finds them all, and a busy worker looks around now and then
    CO_ASSERT_TRUE(buffers.size() == kStreams);
    if (kPooled) {
        EXPECT_THAT(buffers, testing::Each(buffers.front()));
    }
}
TEST_P(ReadinessContract, OneBufferServesAllThatAreReady) {
    run(same_buffer(&calls_));
}

// Found ready, and empty again before its turn: a task that asks now is not told of what was.
conc::Task<> emptied_meanwhile() {
    Pair first = connected_pair();
    Pair second = connected_pair();
    plain_send(second.peer, "so that it is watched");
    const auto has_come = [&second] { return second.stream.unread_bytes().value_or(0) > 0; };
    co_await test::until(has_come);
    const Result<Lease> before = co_await second.stream.receive(kPatience);
    const Result<Lease> drained = co_await second.stream.receive(1ms);
    EXPECT_TRUE(before);
    EXPECT_FALSE(drained);
    conc::WaitGroup tasks;
    tasks.go([&]() -> conc::Task<> {
        const Result<Lease> lease = co_await first.stream.receive(kPatience);
        EXPECT_TRUE(lease);
        char byte = 0;
        EXPECT_EQ(::recv(second.stream.fd(), &byte, 1, 0), 1);
        const Result<bool> ready = co_await readable(second.stream.fd(), 30ms);
        CO_ASSERT_TRUE(ready);
        EXPECT_FALSE(*ready);
    });
    co_await conc::yield();
    plain_send(first.peer, "1");
    plain_send(second.peer, "2");
    co_await tasks.wait();
}
TEST_P(ReadinessContract, ReadinessThatIsOverIsNotReported) {
    run(emptied_meanwhile());
}

// Found at its end, closed before its turn, and its number given to another stream: that one has not ended.
conc::Task<> number_comes_back() {
    Pair first = connected_pair();
    Pair second = connected_pair();
    Pair fresh = connected_pair();
    bool once = true;
    const auto receive = [&](Pair* own, Pair* other) -> conc::Task<> {
        const Result<Lease> lease = co_await own->stream.receive(kPatience);
        if (!std::exchange(once, false)) {
            CO_ASSERT_TRUE(!lease);
            EXPECT_EQ(lease.error(), std::errc::operation_canceled);
            co_return;
        }
        CO_ASSERT_TRUE(lease);
        const int number = other->stream.fd();
        other->stream.close();
        Descriptor again(::fcntl(fresh.stream.fd(), F_DUPFD_CLOEXEC, number));
        CO_ASSERT_TRUE(again.get() == number);
        Stream reborn = Stream::from(std::move(again));
        const Result<Lease> nothing = co_await reborn.receive(30ms);
        CO_ASSERT_TRUE(!nothing);
        EXPECT_EQ(nothing.error(), std::errc::timed_out);
        plain_send(fresh.peer, "hello");
        const Result<Lease> hello = co_await reborn.receive(kPatience);
        CO_ASSERT_TRUE(hello);
        EXPECT_EQ(hello->text(), "hello");
    };
    conc::WaitGroup tasks;
    tasks.go(receive, &first, &second);
    tasks.go(receive, &second, &first);
    co_await conc::yield();
    first.peer.reset();
    second.peer.reset();
    co_await tasks.wait();
}
TEST_P(ReadinessContract, WhatWasFoundOfAClosedDescriptorDoesNoHarm) {
    run(number_comes_back());
}

// The wake-up's number is beyond all that the engine keeps a place for; AddressSanitizer sees who looks there.
TEST_P(ReadinessContract, AWakeUpMayBeFoundBehindAStream) {
    Pair pair = connected_pair();
    const Descriptor fills_the_gap(::fcntl(pair.peer.get(), F_DUPFD_CLOEXEC, 0));  // which the listener has left
    bool once = true;
    calls_.before_sleep = [&] {
        if (std::exchange(once, false)) {
            EXPECT_GT(wake_up_->fd(), pair.stream.fd());
            plain_send(pair.peer, "found");
            wake_up_->wake();
        }
    };
    run([](Stream* stream) -> conc::Task<> {
        const Result<Lease> lease = co_await stream->receive(kPatience);
        CO_ASSERT_TRUE(lease);
        EXPECT_EQ(lease->text(), "found");
    }(&pair.stream));
    EXPECT_FALSE(once);
}

// The clock is read for several operations together, after the last of them: none may end before its time.
conc::Task<> timeouts_after_work() {
    constexpr std::size_t kStreams = 50;
    static constexpr auto kTimeout = 20ms;
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < kStreams; ++i) {
        pairs.push_back(connected_pair());
    }
    std::size_t ended = 0;
    conc::WaitGroup tasks;
    for (Pair& pair : pairs) {
        tasks.go(
            [&ended](Stream* stream) -> conc::Task<> {
                const conc::TimePoint work_ends = conc::now() + 500us;
                while (conc::now() < work_ends) {
                }
                const conc::TimePoint begin = conc::now();
                const Result<Lease> lease = co_await stream->receive(kTimeout);
                CO_ASSERT_TRUE(!lease);
                EXPECT_EQ(lease.error(), std::errc::timed_out);
                EXPECT_GE(conc::now() - begin, kTimeout);
                ++ended;
            },
            &pair.stream);
    }
    co_await tasks.wait();
    EXPECT_EQ(ended, kStreams);
}
TEST_P(ReadinessContract, ATimeoutNeverEndsEarly) {
    run(timeouts_after_work());
}

}  // namespace
}  // namespace mynah::net::internal

// Engines: a busy one serves as an idle one does, and one that takes over misses nothing.
#include "net/internal/engine.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "conc/channel.hpp"
#include "conc/context.hpp"
#include "conc/scheduler.hpp"
#include "conc/select.hpp"
#include "conc/select_case.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/connect.hpp"
#include "net/descriptor.hpp"
#include "net/driver.hpp"
#include "net/internal/socket_address.hpp"
#include "net/lease.hpp"
#include "net/listener.hpp"
#include "net/operation.hpp"
#include "net/readable.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"
#include "net/wait_readable.hpp"
#include "tests/net/net_test.hpp"

namespace mynah::net::test {
namespace {

class EngineContract : public EachDriver {};
MYNAH_FOR_EACH_DRIVER(EngineContract);

using MaybeText = std::optional<std::string>;

conc::Task<> receive_text(Stream& stream, MaybeText& text) {
    const Result<Lease> lease = co_await stream.receive(kPatience);
    text = lease ? std::string(lease->text()) : lease.error().message();
}

/// Streams that all wait for bytes, and then all have some that the driver has not seen.
class Crowd {
  public:
    Crowd() {
        for (std::size_t i = 0; i < kCount; ++i) {
            pairs_.push_back(connected_pair());
        }
    }

    /// Their receives are pending, and the kernel knows of them.
    conc::Task<> wait() {
        co_await begin();
        co_await conc::sleep_for(1ms);
    }

    /// They are pending, and the kernel may not know of them.
    conc::Task<> begin() {
        for (std::size_t i = 0; i < kCount; ++i) {
            waiting_.go(receive_text, std::ref(pairs_[i].stream), std::ref(texts_[i]));
        }
        co_await conc::yield();
    }

    void get_bytes() {
        for (const Pair& pair : pairs_) {
            plain_send(pair.peer, "one of many");
        }
    }

    /// The last one first: its request is behind all others.
    void interrupt() {
        for (std::size_t i = kCount; i > 0; --i) {
            pairs_[i - 1].stream.interrupt();
        }
    }

    conc::Task<> all_served() {
        co_await waiting_.wait();
        for (const MaybeText& text : texts_) {
            EXPECT_EQ(text, "one of many");
        }
    }

  private:
    static constexpr std::size_t kCount = 100;

    std::vector<Pair> pairs_;
    std::array<MaybeText, kCount> texts_;
    conc::WaitGroup waiting_;
};

conc::Task<> interrupted_behind_others() {
    Crowd crowd;
    Pair pair = connected_pair();
    MaybeText text;
    conc::WaitGroup waiting;
    waiting.go(receive_text, std::ref(pair.stream), std::ref(text));
    co_await crowd.wait();
    crowd.get_bytes();
    plain_send(pair.peer, "the last one");
    pair.stream.interrupt();
    co_await waiting.wait();
    EXPECT_EQ(text, "the last one");
    co_await crowd.all_served();
}
TEST_P(EngineContract, AnInterruptFindsBytesBehindManyOthers) {
    run_on(GetParam(), interrupted_behind_others());
}

// Some find no buffer at first, as there are more streams than io_uring begins with buffers.
conc::Task<> all_interrupted() {
    Crowd crowd;
    crowd.get_bytes();
    co_await crowd.begin();
    crowd.interrupt();
    co_await crowd.all_served();
}
TEST_P(EngineContract, InterruptsOfManyLoseNoBytes) {
    run_on(GetParam(), all_interrupted());
}

conc::Task<> canceled_behind_others() {
    Crowd crowd;
    Listener listener = listen_on();
    auto [ctx, cancel] = conc::with_cancel(conc::Context::background());
    std::optional<bool> accepted;
    auto accept = [&]() -> conc::Task<> {
        const Result<Stream> stream = co_await listener.accept(ctx);
        accepted = stream.has_value();
    };
    conc::WaitGroup waiting;
    waiting.go(accept);
    co_await crowd.wait();
    crowd.get_bytes();
    const Descriptor first = plain_connect(listener.local());
    const Descriptor second = plain_connect(listener.local());
    cancel();
    co_await waiting.wait();
    EXPECT_EQ(accepted, true);
    // What is queued is still accepted, as where the crowd was not.
    const Result<Stream> queued = co_await listener.accept(ctx);
    EXPECT_TRUE(queued);
    co_await crowd.all_served();
}
TEST_P(EngineContract, ACancelledAcceptFindsWhoIsQueuedBehindManyOthers) {
    run_on(GetParam(), canceled_behind_others());
}

conc::Task<> closed_behind_others() {
    Crowd crowd;
    Pair pair = connected_pair();
    MaybeText text;
    conc::WaitGroup waiting;
    waiting.go(receive_text, std::ref(pair.stream), std::ref(text));
    co_await crowd.wait();
    crowd.get_bytes();
    pair.stream.close();
    // Before this task gives up control: the kernel holds the file no longer.
    EXPECT_TRUE(*wait_readable(pair.peer.get(), 0ms)) << "the peer sees no end";
    co_await waiting.wait();
    co_await crowd.all_served();
}
TEST_P(EngineContract, AClosedStreamEndsAtOnceBehindManyOthers) {
    run_on(GetParam(), closed_behind_others());
}

/// 4 GiB that take no memory: only read, and all of them one page of zeros.
class HugeBuffer {
  public:
    HugeBuffer() : memory_(::mmap(nullptr, kBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
    HugeBuffer(const HugeBuffer&) = delete;
    HugeBuffer& operator=(const HugeBuffer&) = delete;
    ~HugeBuffer() { ::munmap(memory_, kBytes); }

    std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(memory_), kBytes}; }

  private:
    static constexpr std::size_t kBytes = std::size_t{4} << 30U;  // its low 32 bits are 0
    void* memory_;
};

conc::Task<> sends_much() {
    const HugeBuffer buffer;
    CO_ASSERT_TRUE(buffer.bytes().data() != MAP_FAILED);
    Pair pair = connected_pair();
    limit_send_queue(pair.stream);
    std::optional<std::error_code> error;
    auto send = [&]() -> conc::Task<> {
        const Result<void> sent = co_await pair.stream.send_all(buffer.bytes(), kPatience);
        error = sent ? std::error_code() : sent.error();
    };
    conc::WaitGroup waiting;
    waiting.go(send);
    const auto begun = [&] { return error || *wait_readable(pair.peer.get(), 0ms); };
    co_await until(begun);
    CO_ASSERT_TRUE(!error);
    EXPECT_EQ(plain_receive(pair.peer, 1000), std::string(1000, '\0'));
    pair.stream.close();
    co_await waiting.wait();
    EXPECT_EQ(error, std::make_error_code(std::errc::operation_canceled));
}
TEST_P(EngineContract, ASendMayBeLargerThanTheKernelTakesAtOnce) {
    run_on(GetParam(), sends_much());
}

/// Has a task wait for each of so many descriptors that the automatic driver leaves select(2).
class ManyWaits {
  public:
    conc::Task<> begin() {
        for (std::size_t i = 0; i < kCount; ++i) {
            events_.emplace_back(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
            waiting_.go([fd = events_.back().get()]() -> conc::Task<> {
                const Result<bool> ready = co_await readable(fd, 200ms);
                EXPECT_TRUE(ready && !*ready);
            });
        }
        co_await until([] { return Driver::current()->name() != "select"; });
    }
    conc::Task<> end() { co_await waiting_.wait(); }

  private:
    static constexpr std::size_t kCount = 100;
    std::vector<Descriptor> events_;
    conc::WaitGroup waiting_;
};

conc::Task<> connects_meanwhile() {
    // A queue that is full: the kernel answers no further SYN.
    const Listener listener = listen_on("tcp://127.0.0.1:0", {.backlog = 0});
    const auto where = internal::SocketAddress::from(listener.local());
    std::vector<Descriptor> clients;
    for (int i = 0; i < 8; ++i) {
        clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        (void)::connect(clients.back().get(), &where->any, where->length);
    }
    std::optional<std::error_code> error;
    auto connect_to = [&]() -> conc::Task<> {
        const Result<Stream> stream = co_await connect(listener.local(), 300ms);
        error = stream ? std::error_code() : stream.error();
    };
    conc::WaitGroup waiting;
    waiting.go(connect_to);
    co_await conc::yield();
    EXPECT_EQ(Driver::current()->name(), "select");
    ManyWaits many;
    co_await many.begin();
    co_await waiting.wait();
    EXPECT_EQ(error, std::make_error_code(std::errc::timed_out));
    co_await many.end();
}
TEST(AutomaticDriver, AConnectThatIsUnderWayIsNotTakenForMade) {
    run_on(DriverKind::automatic, connects_meanwhile());
}

/// Refuses this thread, and those that it starts, io_uring and epoll. Then automatic moves to poll(2).
void forbid_all_but_poll() {
    constexpr unsigned kRefuse = SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA);
    // The number of the system call; where it is one of the two go to the refusal, else skip it.
    std::array<sock_filter, 5> filter{sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 1, 0),
                                      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_create1, 0, 1),
                                      sock_filter BPF_STMT(BPF_RET | BPF_K, kRefuse),
                                      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const sock_fprog program{.len = filter.size(), .filter = filter.data()};
    ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

// All that is pending has become ready by the time that poll(2) takes over, which therefore has nothing to wait for.
conc::Task<> ready_as_it_moves() {
    constexpr std::size_t kMany = 20;  // more than select suits, and so few that nothing polls before they all wait
    std::vector<Pair> pairs;
    std::array<MaybeText, kMany> texts;
    for (std::size_t i = 0; i < kMany; ++i) {
        pairs.push_back(connected_pair());
    }
    conc::WaitGroup receiving;
    for (std::size_t i = 0; i < kMany; ++i) {
        receiving.go(receive_text, std::ref(pairs[i].stream), std::ref(texts[i]));
    }
    conc::Channel<bool> done(1);
    auto tell = [&]() -> conc::Task<> {
        co_await receiving.wait();
        done.close();
    };
    conc::WaitGroup telling;
    telling.go(tell);
    co_await conc::yield();
    EXPECT_EQ(Driver::current()->name(), "select");
    for (const Pair& pair : pairs) {
        plain_send(pair.peer, "ready");
    }
    const auto start = conc::now();
    (void)co_await conc::select(done.recv_case(), conc::after(kPatience));
    EXPECT_LT(conc::now() - start, kPatience) << "the worker slept, and had tasks to run";
    EXPECT_EQ(Driver::current()->name(), "poll");
    co_await telling.wait();
    for (const MaybeText& text : texts) {
        EXPECT_EQ(text, "ready");
    }
}
TEST(AutomaticDriver, DoesNotSleepOnWhatBecameReadyAsItMoved) {
    std::thread alone([] {
        forbid_all_but_poll();
        run_on(DriverKind::automatic, ready_as_it_moves());
    });
    alone.join();
}

}  // namespace
}  // namespace mynah::net::test

// Boost.Fiber's side of conc_bench: fibers on two threads that steal from each other, and Boost's channels for them.
#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <boost/fiber/algo/work_stealing.hpp>
#include <boost/fiber/barrier.hpp>
#include <boost/fiber/buffered_channel.hpp>
#include <boost/fiber/channel_op_status.hpp>
#include <boost/fiber/fiber.hpp>
#include <boost/fiber/fixedsize_stack.hpp>
#include <boost/fiber/mutex.hpp>
#include <boost/fiber/operations.hpp>
#include <boost/fiber/policy.hpp>
#include <boost/fiber/unbuffered_channel.hpp>

#include "tests/bench/conc/row.hpp"

namespace mynah::bench {
namespace {

namespace fibers = boost::fibers;

constexpr std::uint32_t kThreads = 2;
constexpr std::size_t kStackBytes = 16384;  // the default, 128 KiB, is a system call for each fiber
constexpr std::size_t kRing = 128;          // a power of two; one place stays empty
constexpr std::size_t kSidesOfMpmc = 4;
constexpr std::size_t kFanInSenders = 100;
constexpr std::size_t kSpawnBatch = 100;
constexpr std::size_t kYielders = 4;
constexpr std::size_t kContenders = 4;

using Unbuffered = fibers::unbuffered_channel<std::size_t>;
using Buffered = fibers::buffered_channel<std::size_t>;

/// A fiber that the other thread may steal before it has begun. Pooled stacks cannot be freed on another thread.
template <class Work>
fibers::fiber start(Work work) {
    return {fibers::launch::post, std::allocator_arg, fibers::fixedsize_stack(kStackBytes), std::move(work)};
}

/// Two threads with one scheduler of Boost's between them: as many as there may be in a program, since the algorithm
/// counts its threads only once. A job runs in the first one's main fiber.
class Pool {
  public:
    static Measurement run(Measurement (*program)(std::size_t), std::size_t operations) {
        static Pool pool;
        std::packaged_task<Measurement()> job([=] { return program(operations); });
        std::future<Measurement> done = job.get_future();
        pool.give(std::move(job));
        return done.get();
    }

    Pool() = default;
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    ~Pool() { give(std::nullopt); }

  private:
    using Job = std::optional<std::packaged_task<Measurement()>>;  // nullopt: the end

    void give(Job job) {
        {
            const std::lock_guard guard(mutex_);
            job_ = std::move(job);
            given_ = true;
        }
        changed_.notify_one();
    }

    Job take() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return given_; });
        given_ = false;
        return std::move(job_);
    }

    void work() {
        fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(kThreads);
        while (Job job = take()) {
            (*job)();
        }
        ended_.wait();
    }
    void help() {
        fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(kThreads);
        ended_.wait();  // lets other fibers run meanwhile
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    Job job_;
    bool given_ = false;
    fibers::barrier ended_{kThreads};
    std::jthread worker_{[this] { work(); }};  // last: they use what stands above
    std::jthread helper_{[this] { help(); }};
};

template <Measurement (*program)(std::size_t operations)>
Measurement on_pool(std::size_t operations) {
    return Pool::run(program, operations);
}

void expect_success(fibers::channel_op_status status) {
    expect_equal(static_cast<std::size_t>(status), static_cast<std::size_t>(fibers::channel_op_status::success));
}

template <class Channel>
void send_values(Channel& to, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        expect_success(to.push(i));
    }
}

template <class Channel>
std::size_t add_up(Channel& from, std::size_t count) {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        std::size_t value = 0;
        expect_success(from.pop(value));
        sum += value;
    }
    return sum;
}

void join_all(std::vector<fibers::fiber>& running) {
    for (fibers::fiber& each : running) {
        each.join();
    }
}

Measurement ping_pong(std::size_t operations) {
    Unbuffered ping;
    Unbuffered pong;
    std::size_t sum = 0;
    const auto began = Clock::now();
    fibers::fiber echo = start([&] {
        for (std::size_t i = 0; i < operations; ++i) {
            std::size_t value = 0;
            expect_success(ping.pop(value));
            expect_success(pong.push(value));
        }
    });
    for (std::size_t i = 0; i < operations; ++i) {
        expect_success(ping.push(i));
        sum += add_up(pong, 1);
    }
    echo.join();
    const auto time = Clock::now() - began;
    expect_equal(sum, sum_below(operations));
    return {.time = time};
}

/// Values from `senders` fibers to `receivers` over one channel.
template <std::size_t senders, std::size_t receivers, class Channel>
Measurement pass_on(Channel& values, std::size_t operations) {
    std::vector<fibers::fiber> running;
    std::vector<std::size_t> sums(receivers);
    std::size_t expected = 0;
    const auto began = Clock::now();
    for (std::size_t i = 0; i < senders; ++i) {
        const std::size_t count = share(operations, senders, i);
        expected += sum_below(count);
        running.push_back(start([&values, count] { send_values(values, count); }));
    }
    for (std::size_t i = 0; i < receivers; ++i) {
        running.push_back(start([&, count = share(operations, receivers, i), i] { sums[i] = add_up(values, count); }));
    }
    join_all(running);
    const auto time = Clock::now() - began;
    std::size_t sum = 0;
    for (const std::size_t each : sums) {
        sum += each;
    }
    expect_equal(sum, expected);
    return {.time = time};
}

template <std::size_t senders>
Measurement pass_on_unbuffered(std::size_t operations) {
    Unbuffered values;
    return pass_on<senders, 1>(values, operations);
}

template <std::size_t sides>
Measurement pass_on_buffered(std::size_t operations) {
    Buffered values(kRing);
    return pass_on<sides, sides>(values, operations);
}

template <std::size_t batch>
Measurement spawn_in_batches(std::size_t operations) {
    std::vector<fibers::fiber> running;
    const auto began = Clock::now();
    for (std::size_t started = 0; started < operations;) {
        const std::size_t now = std::min(batch, operations - started);
        for (std::size_t i = 0; i < now; ++i) {
            running.push_back(start([] {}));
        }
        join_all(running);
        running.clear();
        started += now;
    }
    return {.time = Clock::now() - began};
}

Measurement yield(std::size_t operations) {
    std::vector<fibers::fiber> running;
    const auto began = Clock::now();
    for (std::size_t i = 0; i < kYielders; ++i) {
        running.push_back(start([count = share(operations, kYielders, i)] {
            for (std::size_t turn = 0; turn < count; ++turn) {
                boost::this_fiber::yield();
            }
        }));
    }
    join_all(running);
    return {.time = Clock::now() - began};
}

template <std::size_t users>
Measurement mutex(std::size_t operations) {
    fibers::mutex mutex;
    std::size_t counter = 0;
    std::vector<fibers::fiber> running;
    const auto began = Clock::now();
    for (std::size_t user = 0; user < users; ++user) {
        running.push_back(start([&, count = share(operations, users, user)] {
            for (std::size_t i = 0; i < count; ++i) {
                const std::lock_guard guard(mutex);
                ++counter;
            }
        }));
    }
    join_all(running);
    const auto time = Clock::now() - began;
    expect_equal(counter, operations);
    return {.time = time};
}

}  // namespace

std::vector<Row> rows() {
    return {
        row<on_pool<ping_pong>>("ping_pong"),
        row<on_pool<pass_on_unbuffered<1>>>("spsc_unbuffered"),
        row<on_pool<pass_on_buffered<1>>>("spsc_buffered"),
        row<on_pool<pass_on_buffered<kSidesOfMpmc>>>("mpmc"),
        row<on_pool<pass_on_unbuffered<kFanInSenders>>>("fan_in"),
        row<on_pool<spawn_in_batches<kSpawnBatch>>>("spawn"),
        row<on_pool<spawn_in_batches<1>>>("spawn_wait"),
        row<on_pool<yield>>("yield"),
        row<on_pool<mutex<1>>>("mutex_alone"),
        row<on_pool<mutex<kContenders>>>("mutex_contended"),
    };
}

}  // namespace mynah::bench

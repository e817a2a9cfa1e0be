#include "conc/internal/timer_heap.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "conc/event_source.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/random.hpp"
#include "conc/internal/task_record.hpp"

namespace mynah::conc::internal {
namespace {

TimePoint at(std::int64_t tick) {
    return TimePoint(Duration(tick));
}

class Timer final : public TimerNode {
  public:
    explicit Timer(std::vector<std::int64_t>* expired = nullptr) : expired_(expired) {}
    ~Timer() { disarm(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    int count() const noexcept { return count_.load(); }

  private:
    void expire(WakeList& /*woken*/) noexcept override {
        count_.fetch_add(1);
        if (expired_ != nullptr) {
            expired_->push_back(deadline().time_since_epoch().count());
        }
    }

    std::vector<std::int64_t>* expired_;
    Atomic<int> count_{0};
};

void expire(TimerHeap& heap, std::int64_t now) {
    WakeList woken;
    heap.expire(at(now), woken);
}

TEST(TimerHeap, ExpiresInTheOrderOfDeadlines) {
    TimerHeap heap;
    std::vector<std::int64_t> expired;
    std::vector<std::unique_ptr<Timer>> timers;
    Random random(5);
    for (int i = 0; i < 1000; ++i) {
        timers.push_back(std::make_unique<Timer>(&expired));
        heap.arm(*timers.back(), at(random.below(500)));
    }
    expire(heap, 1000);
    EXPECT_EQ(expired.size(), 1000U);
    EXPECT_TRUE(std::is_sorted(expired.begin(), expired.end()));
    EXPECT_TRUE(heap.empty());
}

TEST(TimerHeap, ExpiresWhatIsDueAndNothingElse) {
    TimerHeap heap;
    std::array<Timer, 3> timers;
    heap.arm(timers[0], at(10));
    heap.arm(timers[1], at(20));
    heap.arm(timers[2], at(30));
    EXPECT_FALSE(heap.due(at(9)));
    EXPECT_TRUE(heap.due(at(10)));
    expire(heap, 20);
    EXPECT_EQ(timers[0].count(), 1);
    EXPECT_EQ(timers[1].count(), 1);
    EXPECT_EQ(timers[2].count(), 0);
    EXPECT_EQ(heap.nearest(), at(30));
    expire(heap, 29);
    EXPECT_EQ(timers[2].count(), 0);
    expire(heap, 30);
    EXPECT_EQ(timers[2].count(), 1);
}

TEST(TimerHeap, ArmTellsWhetherTheNodeIsTheNearest) {
    TimerHeap heap;
    std::array<Timer, 4> timers;
    EXPECT_TRUE(heap.arm(timers[0], at(10)));
    EXPECT_FALSE(heap.arm(timers[1], at(20)));
    EXPECT_TRUE(heap.arm(timers[2], at(5)));
    EXPECT_EQ(heap.nearest(), at(5));
    EXPECT_FALSE(heap.arm(timers[3], at(7)));
}

TEST(TimerHeap, DisarmedTimersNeverExpire) {
    TimerHeap heap;
    std::vector<std::int64_t> expired;
    std::vector<std::unique_ptr<Timer>> timers;
    std::vector<std::int64_t> expected;
    Random random(6);
    for (int i = 0; i < 500; ++i) {
        timers.push_back(std::make_unique<Timer>(&expired));
        const std::int64_t deadline = random.below(300);
        heap.arm(*timers.back(), at(deadline));
        expected.push_back(deadline);
    }
    for (std::size_t i = 0; i < timers.size(); i += 3) {
        const std::int64_t deadline = timers[i]->deadline().time_since_epoch().count();
        EXPECT_TRUE(timers[i]->disarm());
        EXPECT_FALSE(timers[i]->disarm());
        expected.erase(std::find(expected.begin(), expected.end(), deadline));
    }
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(heap.nearest(), at(expected.front()));
    expire(heap, 300);
    EXPECT_EQ(expired, expected);
}

TEST(TimerHeap, ATimerThatWasNeverArmedOrHasExpiredIsNotDisarmed) {
    TimerHeap heap;
    Timer timer;
    EXPECT_FALSE(timer.disarm());
    heap.arm(timer, at(1));
    expire(heap, 1);
    EXPECT_FALSE(timer.disarm());
    heap.arm(timer, at(2));
    EXPECT_TRUE(timer.disarm());
    EXPECT_TRUE(heap.empty());
}

TEST(TimerHeap, TheFarthestDeadlineThereIsCountsAsArmed) {
    TimerHeap heap;
    Timer timer;
    heap.arm(timer, TimePoint::max());
    EXPECT_FALSE(heap.empty());
    expire(heap, 1'000'000);
    EXPECT_EQ(timer.count(), 0);
    EXPECT_TRUE(timer.disarm());
    EXPECT_TRUE(heap.empty());
}

TEST(TimerHeap, TimersMayOutliveTheirHeap) {
    std::array<Timer, 3> timers;
    {
        TimerHeap heap;
        heap.arm(timers[0], at(1));
        heap.arm(timers[1], at(2));
        heap.arm(timers[2], at(3));
        expire(heap, 1);
        EXPECT_TRUE(timers[1].disarm());
    }
    for (Timer& timer : timers) {
        EXPECT_FALSE(timer.disarm());
    }
}

// Each timer is either disarmed or expires, never both, and is not touched any more once disarm() has returned.
TEST(TimerHeap, DisarmAndExpireRace) {
    for (int round = 0; round < 200; ++round) {
        TimerHeap heap;
        constexpr int kTimers = 50;
        std::vector<std::unique_ptr<Timer>> timers;
        for (int i = 0; i < kTimers; ++i) {
            timers.push_back(std::make_unique<Timer>());
            heap.arm(*timers.back(), at(i));
        }
        std::thread disarming([&] {
            for (auto timer = timers.rbegin(); timer != timers.rend(); ++timer) {
                const bool prevented = (*timer)->disarm();
                EXPECT_EQ((*timer)->count(), prevented ? 0 : 1);
                timer->reset();
            }
        });
        for (int i = 0; i < kTimers; ++i) {
            expire(heap, i);
        }
        disarming.join();
        EXPECT_TRUE(heap.empty());
    }
}

}  // namespace
}  // namespace mynah::conc::internal

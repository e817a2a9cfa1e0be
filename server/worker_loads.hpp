// worker_loads.hpp -- how many sessions each worker has, and which worker gets the next one.
// What     take_least() gives a Seat at a worker that has the fewest; the seat is taken for as long as the Seat lives.
//          Of workers that have equally few, the next in turn gets it.
// Threads  every member, from any worker; a Seat may be given up on another worker than the one that took it.
// Lifetime must outlive its Seats.
// Cost     one short lock, linear in the workers.
#pragma once

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace mynah::server {

class WorkerLoads {
  public:
    class [[nodiscard]] Seat {
      public:
        Seat(Seat&& other) noexcept : loads_(std::exchange(other.loads_, nullptr)), worker_(other.worker_) {}
        Seat& operator=(Seat&& other) noexcept {
            Seat taken(std::move(other));  // gives up at its end what this one held
            std::swap(loads_, taken.loads_);
            std::swap(worker_, taken.worker_);
            return *this;
        }
        Seat(const Seat&) = delete;
        Seat& operator=(const Seat&) = delete;
        ~Seat() {
            if (loads_ != nullptr) {
                loads_->leave(worker_);
            }
        }

        std::size_t worker() const noexcept { return worker_; }

      private:
        friend class WorkerLoads;
        Seat(WorkerLoads& loads, std::size_t worker) noexcept : loads_(&loads), worker_(worker) {}

        WorkerLoads* loads_;  // null once moved from
        std::size_t worker_;
    };

    explicit WorkerLoads(std::size_t workers) : open_(workers, 0) {}
    WorkerLoads(const WorkerLoads&) = delete;
    WorkerLoads& operator=(const WorkerLoads&) = delete;

    Seat take_least() {
        const std::scoped_lock guard(mutex_);
        std::size_t best = next_;
        for (std::size_t i = 0; i < open_.size(); ++i) {
            const std::size_t worker = (next_ + i) % open_.size();
            best = open_[worker] < open_[best] ? worker : best;
        }
        next_ = (best + 1) % open_.size();
        ++open_[best];
        return {*this, best};
    }

    /// At this worker, however many it has.
    Seat take(std::size_t worker) {
        const std::scoped_lock guard(mutex_);
        ++open_[worker];
        return {*this, worker};
    }

    std::vector<std::size_t> open() const {
        const std::scoped_lock guard(mutex_);
        return open_;
    }

  private:
    void leave(std::size_t worker) {
        const std::scoped_lock guard(mutex_);
        --open_[worker];
    }

    mutable std::mutex mutex_;
    std::vector<std::size_t> open_;  // guarded by mutex_, by worker
    std::size_t next_ = 0;           // guarded by mutex_: who is asked first
};

}  // namespace mynah::server

// background.hpp -- the threads beside the workers: a pool for calls that block, and Asio's io_context.
//
// What     both start on first use and end with the scheduler's run.
// Threads  post and io_context: from any thread; join: from the thread that called run(), once all workers have
//          stopped.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace asio {
class io_context;
}

namespace mynah::conc::internal {

class Background {
  public:
    explicit Background(std::size_t blocking_threads);
    ~Background();
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;

    /// Runs `work` on the pool.
    void post(std::move_only_function<void()> work);

    asio::io_context& io_context();

    /// Waits for the blocking calls under way and stops the io_context. What was posted and has not begun is dropped.
    void join();

  private:
    struct Threads;
    std::size_t blocking_threads_;
    std::unique_ptr<Threads> threads_;
};

}  // namespace mynah::conc::internal

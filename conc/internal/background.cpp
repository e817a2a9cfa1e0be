#include "conc/internal/background.hpp"

#include <csignal>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <signal.h>

namespace mynah::conc::internal {
namespace {

/// Threads started while this lives have all signals blocked, so that the program's own handling is not disturbed.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

  private:
    sigset_t before_;
};

}  // namespace

struct Background::Threads {
    std::mutex mutex;  // guards the start of each
    std::optional<asio::thread_pool> pool;
    asio::io_context context{1};
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
    std::thread context_thread;
};

Background::Background(std::size_t blocking_threads)
    : blocking_threads_(blocking_threads), threads_(std::make_unique<Threads>()) {}

Background::~Background() {
    join();
}

void Background::post(std::move_only_function<void()> work) {
    const std::scoped_lock guard(threads_->mutex);
    if (!threads_->pool) {
        const SignalsBlocked blocked;
        threads_->pool.emplace(blocking_threads_);
    }
    // Asio 1.22 wants a copyable handler from some paths; a shared pointer is one.
    asio::post(*threads_->pool,
               [shared = std::make_shared<std::move_only_function<void()>>(std::move(work))] { (*shared)(); });
}

asio::io_context& Background::io_context() {
    const std::scoped_lock guard(threads_->mutex);
    if (!threads_->work) {
        threads_->work.emplace(asio::make_work_guard(threads_->context));
        const SignalsBlocked blocked;
        threads_->context_thread = std::thread([this] { threads_->context.run(); });
    }
    return threads_->context;
}

void Background::join() {
    if (threads_->pool) {
        threads_->pool->stop();
        threads_->pool->join();
    }
    threads_->work.reset();
    threads_->context.stop();
    if (threads_->context_thread.joinable()) {
        threads_->context_thread.join();
    }
}

}  // namespace mynah::conc::internal

// interrupting_signals.hpp -- makes system calls of the calling thread fail with EINTR, again and again.
#pragma once

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include <pthread.h>

namespace mynah::net::test {

/// While it lives, another thread sends SIGUSR1 to the thread that made it, every millisecond. The handler is installed
/// without SA_RESTART.
class InterruptingSignals {
  public:
    InterruptingSignals() {
        struct sigaction action{};
        action.sa_handler = [](int) { handled.fetch_add(1); };
        ::sigaction(SIGUSR1, &action, &before_);
        handled = 0;
        sender_ = std::thread([this, target = ::pthread_self()] {
            while (!stop_) {
                ::pthread_kill(target, SIGUSR1);
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
        });
    }
    InterruptingSignals(const InterruptingSignals&) = delete;
    InterruptingSignals& operator=(const InterruptingSignals&) = delete;
    ~InterruptingSignals() {
        stop_ = true;
        sender_.join();
        ::sigaction(SIGUSR1, &before_, nullptr);
    }

    int count() const { return handled; }

  private:
    static inline std::atomic<int> handled{0};

    struct sigaction before_{};
    std::atomic<bool> stop_{false};
    std::thread sender_;
};

}  // namespace mynah::net::test

#include "net/internal/signal_outlets.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

#include <signal.h>
#include <unistd.h>

namespace mynah::net::internal {
namespace {

constexpr int kSignals = 64;

/// Wants nothing: free. fd is written while it wants nothing, and read while it does.
struct Outlet {
    std::atomic<SignalSet> wanted{0};
    std::atomic<int> fd{-1};
};

/// Invariants:
/// - A handler, which runs on any thread at any moment, touches the outlets and handlers_at_work only.
/// - The handler of a signal is ours exactly as long as some outlet wants it; unless somebody sets another meanwhile,
///   who keeps it.
struct Board {
    std::array<Outlet, 64> outlets;
    std::atomic<int> handlers_at_work{0};

    std::mutex mutex;  // guards what follows, and who wants what
    std::array<std::size_t, kSignals> users{};
    std::array<struct sigaction, kSignals> before{};
};

Board& board() noexcept {
    static constinit Board only;
    return only;
}

bool wants(SignalSet signals, int number) noexcept {
    return (signals >> (number - 1) & 1) != 0;
}

void deliver(int number) noexcept {
    const int error_before = errno;
    Board& all = board();
    all.handlers_at_work.fetch_add(1);
    for (Outlet& outlet : all.outlets) {
        if (wants(outlet.wanted.load(), number)) {
            const auto byte = static_cast<unsigned char>(number);
            while (::write(outlet.fd.load(), &byte, 1) < 0 && errno == EINTR) {
            }
        }
    }
    all.handlers_at_work.fetch_sub(1);
    errno = error_before;
}

extern "C" void mynah_net_signal_came(int number) {
    deliver(number);
}

// With the mutex.
void stop_handling(Board& all, SignalSet signals) noexcept {
    for (int number = 1; number <= kSignals; ++number) {
        const auto index = static_cast<std::size_t>(number) - 1;
        struct sigaction current{};
        if (wants(signals, number) && --all.users[index] == 0 && ::sigaction(number, nullptr, &current) == 0 &&
            current.sa_handler == mynah_net_signal_came) {
            ::sigaction(number, &all.before[index], nullptr);
        }
    }
}

// With the mutex.
void start_handling(Board& all, SignalSet signals) {
    SignalSet handled = 0;
    for (int number = 1; number <= kSignals; ++number) {
        const auto index = static_cast<std::size_t>(number) - 1;
        if (!wants(signals, number)) {
            continue;
        }
        if (all.users[index] == 0) {
            struct sigaction action{};
            action.sa_handler = mynah_net_signal_came;
            action.sa_flags = SA_RESTART;
            sigfillset(&action.sa_mask);
            if (::sigaction(number, &action, &all.before[index]) != 0) {
                const int error = errno;
                stop_handling(all, handled);
                throw std::system_error(error, std::system_category(), "signal " + std::to_string(number));
            }
        }
        ++all.users[index];
        handled |= SignalSet{1} << index;
    }
}

}  // namespace

std::size_t open_outlet(int fd, SignalSet signals) {
    Board& all = board();
    const std::scoped_lock guard(all.mutex);
    for (std::size_t i = 0; i < all.outlets.size(); ++i) {
        Outlet& outlet = all.outlets[i];
        if (outlet.wanted.load() == 0) {
            outlet.fd.store(fd);
            outlet.wanted.store(signals);  // before the handler: none that it is called for is lost
            try {
                start_handling(all, signals);
            } catch (...) {
                outlet.wanted.store(0);
                throw;
            }
            return i;
        }
    }
    throw std::system_error(EMFILE, std::system_category(), "signals");
}

void close_outlet(std::size_t index) noexcept {
    Board& all = board();
    const std::scoped_lock guard(all.mutex);
    Outlet& outlet = all.outlets[index];
    stop_handling(all, outlet.wanted.load());
    outlet.wanted.store(0);
    // A handler that saw the outlet still wanted may be about to write, on another thread: it does not wait for us.
    while (all.handlers_at_work.load() != 0) {
        std::this_thread::yield();
    }
}

}  // namespace mynah::net::internal

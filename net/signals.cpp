#include "net/signals.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "conc/task.hpp"
#include "net/descriptor.hpp"
#include "net/internal/signal_outlets.hpp"
#include "net/readable.hpp"
#include "net/result.hpp"

namespace mynah::net {
namespace {

constexpr unsigned char kCanceled = 0;  // no signal's number

internal::SignalSet set_of(std::initializer_list<int> signals) {
    internal::SignalSet set = 0;
    for (const int number : signals) {
        if (number < 1 || number > 64) {
            throw std::system_error(EINVAL, std::system_category(), "signal " + std::to_string(number));
        }
        set |= internal::SignalSet{1} << (number - 1);
    }
    if (set == 0) {
        throw std::system_error(EINVAL, std::system_category(), "no signal");
    }
    return set;
}

struct Pipe {
    Descriptor reader;
    Descriptor writer;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::system_category(), "pipe");
    }
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

}  // namespace

struct SignalReceiver::State {
    explicit State(std::initializer_list<int> signals)
        : pipe(make_pipe()), outlet(internal::open_outlet(pipe.writer.get(), set_of(signals))) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { internal::close_outlet(outlet); }

    const Pipe pipe;
    const std::size_t outlet;
    std::atomic<bool> canceled{false};
};

SignalReceiver::SignalReceiver(std::initializer_list<int> signals) : state_(std::make_shared<State>(signals)) {}

SignalReceiver::~SignalReceiver() = default;
SignalReceiver::SignalReceiver(SignalReceiver&&) noexcept = default;
SignalReceiver& SignalReceiver::operator=(SignalReceiver&&) noexcept = default;

conc::Task<Result<int>> SignalReceiver::next() {
    const std::shared_ptr<State> state = state_;
    while (!state->canceled.load()) {
        unsigned char number = kCanceled;
        if (::read(state->pipe.reader.get(), &number, 1) == 1) {
            if (number != kCanceled) {
                co_return number;
            }
        } else if (errno == EAGAIN) {
            const Result<bool> ready = co_await readable(state->pipe.reader.get());
            if (!ready) {
                co_return fail(ready.error());
            }
        } else if (errno != EINTR) {
            co_return fail_errno(errno);
        }
    }
    co_return fail(std::errc::operation_canceled);
}

void SignalReceiver::cancel() {
    state_->canceled.store(true);
    // It fails only where the pipe is full: then nobody waits.
    (void)!::write(state_->pipe.writer.get(), &kCanceled, 1);
}

}  // namespace mynah::net

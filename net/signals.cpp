#include "net/signals.hpp"

#include <expected>
#include <initializer_list>
#include <memory>
#include <system_error>
#include <utility>

#include <asio/error.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>

#include "conc/task.hpp"
#include "conc/use_task.hpp"
#include "net/internal/asio_error.hpp"
#include "net/result.hpp"

namespace mynah::net {

/// Used on the io_context's thread only, but for construction and destruction: so a cancel() and a next() that meet
/// have an order.
struct SignalReceiver::State {
    explicit State(asio::io_context& context) : set(context) {}

    asio::signal_set set;
    bool canceled = false;
};

SignalReceiver::SignalReceiver(std::initializer_list<int> signals)
    : state_(std::make_shared<State>(conc::io_context())) {
    for (const int number : signals) {
        state_->set.add(number);
    }
}

SignalReceiver::~SignalReceiver() = default;
SignalReceiver::SignalReceiver(SignalReceiver&&) noexcept = default;
SignalReceiver& SignalReceiver::operator=(SignalReceiver&&) noexcept = default;

conc::Task<Result<int>> SignalReceiver::next() {
    const std::shared_ptr<State> state = state_;
    auto begin = [state](auto handler) {
        asio::post(state->set.get_executor(), [state, handler = std::move(handler)]() mutable {
            if (state->canceled) {
                handler(asio::error::make_error_code(asio::error::operation_aborted), 0);
            } else {
                state->set.async_wait(std::move(handler));
            }
        });
    };
    conc::use_task_t token;
    auto wait = asio::async_initiate<conc::use_task_t, void(std::error_code, int)>(std::move(begin), token);
    const std::expected<int, std::error_code> number = co_await wait;
    if (!number) {
        co_return fail(internal::from_asio(number.error()));
    }
    co_return *number;
}

void SignalReceiver::cancel() {
    asio::post(state_->set.get_executor(), [state = state_] {
        state->canceled = true;
        state->set.cancel();
    });
}

}  // namespace mynah::net

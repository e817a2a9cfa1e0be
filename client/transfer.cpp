#include "client/transfer.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "client/console.hpp"
#include "client/echo_comparison.hpp"
#include "client/exit_status.hpp"
#include "client/source.hpp"
#include "conc/channel.hpp"
#include "conc/context.hpp"
#include "conc/scheduler.hpp"
#include "conc/select.hpp"
#include "conc/task.hpp"
#include "net/stream.hpp"

namespace mynah::client {
namespace {

// Who closes after the last byte does so within a round trip; who does not, waits for us to go.
constexpr std::chrono::nanoseconds kEndOfStreamPatience = std::chrono::seconds(1);

}  // namespace

Transfer::Transfer(net::Stream stream, Source source, Console* console, TransferOptions options)
    : stream_(std::move(stream)),
      source_(std::move(source)),
      console_(console),
      options_(options),
      progress_(console),
      scope_(conc::with_cancel(conc::Context::background())),
      in_flight_(kWindowChunks) {}

conc::Task<ExitStatus> Transfer::run() {
    if (console_->can_show_progress()) {
        tasks_.go([this] { return progress_.show(scope_.ctx); });
    }
    tasks_.go([this] { return send_everything(); });
    const Ending ending = co_await receive_everything();
    // The sender may wait for input, for the window, or for the peer to take bytes.
    scope_.cancel();
    source_.stop();
    stream_.close();
    co_await tasks_.wait();
    co_await finish_output();
    co_return report(ending);
}

conc::Task<void> Transfer::send_everything() {
    for (;;) {
        auto bytes = co_await source_.next();
        if (!bytes) {
            const bool stopped = bytes.error() == std::errc::operation_canceled;
            input_error_ = stopped ? std::error_code() : bytes.error();
            break;
        }
        if (bytes->empty()) {
            source_ended_ = true;
            break;
        }
        const auto shared = std::make_shared<const std::vector<std::byte>>(std::move(*bytes));
        Chunk chunk{.bytes = shared, .handed_over = conc::now()};
        const auto handed = co_await conc::select(in_flight_.send_case(std::move(chunk)), scope_.ctx.done());
        if (handed.index() != 0) {
            break;
        }
        // No timeout: the receiver knows whether the peer is stuck, or we are because nobody takes our output.
        const auto sent = co_await stream_.send_all(*shared);
        if (!sent) {
            break;  // the receiver sees why, once it has taken what did come back
        }
    }
    // Sending nothing brings this task to the stream's worker, where nobody closes the descriptor under our feet. Where
    // either fails the connection is gone, which the receiver sees as well.
    (void)co_await stream_.send_all(std::string_view());
    (void)stream_.shutdown_send();
    in_flight_.close();
    // The receiver may wait for bytes of which there will be no more.
    stream_.interrupt();
}

conc::Task<Transfer::Ending> Transfer::receive_everything() {
    last_progress_ = conc::now();
    for (;;) {
        take_next_chunk();
        const auto lease = co_await stream_.receive(patience());
        if (!lease) {
            const std::optional<Ending> ending = judge(lease.error());
            if (ending) {
                co_return *ending;
            }
            continue;
        }
        if (lease->empty()) {
            co_return Ending::peer_closed;
        }
        const bool expected = compare(lease->bytes());
        const auto written = co_await console_->output().write(lease->bytes());
        if (!written) {
            output_error_ = written.error();
            co_return Ending::unwritable;
        }
        if (!expected) {
            co_return Ending::surplus;
        }
        progress_.add(lease->size());
        last_progress_ = conc::now();
    }
}

/// What a failed receive means; nothing where it goes on.
std::optional<Transfer::Ending> Transfer::judge(std::error_code error) {
    if (error == std::errc::operation_canceled) {
        stream_.clear_interrupt();
        return std::nullopt;
    }
    if (is_all_back()) {
        return Ending::all_back;
    }
    if (error != std::errc::timed_out) {
        receive_error_ = error;
        return Ending::broken;
    }
    take_next_chunk();
    return !comparison_.exhausted() && time_left().count() <= 0 ? std::optional(Ending::timed_out) : std::nullopt;
}

void Transfer::take_next_chunk() {
    if (!comparison_.exhausted() || sending_over_) {
        return;
    }
    auto chunk = in_flight_.try_recv();
    if (chunk) {
        comparison_.expect(std::move(*chunk));
    } else {
        sending_over_ = chunk.error() == conc::RecvError::closed;
    }
}

/// False where more came than was sent.
bool Transfer::compare(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        take_next_chunk();
        const std::size_t count = comparison_.compare(bytes);
        if (count == 0) {
            surplus_bytes_ = bytes.size();
            return false;
        }
        bytes = bytes.subspan(count);
    }
    return true;
}

/// Until the bytes that are awaited are overdue: no byte came back since they were sent, or since the last one.
std::chrono::nanoseconds Transfer::time_left() const {
    return std::max(last_progress_, comparison_.chunk()->handed_over) + options_.timeout - conc::now();
}

std::chrono::nanoseconds Transfer::patience() const {
    if (is_all_back()) {
        return std::min(kEndOfStreamPatience, options_.timeout);
    }
    // Without anything on its way, a chunk that leaves meanwhile is found when this is over, with its own time.
    return comparison_.exhausted() ? options_.timeout : std::max(time_left(), std::chrono::nanoseconds(1));
}

conc::Task<void> Transfer::finish_output() {
    if (output_error_) {
        co_return;
    }
    auto written = co_await console_->output().flush();
    if (written && options_.ends_line) {
        written = co_await console_->output().print("\n");
    }
    if (!written) {
        output_error_ = written.error();
    }
}

}  // namespace mynah::client

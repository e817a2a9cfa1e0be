#include "client/datagram_conversation.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "client/command_line.hpp"
#include "client/console.hpp"
#include "client/counted.hpp"
#include "client/duration.hpp"
#include "client/exit_status.hpp"
#include "conc/task.hpp"
#include "net/datagram.hpp"
#include "net/datagram_batch.hpp"
#include "net/operation.hpp"

namespace mynah::client {

DatagramConversation::DatagramConversation(net::DatagramSocket socket, Console* console,
                                           std::chrono::nanoseconds timeout)
    : socket_(std::move(socket)),
      target_(socket_.peer().to_string()),
      source_(std::nullopt, &console->input()),
      console_(console),
      timeout_(timeout),
      total_(1) {}

conc::Task<ExitStatus> DatagramConversation::run() {
    tasks_.go([this] { return talk(); });
    co_await listen();
    // The talker may wait for input.
    source_.stop();
    socket_.close();
    co_await tasks_.wait();
    if (!output_error_) {
        const auto written = co_await console_->output().flush();
        if (!written) {
            output_error_ = written.error();
        }
    }
    co_return report();
}

conc::Task<void> DatagramConversation::talk() {
    for (;;) {
        const auto bytes = co_await source_.next();
        if (!bytes) {
            const bool stopped = bytes.error() == std::errc::operation_canceled;
            input_error_ = stopped ? std::error_code() : bytes.error();
            break;
        }
        typed_.insert(typed_.end(), bytes->begin(), bytes->end());
        const bool sent = co_await send_lines(bytes->empty());
        if (!sent || bytes->empty()) {
            break;
        }
    }
    // Where the peer's machine refuses there is nothing to wait for; else the one that was not sent does not come.
    const std::uint64_t awaited = send_error_ ? sent_ - 1 : sent_;
    co_await total_.send(send_error_ == std::errc::connection_refused ? 0 : awaited);
    socket_.interrupt();
}

/// The lines that are complete, or all that is there. False where one could not be sent.
conc::Task<bool> DatagramConversation::send_lines(bool all) {
    std::span<const std::byte> left(typed_);
    while (!left.empty()) {
        const auto newline = std::ranges::find(left, std::byte{'\n'});
        const bool is_whole = newline != left.end();
        if (!is_whole && !all && left.size() < kLargestDatagramBytes) {
            break;
        }
        const std::size_t length = static_cast<std::size_t>(newline - left.begin()) + (is_whole ? 1 : 0);
        const auto line = left.first(std::min(length, kLargestDatagramBytes));
        net::DatagramBatch batch;
        (void)batch.add(line);
        ++sent_;
        const net::DatagramsSent sent = co_await socket_.send(batch, timeout_);
        if (!sent.all()) {
            send_error_ = sent.error;
            co_return false;
        }
        left = left.subspan(line.size());
    }
    typed_.erase(typed_.begin(), typed_.end() - static_cast<std::ptrdiff_t>(left.size()));
    co_return true;
}

conc::Task<void> DatagramConversation::listen() {
    while (!awaited_total_ || returned_ < *awaited_total_) {
        const auto batch = co_await socket_.receive(patience());
        if (!batch && batch.error() == std::errc::operation_canceled) {
            socket_.clear_interrupt();
            if (const auto total = total_.try_recv()) {
                awaited_total_ = *total;
            }
            continue;
        }
        if (!batch) {
            receive_error_ = batch.error();
            co_return;
        }
        for (std::size_t i = 0; i < batch->size(); ++i) {
            ++returned_;
            const auto written = co_await console_->output().write(batch->bytes(i));
            if (!written) {
                output_error_ = written.error();
                co_return;
            }
        }
    }
}

std::chrono::nanoseconds DatagramConversation::patience() const {
    return awaited_total_ ? timeout_ : net::kNoTimeout;
}

ExitStatus DatagramConversation::report() {
    if (output_error_) {
        console_->complain_of_output(output_error_);
        return ExitStatus::mismatch;
    }
    if (input_error_) {
        console_->complain(fmt::format("cannot read standard input: {}", input_error_.message()));
    }
    const std::uint64_t missing = sent_ - std::min(sent_, returned_);
    const std::string loss = fmt::format("{} of {} did not come back", missing, count_of(sent_, "datagram"));
    const std::error_code error = send_error_ ? send_error_ : receive_error_;
    if (!error) {
        return input_error_ ? ExitStatus::mismatch : ExitStatus::verified;
    }
    if (error == std::errc::timed_out) {
        console_->complain(fmt::format("timed out: nothing came back for {}: {}", format_duration(timeout_), loss));
    } else if (error == std::errc::connection_refused) {
        console_->complain(fmt::format("{} refused it: {}: {}", target_, error.message(), loss));
        return ExitStatus::unreachable;
    } else {
        console_->complain(fmt::format("{}: {}", error.message(), loss));
    }
    return returned_ == 0 ? ExitStatus::unreachable : ExitStatus::mismatch;
}

}  // namespace mynah::client

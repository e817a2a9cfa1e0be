#include "client/conversation.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "client/console.hpp"
#include "client/counted.hpp"
#include "client/duration.hpp"
#include "client/exit_status.hpp"
#include "conc/task.hpp"
#include "net/operation.hpp"
#include "net/stream.hpp"

namespace mynah::client {
namespace {

// Who closes after the last byte does so within a round trip; who does not, waits for us to go.
constexpr std::chrono::nanoseconds kEndOfStreamPatience = std::chrono::seconds(1);

}  // namespace

Conversation::Conversation(net::Stream stream, Console* console, std::chrono::nanoseconds timeout)
    : stream_(std::move(stream)),
      source_(std::nullopt, &console->input()),
      console_(console),
      timeout_(timeout),
      total_(1) {}

conc::Task<ExitStatus> Conversation::run() {
    tasks_.go([this] { return talk(); });
    const Ending ending = co_await listen();
    // The talker may wait for input, or for the peer to take bytes.
    source_.stop();
    stream_.close();
    co_await tasks_.wait();
    if (ending != Ending::unwritable) {
        const auto written = co_await console_->output().flush();
        if (!written) {
            output_error_ = written.error();
        }
    }
    co_return report(ending);
}

conc::Task<void> Conversation::talk() {
    for (;;) {
        auto bytes = co_await source_.next();
        if (!bytes) {
            const bool stopped = bytes.error() == std::errc::operation_canceled;
            input_error_ = stopped ? std::error_code() : bytes.error();
            break;
        }
        if (bytes->empty()) {
            input_ended_ = true;
            break;
        }
        sent_bytes_ += bytes->size();
        const auto sent = co_await stream_.send_all(*bytes);
        if (!sent) {
            break;  // the listener sees why, once it has shown what did come back
        }
    }
    // Sending nothing brings this task to the stream's worker, where nobody closes the descriptor under our feet. Where
    // either fails the connection is gone, which the listener sees as well.
    (void)co_await stream_.send_all(std::string_view());
    (void)stream_.shutdown_send();
    co_await total_.send(sent_bytes_);
    stream_.interrupt();
}

conc::Task<Conversation::Ending> Conversation::listen() {
    for (;;) {
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
        returned_bytes_ += lease->size();
        const auto written = co_await console_->output().write(lease->bytes());
        if (!written) {
            output_error_ = written.error();
            co_return Ending::unwritable;
        }
    }
}

/// What a failed receive means; nothing where it goes on.
std::optional<Conversation::Ending> Conversation::judge(std::error_code error) {
    if (error == std::errc::operation_canceled) {
        stream_.clear_interrupt();
        if (const auto total = total_.try_recv()) {
            awaited_total_ = *total;
        }
        return std::nullopt;
    }
    if (awaited_total_ && returned_bytes_ >= *awaited_total_) {
        return Ending::all_back;
    }
    if (error == std::errc::timed_out) {
        return Ending::timed_out;
    }
    receive_error_ = error;
    return Ending::broken;
}

std::chrono::nanoseconds Conversation::patience() const {
    if (!awaited_total_) {
        return net::kNoTimeout;
    }
    return returned_bytes_ >= *awaited_total_ ? std::min(kEndOfStreamPatience, timeout_) : timeout_;
}

ExitStatus Conversation::report(Ending ending) {
    if (output_error_) {
        console_->complain_of_output(output_error_);
        return ExitStatus::mismatch;
    }
    if (input_error_) {
        console_->complain(fmt::format("cannot read standard input: {}", input_error_.message()));
    }
    const std::uint64_t missing = sent_bytes_ - std::min(sent_bytes_, returned_bytes_);
    const std::string loss = missing > 0 ? fmt::format(": {} did not come back", count_bytes(missing)) : std::string();
    switch (ending) {
        case Ending::peer_closed:
            // After the end of input that is how it should end.
            if (missing > 0 || !input_ended_) {
                console_->complain("connection closed by peer" + loss);
            }
            break;
        case Ending::broken:
            console_->complain(fmt::format("connection lost ({}){}", receive_error_.message(), loss));
            return ExitStatus::mismatch;
        case Ending::timed_out:
            console_->complain(fmt::format("timed out: nothing came back for {}{}", format_duration(timeout_), loss));
            return ExitStatus::unreachable;
        case Ending::all_back:
        case Ending::unwritable:
            break;
    }
    return missing > 0 || input_error_ ? ExitStatus::mismatch : ExitStatus::verified;
}

}  // namespace mynah::client

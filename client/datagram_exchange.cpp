#include "client/datagram_exchange.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/console.hpp"
#include "client/counted.hpp"
#include "client/duration.hpp"
#include "client/exit_status.hpp"
#include "client/source.hpp"
#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/task.hpp"
#include "net/datagram.hpp"
#include "net/datagram_batch.hpp"

namespace mynah::client {
namespace {

// A duplicate follows on the heels of its original, or takes another way that is as slow as the slowest.
constexpr conc::Duration kShortestLook = std::chrono::milliseconds(50);

std::vector<std::byte> copy_of(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

}  // namespace

DatagramExchange::DatagramExchange(net::DatagramSocket socket, Source source, Console* console,
                                   DatagramExchangeOptions options)
    : socket_(std::move(socket)), source_(std::move(source)), console_(console), options_(std::move(options)) {}

conc::Task<ExitStatus> DatagramExchange::run() {
    co_await exchange_everything();
    if (!failure_ && !output_error_) {
        co_await listen_for_more();
    }
    socket_.close();
    co_await finish_output();
    co_return report();
}

conc::Task<void> DatagramExchange::exchange_everything() {
    for (;;) {
        const auto bytes = co_await source_.next();
        if (!bytes) {
            input_error_ = bytes.error();
            co_return;
        }
        if (bytes->empty() && !(options_.is_text && sent_ == 0)) {
            co_return;
        }
        std::span<const std::byte> left(*bytes);
        do {
            const auto datagram =
                left.first(options_.is_text ? left.size() : std::min(left.size(), options_.datagram_bytes));
            const bool goes_on = co_await exchange(datagram);
            if (!goes_on) {
                co_return;
            }
            left = left.subspan(datagram.size());
        } while (!left.empty());
    }
}

/// False where it did not come back, or could not be written.
conc::Task<bool> DatagramExchange::exchange(std::span<const std::byte> datagram) {
    const conc::TimePoint begin = conc::now();
    last_bytes_ = datagram.size();
    ++sent_;
    const bool sent = co_await send(datagram);
    if (!sent) {
        co_return false;
    }
    const bool came = co_await await_answer(datagram);
    if (!came) {
        co_return false;
    }
    slowest_ = std::max(slowest_, conc::now() - begin);
    ++answered_;
    sent_bytes_ += datagram.size();
    remembered_.push_back(copy_of(datagram));
    if (remembered_.size() > kRemembered) {
        remembered_.pop_front();
    }
    co_return true;
}

conc::Task<bool> DatagramExchange::send(std::span<const std::byte> datagram) {
    net::DatagramBatch batch;
    (void)batch.add(datagram);
    const net::DatagramsSent sent = co_await socket_.send(batch, options_.timeout);
    failure_ = sent.error;
    co_return sent.all();
}

conc::Task<bool> DatagramExchange::await_answer(std::span<const std::byte> datagram) {
    const conc::TimePoint deadline = conc::now() + options_.timeout;
    for (;;) {
        for (; looked_at_ < came_.size();) {
            const bool is_answer = co_await take(came_.bytes(looked_at_++), datagram);
            if (is_answer || output_error_) {
                co_return is_answer && !output_error_;
            }
        }
        auto batch = co_await socket_.receive(std::max(deadline - conc::now(), conc::Duration(1)));
        if (!batch) {
            failure_ = batch.error();
            co_return false;
        }
        came_ = std::move(*batch);
        looked_at_ = 0;
    }
}

/// True where it is what was awaited, changed or not.
conc::Task<bool> DatagramExchange::take(std::span<const std::byte> bytes, std::span<const std::byte> awaited) {
    const bool is_same = std::ranges::equal(bytes, awaited);
    if (!is_same && is_duplicate(bytes)) {
        co_return false;
    }
    if (!is_same) {
        compare(bytes, awaited);
    }
    const auto written = co_await console_->output().write(bytes);
    if (!written) {
        output_error_ = written.error();
    }
    co_return true;
}

/// Everything that was sent is back: what comes now is too much.
conc::Task<void> DatagramExchange::listen_for_more() {
    const conc::TimePoint end = conc::now() + std::min(std::max(slowest_, kShortestLook), options_.timeout);
    for (;;) {
        for (; looked_at_ < came_.size(); ++looked_at_) {
            if (!is_duplicate(came_.bytes(looked_at_))) {
                ++surplus_;
            }
        }
        auto batch = co_await socket_.receive(std::max(end - conc::now(), conc::Duration(0)));
        if (!batch) {
            co_return;  // nothing more; or an error that concerns nothing of ours
        }
        came_ = std::move(*batch);
        looked_at_ = 0;
    }
}

conc::Task<void> DatagramExchange::finish_output() {
    if (output_error_) {
        co_return;
    }
    auto written = co_await console_->output().flush();
    if (written && options_.is_text) {
        written = co_await console_->output().print("\n");
    }
    if (!written) {
        output_error_ = written.error();
    }
}

bool DatagramExchange::is_duplicate(std::span<const std::byte> bytes) {
    const auto found = std::ranges::find_if(
        remembered_, [bytes](const std::vector<std::byte>& one) { return std::ranges::equal(one, bytes); });
    if (found == remembered_.end()) {
        return false;
    }
    if (duplicates_++ == 0) {
        first_duplicate_ = answered_ - static_cast<std::uint64_t>(remembered_.end() - found) + 1;
    }
    return true;
}

void DatagramExchange::compare(std::span<const std::byte> returned, std::span<const std::byte> sent) {
    if (changed_++ > 0) {
        return;
    }
    first_change_ = fmt::format("datagram {} at offset {}: ", sent_, sent_bytes_);
    const auto [at_returned, at_sent] = std::ranges::mismatch(returned, sent);
    if (at_returned == returned.end() || at_sent == sent.end()) {
        first_change_ += fmt::format("{} sent, {} came back", count_bytes(sent.size()), count_bytes(returned.size()));
        return;
    }
    first_change_ = fmt::format("datagram {} at offset {}: sent 0x{:02x}, got 0x{:02x}", sent_,
                                sent_bytes_ + static_cast<std::uint64_t>(at_sent - sent.begin()),
                                std::to_integer<unsigned>(*at_sent), std::to_integer<unsigned>(*at_returned));
}

ExitStatus DatagramExchange::report() {
    ExitStatus status = ExitStatus::verified;
    const auto complain = [this, &status](const std::string& message) {
        console_->complain(message);
        status = ExitStatus::mismatch;
    };
    if (changed_ > 0) {
        complain(fmt::format("{} of {} came back different, the first {}", changed_, count_of(sent_, "datagram"),
                             first_change_));
    }
    if (duplicates_ > 0) {
        complain(fmt::format("{} came back once too often, the first was datagram {}",
                             count_of(duplicates_, "datagram"), first_duplicate_));
    }
    if (surplus_ > 0) {
        complain(fmt::format("{} came back that nobody had sent", count_of(surplus_, "datagram")));
    }
    if (output_error_) {
        console_->complain_of_output(output_error_);
        return ExitStatus::mismatch;
    }
    if (input_error_) {
        complain(fmt::format("cannot read standard input: {}", input_error_.message()));
    }
    if (!failure_) {
        return status;
    }
    std::string loss =
        fmt::format("datagram {} at offset {} ({}) did not come back", sent_, sent_bytes_, count_bytes(last_bytes_));
    const bool is_refused = failure_ == std::errc::connection_refused;
    if (failure_ == std::errc::timed_out) {
        loss += " within " + format_duration(options_.timeout);
    } else {
        loss += fmt::format(": {}{}", is_refused ? options_.target + " refused it: " : "", failure_.message());
    }
    console_->complain(loss);
    // A difference is certain, a loss may be bad luck.
    const bool is_unreachable = status == ExitStatus::verified && (is_refused || answered_ == 0);
    return is_unreachable ? ExitStatus::unreachable : ExitStatus::mismatch;
}

}  // namespace mynah::client

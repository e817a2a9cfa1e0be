#include "client/pinger.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "client/command_line.hpp"
#include "client/connection.hpp"
#include "client/console.hpp"
#include "client/counted.hpp"
#include "client/duration.hpp"
#include "client/exit_status.hpp"
#include "client/outstanding_probes.hpp"
#include "client/ping_link.hpp"
#include "client/round_trips.hpp"
#include "conc/context.hpp"
#include "conc/scheduler.hpp"
#include "conc/select.hpp"
#include "conc/select_case.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"

namespace mynah::client {
namespace {

template <class... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};

}  // namespace

Pinger::Pinger(PingOptions options, std::unique_ptr<OutstandingProbes> probes, Console* console,
               conc::Context interrupted)
    : options_(std::move(options)),
      probes_(std::move(probes)),
      console_(console),
      interrupted_(std::move(interrupted)),
      target_(options_.address.to_string()) {
    report_.options = options_;
}

conc::Task<ExitStatus> Pinger::run(PingLink* link, conc::CancelFunc stop_link) {
    conc::WaitGroup tasks;
    auto linking = [link] { return link->run(); };
    tasks.go(std::move(linking));
    report_.started = std::chrono::system_clock::now();
    report_.began_at = next_due_ = conc::now();
    co_await ping_until_settled(link);
    stop_link();
    co_await tasks.wait();

    tally().under_way = probes_->waiting() + queued_;
    report_.elapsed = conc::now() - report_.began_at;
    lines_ += "\n" + summary(target_, tally(), report_.trips, report_.elapsed);
    co_await print();
    if (output_error_) {
        console_->complain_of_output(output_error_);
    }
    report_.status = status();
    co_return report_.status;
}

conc::Task<void> Pinger::ping_until_settled(PingLink* link) {
    lines_ += fmt::format("PING {} {} of data.\n", target_, count_bytes(options_.probe_bytes));
    while (!settled() && !output_error_) {
        co_await print();
        auto chosen = co_await conc::select(link->events().recv_case(), conc::after(next_wake() - conc::now()),
                                            interrupted_.done());
        if (chosen.index() == 2) {
            report_.interrupted = true;
            break;
        }
        if (chosen.index() == 0) {
            handle(std::move(*chosen.get<0>()), *link);
        }
        const ProbeTime now = conc::now();
        give_up_overdue(now);
        if (connected_ || was_down_) {
            while (!all_asked_for() && next_due_ <= now) {
                ask_for_probe(*link);
                next_due_ = std::max(next_due_ + options_.interval, now - options_.interval);
            }
        }
    }
}

conc::Task<void> Pinger::print() {
    if (lines_.empty() || output_error_) {
        co_return;
    }
    const auto written = co_await console_->output().print(std::exchange(lines_, {}));
    if (!written) {
        output_error_ = written.error();
    }
}

void Pinger::handle(LinkEvent event, PingLink& link) {
    std::visit(Overloaded{[this](const LinkUp&) { on_up(); },
                          [this, &link](const LinkDown& down) { on_down(down.error, link); },
                          [this](const ConnectFailed& failed) { down_reason_ = failed.error; },
                          [this](const Refused& refused) { on_refused(refused.error); },
                          [this](ProbeSent& sent) { on_sent(std::move(sent.probe)); },
                          [this](const BytesBack& back) { on_bytes(back); }},
               event);
}

void Pinger::on_up() {
    if (was_down_) {
        console_->complain("connected again to " + target_);
    }
    connected_ = true;
    down_reason_ = {};
}

void Pinger::on_down(std::error_code error, PingLink& link) {
    connected_ = false;
    was_down_ = true;
    down_reason_ = error;
    const std::string why = error ? fmt::format("connection lost ({})", describe_connect_error(error, options_.timeout))
                                  : std::string("connection closed by peer");
    console_->complain(why);
    for (const std::uint64_t sequence : probes_->abandon()) {
        say_lost(sequence, why);
    }
    // What the link has not taken yet must not be sent on the next connection as if it had just become due.
    while (const auto sequence = link.wanted().try_recv()) {
        --queued_;
        say_lost(*sequence, why);
    }
}

void Pinger::on_sent(Probe probe) {
    --queued_;
    if (journal() != nullptr) {
        journal()->sent(probe.sequence, probe.sent_at);
    }
    probes_->sent(std::move(probe));
}

void Pinger::on_refused(std::error_code error) {
    const std::string why = "refused (" + describe_connect_error(error, options_.timeout) + ")";
    if (!std::exchange(refused_, true)) {
        console_->complain(target_ + " " + why);
    }
    for (const std::uint64_t sequence : probes_->abandon()) {
        say_lost(sequence, why);
    }
}

void Pinger::on_bytes(const BytesBack& back) {
    give_up_overdue(back.received_at);
    const Replies back_again = probes_->received(back.bytes, back.received_at);
    for (const Reply& reply : back_again.replies) {
        on_reply(reply);
    }
    if (back_again.foreign_bytes) {
        ++tally().foreign;
        lines_ += fmt::format("{} from {} that belong to no probe\n", count_bytes(*back_again.foreign_bytes), target_);
    }
}

void Pinger::on_reply(const Reply& reply) {
    if (std::exchange(refused_, false)) {
        console_->complain(target_ + " answers again");
    }
    if (journal() != nullptr) {
        journal()->came_back(reply);
    }
    lines_ += fmt::format("{} from {}: seq={}", count_bytes(reply.size), target_, reply.sequence);
    if (reply.round_trip) {
        lines_ += fmt::format(" time={} ms", format_milliseconds(*reply.round_trip));
    }
    if (reply.differing_bytes > 0) {
        lines_ += fmt::format(" (corrupted: {} different, the first at offset {})", count_bytes(reply.differing_bytes),
                              reply.first_difference);
    }
    if (reply.duplicate) {
        ++tally().duplicates;
        lines_ += " (DUP!)";
    } else if (reply.differing_bytes > 0) {
        ++tally().corrupted;
    } else {
        report_.trips.add(*reply.round_trip);
        ++(reply.overdue ? tally().late : tally().answered);
        tally().reordered += reply.reordered ? 1 : 0;
        lines_ += reply.overdue ? " (late)" : "";
        lines_ += reply.reordered ? " (reordered)" : "";
    }
    lines_ += "\n";
}

void Pinger::ask_for_probe(PingLink& link) {
    const std::uint64_t sequence = ++tally().sent;
    if (journal() != nullptr) {
        journal()->due(conc::now());
    }
    if (!connected_) {
        say_lost(sequence, down_reason_ ? fmt::format("not connected ({})",
                                                      describe_connect_error(down_reason_, options_.timeout))
                                        : std::string("not connected"));
    } else if (link.wanted().try_send(sequence)) {
        ++queued_;
    } else {
        say_lost(sequence, "not sent: the peer takes no more bytes");
    }
}

void Pinger::give_up_overdue(ProbeTime now) {
    for (const std::uint64_t sequence : probes_->expire(now)) {
        say_lost(sequence, "no answer within " + format_duration(options_.timeout));
    }
}

void Pinger::say_lost(std::uint64_t sequence, std::string_view why) {
    if (journal() != nullptr) {
        journal()->lost(sequence, why);
    }
    lines_ += fmt::format("lost: seq={} {}\n", sequence, why);
}

bool Pinger::settled() const {
    return all_asked_for() && queued_ == 0 && probes_->waiting() == 0;
}

/// When there is something to do even if nothing happens.
ProbeTime Pinger::next_wake() const {
    constexpr std::chrono::hours kLong(1);
    ProbeTime wake = conc::now() + kLong;
    if (!all_asked_for() && (connected_ || was_down_)) {
        wake = std::min(wake, next_due_);
    }
    return std::min(wake, probes_->next_expiry().value_or(wake));
}

ExitStatus Pinger::status() const {
    if (output_error_) {
        return ExitStatus::mismatch;
    }
    if (tally().answered + tally().late + tally().corrupted == 0) {
        return ExitStatus::unreachable;
    }
    return tally().lost() > 0 || tally().duplicates > 0 || tally().foreign > 0 ? ExitStatus::mismatch
                                                                               : ExitStatus::verified;
}

}  // namespace mynah::client

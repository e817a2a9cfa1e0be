#include "client/load/generator.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <sys/prctl.h>

#include "client/console.hpp"
#include "client/duration.hpp"
#include "client/load/connection.hpp"
#include "client/load/datagram_flow.hpp"
#include "client/load/dial.hpp"
#include "client/load/flow.hpp"
#include "client/load/options.hpp"
#include "client/load/processor_use.hpp"
#include "client/load/report.hpp"
#include "client/load/tally.hpp"
#include "client/machine.hpp"
#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/select.hpp"
#include "conc/select_case.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "net/datagram.hpp"
#include "net/driver.hpp"
#include "net/stream.hpp"

namespace mynah::client::load {
namespace {

constexpr std::chrono::nanoseconds kLongestLook = std::chrono::milliseconds(100);

}  // namespace

Generator::Generator(Options options, Console* console, conc::Context stop, conc::Context abort)
    : options_(std::move(options)),
      console_(console),
      stop_(std::move(stop)),
      abort_(std::move(abort)),
      schedule_(options_),
      tally_(&schedule_) {}

conc::Task<Report> Generator::run() {
    report_.options = options_;
    report_.started = std::chrono::system_clock::now();
    report_.machine = this_machine();
    Dialled dialled = co_await dial(options_, DatagramFlow::socket_options(options_), stop_);
    report_.connected = dialled.streams.size() + dialled.sockets.size();
    report_.connect_time = dialled.elapsed;
    for (const auto& [why, times] : dialled.failures) {
        for (std::uint64_t i = 0; i < times; ++i) {
            tally_.connection_failed(why);
        }
    }
    if (report_.connected > 0 && !dialled.stopped) {
        co_await measure(std::move(dialled));
    }
    summarise();
    co_return std::move(report_);
}

conc::Task<void> Generator::measure(Dialled dialled) {
    // A thread's timers are late by 50 us for the sake of power: too much for who measures a few.
    (void)::prctl(PR_SET_TIMERSLACK, 1);
    make_flows(std::move(dialled));
    live_ = flows_.size();
    schedule_.begin(conc::now());
    tally_.begin();
    for (const auto& flow : flows_) {
        auto driving = [this, one = flow.get()] { return drive(one); };
        tasks_.go(std::move(driving));
    }
    if (schedule_.is_open_loop()) {
        auto sending = [this] { return send_what_is_due(); };
        tasks_.go(std::move(sending));
    }
    auto heeding = [this] { return heed_interrupts(); };
    tasks_.go(std::move(heeding));
    co_await watch();
    co_await tasks_.wait();
    tally_.end(conc::now());
}

void Generator::make_flows(Dialled dialled) {
    const Shared shared{.options = &options_,
                        .pattern = &pattern_,
                        .schedule = &schedule_,
                        .tally = &tally_,
                        .tasks = &tasks_,
                        .run = static_cast<std::uint32_t>(std::random_device{}())};
    const std::size_t count = report_.connected;
    for (net::Stream& stream : dialled.streams) {
        flows_.push_back(std::make_unique<Connection>(shared, std::move(stream), flows_.size(), count));
    }
    for (net::DatagramSocket& socket : dialled.sockets) {
        flows_.push_back(std::make_unique<DatagramFlow>(shared, std::move(socket), flows_.size(), count));
    }
}

conc::Task<void> Generator::drive(Flow* flow) {
    co_await flow->run();
    if (--live_ == 0) {
        schedule_.stop(conc::now());
        all_ended_.close();
    }
}

conc::Task<void> Generator::send_what_is_due() {
    for (std::uint64_t next = 0;;) {
        conc::TimePoint now = conc::now();
        const conc::TimePoint due = schedule_.due(next);
        if (due > now) {
            co_await conc::sleep_until(std::min(due, now + kLongestLook));
        } else {
            co_await conc::yield();  // what is late leaves time for what comes back
        }
        now = conc::now();
        if (schedule_.is_over(now) || live_ == 0) {
            break;
        }
        for (; schedule_.due(next) <= now; ++next) {
            Flow& flow = *flows_[next % flows_.size()];
            if (!flow.awaits(next)) {
                continue;  // it has no room: it sends what is due as soon as it has
            }
            if (schedule_.due(next) >= schedule_.measured_from()) {
                lag_.add(now - schedule_.due(next));
            }
            flow.fill(now);
            if (flow.wants_to_send()) {
                co_await flow.send();
            }
        }
    }
}

conc::Task<void> Generator::heed_interrupts() {
    const auto first = co_await conc::select(stop_.done(), all_ended_.recv_case());
    if (first.index() == 1) {
        co_return;
    }
    report_.interrupted = true;
    const conc::TimePoint now = conc::now();
    schedule_.stop(now);
    for (const auto& flow : flows_) {
        flow->check(now);
    }
    const auto second = co_await conc::select(abort_.done(), all_ended_.recv_case());
    if (second.index() == 0) {
        for (const auto& flow : flows_) {
            flow->abandon();
        }
    }
}

conc::Task<void> Generator::watch() {
    for (;;) {
        const conc::TimePoint now = conc::now();
        tally_.advance(now);
        sample_processor(now);
        show_progress();
        for (const auto& flow : flows_) {
            flow->check(now);
        }
        const auto woken = co_await conc::select(conc::after(until_next_look(now)), all_ended_.recv_case());
        if (woken.index() == 1) {
            break;
        }
    }
    sample_processor(std::max(conc::now(), schedule_.stops_at()));
    if (shown_ > 0) {
        console_->show_progress("");
    }
}

conc::Duration Generator::until_next_look(conc::TimePoint now) const {
    conc::Duration wait = std::min(kLongestLook, std::max(options_.timeout / 4, conc::Duration(1)));
    for (const conc::TimePoint next : {schedule_.measured_from(), schedule_.stops_at(), schedule_.over_at()}) {
        if (next > now) {
            wait = std::min(wait, next - now);
        }
    }
    return wait;
}

/// At the beginning and at the end of what is measured.
void Generator::sample_processor(conc::TimePoint now) {
    if (!sampled_begin_ && now >= schedule_.measured_from()) {
        sampled_begin_ = true;
        processor_begin_ = read_processor_time();
        processor_from_ = conc::now();
    }
    if (sampled_begin_ && !sampled_end_ && now >= schedule_.stops_at()) {
        sampled_end_ = true;
        processor_end_ = read_processor_time();
        processor_to_ = conc::now();
    }
}

void Generator::show_progress() {
    const auto& intervals = tally_.intervals();
    if (!console_->is_error_terminal() || intervals.size() == shown_) {
        return;
    }
    shown_ = intervals.size();
    const Interval& last = intervals.back();
    console_->show_progress(fmt::format("{} s: {} messages/s, p99 {} ms, {} errors", shown_, last.verified,
                                        format_milliseconds(last.p99), tally_.error_count()));
}

void Generator::summarise() {
    if (const net::Driver* driver = net::Driver::current()) {
        report_.driver = driver->name();
    }
    report_.connection_failures = tally_.connection_failures();
    report_.measured = tally_.measured();
    report_.warm_up = tally_.warm_up();
    report_.from_planned = tally_.from_planned();
    report_.from_sent = tally_.from_sent();
    report_.intervals = tally_.intervals();
    report_.datagrams = tally_.datagrams();
    report_.faults = tally_.faults();
    report_.fault_count = tally_.fault_count();
    report_.generator.lag = lag_;
    if (flows_.empty()) {
        report_.interrupted = static_cast<bool>(stop_.err());
        return;
    }
    report_.measured_time = std::max(schedule_.stops_at() - schedule_.measured_from(), std::chrono::nanoseconds(0));
    report_.elapsed = std::max(report_.measured_time, tally_.last_answer() - schedule_.measured_from());
    report_.planned = schedule_.is_open_loop() ? schedule_.planned() : 0;
    if (sampled_end_) {
        report_.generator.processor = {.used = processor_end_.used - processor_begin_.used,
                                       .waited = processor_end_.waited - processor_begin_.waited};
        report_.generator.time = processor_to_ - processor_from_;
    }
}

}  // namespace mynah::client::load

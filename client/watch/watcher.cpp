#include "client/watch/watcher.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "client/console.hpp"
#include "client/load/dial.hpp"
#include "client/load/options.hpp"
#include "client/machine.hpp"
#include "client/watch/account.hpp"
#include "client/watch/datagram_lane.hpp"
#include "client/watch/lane.hpp"
#include "client/watch/options.hpp"
#include "client/watch/report.hpp"
#include "client/watch/stream_lane.hpp"
#include "client/watch/timeline.hpp"
#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/select.hpp"
#include "conc/select_case.hpp"
#include "conc/task.hpp"
#include "net/datagram.hpp"
#include "net/stream.hpp"

namespace mynah::client::watch {
namespace {

constexpr std::chrono::nanoseconds kLongestLook = std::chrono::milliseconds(100);

std::uint64_t draw_run() {
    std::random_device device;
    return std::uniform_int_distribution<std::uint64_t>()(device);
}

load::Options load_options(const Options& options) {
    return {.address = options.address,
            .connections = options.connections,
            .duration = options.duration,
            .rate = options.frames_per_second(),
            .timeout = options.timeout};
}

}  // namespace

Watcher::Watcher(Options options, Console* console, conc::Context stop, conc::Context abort)
    : options_(std::move(options)),
      stop_(std::move(stop)),
      abort_(std::move(abort)),
      stopping_(conc::with_cancel(stop_)),
      schedule_(load_options(options_)),
      live_(console, &account_),
      report_{.options = options_, .run = draw_run()} {}

conc::Task<Report> Watcher::run() {
    report_.machine = this_machine();
    report_.started = std::chrono::system_clock::now();
    co_await make_lanes();
    if (!lanes_.empty()) {
        running_ = lanes_.size();
        for (const auto& lane : lanes_) {
            auto driving = [this, one = lane.get()] { return drive(one); };
            tasks_.go(std::move(driving));
        }
        auto heeding = [this] { return heed_interrupts(); };
        tasks_.go(std::move(heeding));
        co_await look_after();
        co_await tasks_.wait();
        account_.end(conc::now());
    }
    summarise();
    co_return std::move(report_);
}

Shared Watcher::shared() noexcept {
    return {.options = &options_,
            .schedule = &schedule_,
            .account = &account_,
            .stopping = stopping_.ctx,
            .aborting = abort_,
            .run = report_.run,
            .to_unix = report_.started.time_since_epoch() - account_.started().time_since_epoch()};
}

/// Time begins to run: that which connecting took is no part of it.
void Watcher::begin() {
    report_.started = std::chrono::system_clock::now();
    account_.begin(conc::now());
    schedule_.begin(account_.started());
}

/// The first connections are made together; a lane of streams that gets none begins by trying again.
conc::Task<void> Watcher::make_lanes() {
    // Datagrams of any length: one that is longer than a frame is told as it is.
    auto dialled = co_await load::dial(load_options(options_), net::DatagramOptions{}, stop_);
    // A stream that could not be made is tried again; for a socket the machine lacks something.
    const bool has_sockets = dialled.sockets.size() == options_.connections;
    if ((dialled.streams.empty() && !has_sockets) || dialled.stopped) {
        if (!dialled.failures.empty()) {
            report_.not_connected = dialled.failures.begin()->first;
        }
        co_return;
    }
    begin();
    for (const auto& [why, times] : dialled.failures) {
        for (std::uint64_t i = 0; i < times; ++i) {
            account_.refused(0, why, account_.started(), false);
        }
    }
    for (net::DatagramSocket& socket : dialled.sockets) {
        lanes_.push_back(std::make_unique<DatagramLane>(shared(), lanes_.size(), std::move(socket)));
    }
    if (!dialled.streams.empty()) {
        dialled.streams.resize(options_.connections);
    }
    for (net::Stream& stream : dialled.streams) {
        lanes_.push_back(std::make_unique<StreamLane>(shared(), lanes_.size(), std::move(stream)));
    }
}

conc::Task<void> Watcher::drive(Lane* lane) {
    co_await lane->run();
    if (--running_ == 0) {
        all_ended_.close();
    }
}

conc::Task<void> Watcher::heed_interrupts() {
    const auto first = co_await conc::select(stop_.done(), all_ended_.recv_case());
    if (first.index() == 1) {
        co_return;
    }
    report_.interrupted = true;
    schedule_.stop(conc::now());
    const auto second = co_await conc::select(abort_.done(), all_ended_.recv_case());
    if (second.index() == 0) {
        for (const auto& lane : lanes_) {
            lane->check(conc::now());
        }
    }
}

/// Ends the sending in time, finds what is overdue, and shows how it goes.
conc::Task<void> Watcher::look_after() {
    for (;;) {
        const conc::TimePoint now = conc::now();
        account_.advance(now);
        if (now >= schedule_.stops_at()) {
            stopping_.cancel();
        }
        conc::Duration without_service{0};
        for (const auto& lane : lanes_) {
            lane->check(now);
            without_service = std::max(without_service, lane->time_without_service(now));
        }
        live_.show(without_service);
        const auto woken = co_await conc::select(conc::after(until_next_look(now)), all_ended_.recv_case());
        if (woken.index() == 1) {
            break;
        }
    }
    live_.end();
}

conc::Duration Watcher::until_next_look(conc::TimePoint now) const {
    const conc::Duration wait = std::min(kLongestLook, std::max(options_.timeout / 4, conc::Duration(1)));
    return schedule_.stops_at() > now ? std::min(wait, schedule_.stops_at() - now) : wait;
}

void Watcher::summarise() {
    const Timeline& timeline = account_.timeline();
    report_.interrupted = report_.interrupted || static_cast<bool>(stop_.err());
    report_.began = account_.started();
    report_.elapsed = lanes_.empty() ? std::chrono::nanoseconds(0) : conc::now() - account_.started();
    report_.bytes = account_.bytes();
    report_.sent_again = account_.sent_again();
    report_.unrepaired = account_.unrepaired();
    report_.late = account_.late();
    report_.frames_sent = account_.frames_sent();
    report_.frames_missed = account_.frames_missed();
    report_.down = account_.down();
    report_.endings = account_.endings();
    report_.connections = account_.connections();
    report_.outages = account_.outages();
    report_.outage_lengths = account_.outage_lengths();
    report_.total_outage = account_.total_outage();
    report_.events = account_.events();
    report_.losses = account_.losses();
    report_.seconds = timeline.seconds();
    report_.from_planned = timeline.from_planned();
    report_.from_sent = timeline.from_sent();
}

}  // namespace mynah::client::watch

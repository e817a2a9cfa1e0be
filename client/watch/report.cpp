#include "client/watch/report.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "client/counted.hpp"
#include "client/duration.hpp"
#include "client/exit_status.hpp"
#include "client/watch/byte_counts.hpp"
#include "client/watch/fail_condition.hpp"
#include "client/watch/live_view.hpp"
#include "client/watch/options.hpp"
#include "client/watch/reconciliation_report.hpp"
#include "client/watch/records.hpp"
#include "net/address.hpp"

namespace mynah::client::watch {
namespace {

/// A count, or nanoseconds, for every name that FailCondition knows.
std::map<std::string_view, std::int64_t> measures(const Report& report) {
    const auto count = [](std::uint64_t number) { return static_cast<std::int64_t>(number); };
    const auto percentile = [&report](double percent) { return report.from_planned.percentile(percent).count(); };
    const ByteCounts& bytes = report.bytes;
    return {{"sent", count(bytes.sent)},
            {"echoed", count(bytes.echoed)},
            {"unacknowledged", count(bytes.unacknowledged)},
            {"reset", count(bytes.reset)},
            {"silent", count(bytes.silent)},
            {"corrupted", count(bytes.corrupted)},
            {"duplicated", count(bytes.duplicated)},
            {"misdelivered", count(bytes.misdelivered)},
            {"reordered", count(bytes.reordered)},
            {"foreign", count(bytes.foreign)},
            {"unrepaired", count(report.unrepaired)},
            {"sent_again", count(report.sent_again)},
            {"outages", count(report.outages.count())},
            {"refusals", count(report.endings.refusals)},
            {"resets", count(report.endings.resets)},
            {"timeouts", count(report.endings.timeouts)},
            {"fins", count(report.endings.fins)},
            {"missed", count(report.frames_missed)},
            {"down", count(report.down)},
            {"outage", report.outage_lengths.max().count()},
            {"min", report.from_planned.min().count()},
            {"mean", report.from_planned.mean().count()},
            {"p50", percentile(50)},
            {"p90", percentile(90)},
            {"p99", percentile(99)},
            {"p99.9", percentile(99.9)},
            {"max", report.from_planned.max().count()}};
}

}  // namespace

bool is_clean(const Report& report) {
    const ByteCounts& bytes = report.bytes;
    return bytes.reset == 0 && bytes.silent == 0 && bytes.corrupted == 0 && bytes.duplicated == 0 &&
           bytes.misdelivered == 0 && bytes.foreign == 0 && report.unrepaired == 0 && report.not_connected.empty();
}

std::string_view verdict(const Report& report) {
    return is_clean(report) ? "clean" : "loss";
}

std::vector<FailCondition> failures(const Report& report) {
    const auto measured = measures(report);
    std::vector<FailCondition> held;
    for (const FailCondition& condition : report.options.fail_on) {
        if (condition.holds_for(measured.at(condition.name))) {
            held.push_back(condition);
        }
    }
    return held;
}

// Over UDP nothing but an echo tells that anybody is there.
ExitStatus status_of(const Report& report) {
    const bool is_datagram = report.options.address.transport() == net::Transport::udp;
    if (!report.not_connected.empty() || (is_datagram && report.frames_sent > 0 && report.bytes.echoed == 0)) {
        return ExitStatus::unreachable;
    }
    const bool is_balanced = !report.reconciliation || report.reconciliation->is_balanced();
    if (!is_clean(report) || !is_balanced || !failures(report).empty()) {
        return ExitStatus::mismatch;
    }
    // Where the user did not wait for a connection nothing was sent, and so nothing is verified.
    return report.frames_sent > 0 ? ExitStatus::verified : ExitStatus::unreachable;
}

std::string describe_watch(const Options& options) {
    return fmt::format("{}, {} frames/s of {}, {}", count_of(options.connections, "connection"),
                       grouped(options.frames_per_second()), count_bytes(options.frame_bytes),
                       format_duration(options.duration));
}

std::vector<std::string> remarks_on(const Report& report) {
    std::vector<std::string> remarks;
    for (const Event& loss : report.losses.first) {
        remarks.push_back(describe(loss, report.began));
    }
    if (report.losses.left_out > 0) {
        remarks.push_back(fmt::format("{} more cases like these", report.losses.left_out));
    }
    if (report.late > 0) {
        remarks.push_back(
            fmt::format("{} came after the timeout, and were silent until then", count_bytes(report.late)));
    }
    if (report.unrepaired > 0) {
        remarks.push_back(fmt::format("{} that were unacknowledged at a connection's end never came back",
                                      count_bytes(report.unrepaired)));
    }
    if (report.reconciliation) {
        std::ranges::move(ledger_remarks(*report.reconciliation), std::back_inserter(remarks));
    }
    for (const FailCondition& condition : failures(report)) {
        const std::int64_t measured = measures(report).at(condition.name);
        remarks.push_back(fmt::format("failed by --fail-on {}: it was {}", condition.text,
                                      FailCondition::is_duration(condition.name)
                                          ? format_milliseconds(std::chrono::nanoseconds(measured)) + " ms"
                                          : grouped(static_cast<std::uint64_t>(measured))));
    }
    for (const auto& [why, times] : report.endings.refused_why) {
        remarks.push_back(fmt::format("{}, {}", why, count_of(times, "time")));
    }
    if (report.frames_missed > 0) {
        remarks.push_back(fmt::format("{} fell due and were never sent: there was no connection, or no time",
                                      count_of(report.frames_missed, "frame")));
    }
    if (report.down > 0) {
        remarks.push_back(fmt::format("{} of {} had no service at the end", report.down,
                                      count_of(report.options.connections, "connection")));
    }
    if (!report.not_connected.empty()) {
        remarks.push_back(report.not_connected);
    }
    if (report.frames_sent == 0) {
        remarks.push_back("nothing was sent, so that nothing is proved");
    }
    if (report.interrupted) {
        remarks.push_back("interrupted: the numbers are of the time until then");
    }
    return remarks;
}

}  // namespace mynah::client::watch

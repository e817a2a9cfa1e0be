#include "client/load/report.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/counted.hpp"
#include "client/duration.hpp"
#include "client/exit_status.hpp"
#include "client/load/fault.hpp"
#include "client/load/tally.hpp"

namespace mynah::client::load {
namespace {

// Above it the generator, and not the server, may be what the numbers tell of.
constexpr double kWholeCore = 0.95;
constexpr double kMuchWaiting = 0.05;
constexpr std::chrono::milliseconds kMuchLag(1);

double per_second(std::uint64_t count, std::chrono::nanoseconds time) {
    return time.count() > 0 ? static_cast<double>(count) / std::chrono::duration<double>(time).count() : 0.0;
}

void remark_on_errors(const Report& report, std::vector<std::string>& remarks) {
    for (const Fault& fault : report.faults) {
        remarks.push_back(describe(fault));
    }
    if (report.fault_count > report.faults.size()) {
        remarks.push_back(fmt::format("{} more like these", report.fault_count - report.faults.size()));
    }
    for (const auto& [why, times] : report.connection_failures) {
        remarks.push_back(fmt::format("{} of {}: {}", times, count_of(report.options.connections, "connection"), why));
    }
    const std::uint64_t warm_up_failed = report.warm_up.failed();
    if (warm_up_failed > 0) {
        remarks.push_back(fmt::format("{} of the warm-up failed", count_of(warm_up_failed, "message")));
    }
    if (report.datagrams.receive_queue > 0) {
        remarks.push_back(
            fmt::format("{} came back and found no room in our own kernel's queue: they are among the lost ones",
                        count_of(report.datagrams.receive_queue, "datagram")));
    }
    if (is_empty(report)) {
        remarks.emplace_back("nothing was measured, so that nothing is verified");
    }
    if (report.interrupted) {
        remarks.push_back("interrupted: the numbers are of the time until then");
    }
}

void remark_on_generator(const Report& report, std::vector<std::string>& remarks) {
    const GeneratorUse& use = report.generator;
    if (report.unsent() > 0) {
        remarks.push_back(
            fmt::format("{} of {} planned messages were not sent, as connections were busy or gone. "
                        "Their waiting is in no latency; more connections (-c) or depth (-p) may help",
                        report.unsent(), report.planned));
    }
    if (use.lag.percentile(99) >= kMuchLag) {
        remarks.push_back(fmt::format("the generator itself was late: by {} ms at p99. Latency from plan includes it",
                                      format_milliseconds(use.lag.percentile(99))));
    }
    if (use.used_share() >= kWholeCore) {
        remarks.push_back("the generator used its whole core: the server may be able to do more than this");
    } else if (use.used_share() + use.waited_share() >= kWholeCore) {
        remarks.push_back(
            "the generator never rested, and shared its core: the server may be able to do more than this");
    } else if (use.waited_share() >= kMuchWaiting) {
        remarks.push_back(fmt::format("the generator waited {:.0f}% of the time for a core: latencies include it",
                                      use.waited_share() * 100));
    }
}

}  // namespace

double Report::messages_per_second() const {
    return per_second(measured.of(Fate::verified), elapsed);
}

double Report::bytes_per_second() const {
    return per_second(measured.verified_bytes, elapsed);
}

ExitStatus status_of(const Report& report) {
    const auto any = [&report](Fate fate) { return report.measured.of(fate) + report.warm_up.of(fate) > 0; };
    if (report.is_of_datagrams() && any(Fate::lost) && !any(Fate::verified) && !any(Fate::mismatched)) {
        return ExitStatus::unreachable;  // without a connection that is all there is to tell that nobody is there
    }
    if (report.datagrams.duplicates > 0 || report.datagrams.foreign > 0) {
        return ExitStatus::mismatch;
    }
    if (report.fault_count > 0 || any(Fate::mismatched) || any(Fate::lost) || any(Fate::in_flight)) {
        return ExitStatus::mismatch;
    }
    if (report.connected < report.options.connections || any(Fate::timed_out)) {
        return ExitStatus::unreachable;
    }
    if (!report.connection_failures.empty()) {
        return ExitStatus::mismatch;
    }
    return is_empty(report) ? ExitStatus::unreachable : ExitStatus::verified;
}

bool is_empty(const Report& report) {
    return report.measured.sent == 0;
}

std::vector<std::pair<std::string_view, std::uint64_t>> rows_of(const DatagramCounts& counts) {
    return {{"duplicates", counts.duplicates},
            {"reordered", counts.reordered},
            {"late", counts.late},
            {"foreign", counts.foreign},
            {"refused", counts.refused}};
}

std::vector<std::string> remarks_on(const Report& report) {
    std::vector<std::string> remarks;
    remark_on_errors(report, remarks);
    remark_on_generator(report, remarks);
    return remarks;
}

}  // namespace mynah::client::load

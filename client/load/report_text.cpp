// report_text.cpp -- a load's report for the terminal.
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "client/counted.hpp"
#include "client/duration.hpp"
#include "client/latency_histogram.hpp"
#include "client/latency_text.hpp"
#include "client/load/options.hpp"
#include "client/load/report.hpp"
#include "client/load/tally.hpp"

namespace mynah::client::load {
namespace {

void add_outcome(std::string& text, std::string_view name, std::uint64_t count) {
    text += fmt::format("{:<14}{:>18}\n", name, grouped(count));
}

std::string outcomes(const Report& report) {
    const Outcomes& all = report.measured;
    std::string text = fmt::format("{:<14}{:>18}\n", "", "messages");
    if (report.is_open_loop()) {
        add_outcome(text, "planned", report.planned);
    }
    add_outcome(text, "sent", all.sent);
    add_outcome(text, "verified", all.of(Fate::verified));
    add_outcome(text, "mismatched", all.of(Fate::mismatched));
    add_outcome(text, "lost", all.of(Fate::lost));
    if (!report.is_of_datagrams()) {
        add_outcome(text, "timed out", all.of(Fate::timed_out));
    }
    if (all.of(Fate::in_flight) > 0) {
        add_outcome(text, "in flight", all.of(Fate::in_flight));
    }
    if (report.is_of_datagrams()) {
        text += fmt::format("\n{:<14}{:>18}\n", "", "datagrams");
        for (const auto& [name, count] : rows_of(report.datagrams)) {
            add_outcome(text, name, count);
        }
    }
    return text;
}

std::string latencies(const Report& report) {
    std::string text = fmt::format("{:<14} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}\n", "latency, ms", "p50",
                                   "p90", "p99", "p99.9", "p99.99", "max", "mean");
    const auto row = [](std::string_view name, const LatencyHistogram& times) {
        return latency_row(name, 14, times, {50, 90, 99, 99.9, 99.99});
    };
    if (report.is_open_loop()) {
        return text + row("  from plan", report.from_planned) + row("  from sending", report.from_sent);
    }
    return text + row("  round trip", report.from_planned);
}

std::string generator(const Report& report) {
    const GeneratorUse& use = report.generator;
    std::string text = fmt::format("generator     {:.0f}% of a core used", use.used_share() * 100);
    if (use.waited_share() >= 0.005) {
        text += fmt::format(", {:.0f}% waited for one", use.waited_share() * 100);
    }
    if (report.is_open_loop() && use.lag.count() > 0) {
        text += fmt::format("; late by {} ms at p50, {} ms at p99, {} ms at most",
                            format_milliseconds(use.lag.percentile(50)), format_milliseconds(use.lag.percentile(99)),
                            format_milliseconds(use.lag.max()));
    }
    return text + "\n";
}

}  // namespace

std::string describe_load(const Options& options) {
    const SizeRange& size = options.message_bytes;
    std::string text = fmt::format(
        "{}, depth {}, {}", count_of(options.connections, "connection"), options.depth,
        size.least == size.most ? count_bytes(size.least) : fmt::format("{} to {} bytes", size.least, size.most));
    text += options.rate ? fmt::format(", open loop at {} messages/s", grouped(*options.rate)) : ", closed loop";
    if (options.count) {
        text += fmt::format(", {} messages", grouped(*options.count));
    }
    if (options.duration) {
        text += fmt::format(", {}{}", options.count ? "at most " : "", format_duration(*options.duration));
    }
    if (options.warm_up.count() > 0) {
        text += fmt::format(" after {} of warm-up", format_duration(options.warm_up));
    }
    return text;
}

std::string to_text(const Report& report) {
    std::string text = fmt::format("LOAD {}: {}\n", report.options.address.to_string(), describe_load(report.options));
    if (report.connected > 0) {
        text += fmt::format("\n{}\n", outcomes(report));
        text += fmt::format("{:<14}{:>18.1f} messages/s, {}/s each way, over {:.3f} s\n", "rate",
                            report.messages_per_second(), short_size(report.bytes_per_second()),
                            std::chrono::duration<double>(report.elapsed).count());
        text += fmt::format("\n{}\n{}", latencies(report), generator(report));
    }
    for (const std::string& remark : remarks_on(report)) {
        text += "! " + remark + "\n";
    }
    return text;
}

}  // namespace mynah::client::load

// report_text.cpp -- a watch's report for the terminal.
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "client/counted.hpp"
#include "client/duration.hpp"
#include "client/latency_text.hpp"
#include "client/watch/account.hpp"
#include "client/watch/byte_counts.hpp"
#include "client/watch/reconciliation_report.hpp"
#include "client/watch/report.hpp"

namespace mynah::client::watch {
namespace {

void add_count(std::string& text, std::string_view name, std::uint64_t count) {
    text += fmt::format("{:<16}{:>18}\n", name, grouped(count));
}

std::string bytes(const Report& report) {
    const ByteCounts& all = report.bytes;
    std::string text = fmt::format("{:<16}{:>18}\n", "", "bytes");
    add_count(text, "sent", all.sent);
    add_count(text, "  echoed", all.echoed);
    add_count(text, "  unacknowledged", all.unacknowledged);
    add_count(text, "  reset", all.reset);
    add_count(text, "  silent", all.silent);
    add_count(text, "  corrupted", all.corrupted);
    add_count(text, "duplicated", all.duplicated);
    add_count(text, "misdelivered", all.misdelivered);
    add_count(text, "reordered", all.reordered);
    add_count(text, "foreign", all.foreign);
    if (report.sent_again > 0) {
        add_count(text, "sent again", report.sent_again);
    }
    return text;
}

std::string connections(const Report& report) {
    const Account::Endings& endings = report.endings;
    std::string text =
        fmt::format("connections     {} opened, {} closed by the peer, {} reset, {} timed out, {}\n", endings.opened,
                    endings.fins, endings.resets, endings.timeouts, count_of(endings.refusals, "failed attempt"));
    text += fmt::format("outages         {}", report.outages.count());
    if (report.outages.count() > 0) {
        text += fmt::format(", the longest of {} ms, {} ms in all", format_milliseconds(report.outage_lengths.max()),
                            format_milliseconds(report.total_outage));
    }
    return text + "\n";
}

}  // namespace

std::string to_text(const Report& report) {
    std::string text =
        fmt::format("WATCH {}: {}\n", report.options.address.to_string(), describe_watch(report.options));
    text += fmt::format("\n{}\n{}", bytes(report), connections(report));
    text += fmt::format("frames          {} sent, over {:.3f} s\n", grouped(report.frames_sent),
                        std::chrono::duration<double>(report.elapsed).count());
    text += fmt::format("\n{:<16} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}\n", "latency, ms", "p50", "p90", "p99",
                        "p99.9", "max", "mean");
    text += latency_row("  from plan", 16, report.from_planned, {50, 90, 99, 99.9});
    text += latency_row("  from sending", 16, report.from_sent, {50, 90, 99, 99.9});
    if (report.reconciliation) {
        text += "\n" + ledger_text(*report.reconciliation);
    }
    text += fmt::format("\nverdict: {}\n", verdict(report));
    for (const std::string& remark : remarks_on(report)) {
        text += "! " + remark + "\n";
    }
    return text;
}

}  // namespace mynah::client::watch

// report_html.cpp -- a watch's report as a page that needs nothing else.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/chart.hpp"
#include "client/counted.hpp"
#include "client/exit_status.hpp"
#include "client/page.hpp"
#include "client/report_values.hpp"
#include "client/watch/account.hpp"
#include "client/watch/byte_counts.hpp"
#include "client/watch/reconciliation_report.hpp"
#include "client/watch/records.hpp"
#include "client/watch/report.hpp"
#include "client/watch/report_charts.hpp"

namespace mynah::client::watch {
namespace {

constexpr std::size_t kEventsShown = 200;

std::string_view describe_verdict(const Report& report) {
    if (report.frames_sent == 0) {
        return "Nothing was sent, so that nothing is proved.";
    }
    if (!is_clean(report)) {
        return "Loss: bytes were lost or harmed.";
    }
    return "Clean: nothing was lost or harmed, and what a server ended too early for came back when it was sent again.";
}

std::string head(const Report& report) {
    const std::string html =
        fmt::format("<h1>mynah watch {}</h1>\n<p>{}</p>\n<p>{}</p>\n", escape_html(report.options.address.to_string()),
                    escape_html(describe_watch(report.options)), utc(report.started));
    return html + verdict_box(status_of(report) != ExitStatus::verified, describe_verdict(report), remarks_on(report));
}

std::string tiles(const Report& report) {
    const ByteCounts& bytes = report.bytes;
    const std::uint64_t lost = bytes.reset + bytes.silent + bytes.corrupted + report.unrepaired;
    std::string html = "<div class=\"tiles\">\n";
    html += tile(grouped(report.frames_sent), "frames sent");
    html += tile(grouped(lost), "bytes lost or changed");
    html += tile(grouped(bytes.unacknowledged), "bytes unacknowledged");
    html += tile(grouped(report.outages.count()), "outages");
    html += tile(short_latency(report.outage_lengths, report.outage_lengths.max()), "longest outage");
    html += tile(short_latency(report.from_planned, report.from_planned.percentile(99)), "p99 from plan");
    return html + "</div>\n";
}

std::string byte_table(const Report& report) {
    const ByteCounts& bytes = report.bytes;
    std::string html = "<table>\n<tr><th>bytes</th><th></th></tr>\n";
    for (const auto& [name, count] : {std::pair<std::string_view, std::uint64_t>{"sent", bytes.sent},
                                      {"echoed", bytes.echoed},
                                      {"unacknowledged at a FIN", bytes.unacknowledged},
                                      {"lost to a reset", bytes.reset},
                                      {"lost in silence", bytes.silent},
                                      {"corrupted", bytes.corrupted},
                                      {"duplicated", bytes.duplicated},
                                      {"misdelivered", bytes.misdelivered},
                                      {"reordered", bytes.reordered},
                                      {"foreign", bytes.foreign},
                                      {"sent again, of those sent", report.sent_again},
                                      {"never repaired", report.unrepaired}}) {
        html += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", name, grouped(count));
    }
    return html + "</table>\n";
}

std::string fact_table(const Report& report) {
    const Account::Endings& endings = report.endings;
    std::string html = "<table>\n<tr><th>connections</th><th></th></tr>\n";
    html += fact("opened", grouped(endings.opened));
    html += fact("closed by the peer", grouped(endings.fins));
    html += fact("reset", grouped(endings.resets));
    html += fact("timed out", grouped(endings.timeouts));
    html += fact("attempts that failed", grouped(endings.refusals));
    html += fact("outages in all", short_milliseconds(report.total_outage));
    html += fact("frames missed", grouped(report.frames_missed));
    html += fact("elapsed", fmt::format("{:.3f} s", std::chrono::duration<double>(report.elapsed).count()));
    html += fact("run", fmt::format("{:016x}", report.run));
    html += fact("mynah", report.machine.version);
    return html + "</table>\n";
}

std::string event_table(const Report& report) {
    if (report.events.first.empty()) {
        return {};
    }
    std::string html =
        "<h2>Events</h2>\n<div class=\"scroll\"><table>\n<tr><th>at, s</th><th>lane</th>"
        "<th>connection</th><th>what</th><th></th></tr>\n";
    std::size_t shown = 0;
    for (const Event& event : report.events.first) {
        if (++shown > kEventsShown) {
            break;
        }
        html += fmt::format("<tr><td>{:.3f}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"text\">{}</td></tr>\n",
                            std::chrono::duration<double>(event.at - report.began).count(), event.lane,
                            event.connection == 0 ? std::string() : std::to_string(event.connection), event.kind,
                            escape_html(event.text));
    }
    html += "</table></div>\n";
    if (report.events.count() > kEventsShown) {
        html += fmt::format("<p>and {} more</p>\n", report.events.count() - kEventsShown);
    }
    return html;
}

}  // namespace

std::string to_html(const Report& report) {
    std::string html = begin_page("mynah watch " + report.options.address.to_string());
    html += head(report) + tiles(report);
    std::vector<Chart> all = timeline_charts(report);
    const std::vector<Chart> outages = outage_charts(report);
    all.insert(all.end(), outages.begin(), outages.end());
    html += charts("Time line", all);
    html += "<h2>Details</h2>\n<div class=\"grid2\">\n<div class=\"scroll\">" + byte_table(report) +
            "</div>\n<div class=\"scroll\">" + fact_table(report) + "</div>\n</div>\n";
    if (report.reconciliation) {
        html += ledger_html(*report.reconciliation);
    }
    return html + event_table(report) + end_page();
}

}  // namespace mynah::client::watch

// report_html.cpp -- a load's report as a page that needs nothing else: no script, no picture, no font from elsewhere.
#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "client/chart.hpp"
#include "client/counted.hpp"
#include "client/duration.hpp"
#include "client/exit_status.hpp"
#include "client/latency_histogram.hpp"
#include "client/latency_text.hpp"
#include "client/load/report.hpp"
#include "client/load/report_charts.hpp"
#include "client/load/tally.hpp"
#include "client/machine.hpp"
#include "client/page.hpp"
#include "client/report_values.hpp"
#include "net/driver.hpp"

namespace mynah::client::load {
namespace {

std::string_view verdict(const Report& report) {
    if (is_empty(report) && status_of(report) == ExitStatus::unreachable &&
        report.connected == report.options.connections) {
        return "Nothing was measured, so that nothing is verified.";
    }
    switch (status_of(report)) {
        case ExitStatus::verified:
            return "Verified: every byte came back as it was sent.";
        case ExitStatus::unreachable:
            return "Connections could not be made, or answers timed out.";
        default:
            return "Bytes differed or were lost, or connections ended early.";
    }
}

std::string head(const Report& report) {
    const std::string address = escape_html(report.options.address.to_string());
    const std::string html = fmt::format("<h1>mynah load {}</h1>\n<p>{}</p>\n<p>{}</p>\n", address,
                                         escape_html(describe_load(report.options)), utc(report.started));
    return html + verdict_box(status_of(report) != ExitStatus::verified, verdict(report), remarks_on(report));
}

std::string tiles(const Report& report) {
    const LatencyHistogram& times = report.from_planned;
    const std::uint64_t errors = report.measured.failed() + report.measured.of(Fate::in_flight);
    std::string html = "<div class=\"tiles\">\n";
    html += tile(grouped(static_cast<std::uint64_t>(std::llround(report.messages_per_second()))), "messages/s");
    html += tile(short_size(report.bytes_per_second()) + "/s", "each way");
    for (const auto& [percent, name] : {std::pair{50.0, "p50"}, std::pair{99.0, "p99"}, std::pair{99.9, "p99.9"}}) {
        html += tile(short_latency(times, times.percentile(percent)),
                     fmt::format("{} {}", name, report.is_open_loop() ? "from plan" : "round trip"));
    }
    html += tile(short_latency(times, times.max()), "slowest");
    html += tile(grouped(errors), "failed messages");
    return html + "</div>\n";
}

std::string latency_row(std::string_view name, const LatencyHistogram& times) {
    std::string html = fmt::format("<tr><td>{}</td>", name);
    for (const double percent : {50.0, 90.0, 99.0, 99.9, 99.99}) {
        html += fmt::format("<td>{}</td>", latency_cell(times, times.percentile(percent)));
    }
    return html + fmt::format("<td>{}</td><td>{}</td><td>{}</td></tr>\n", latency_cell(times, times.max()),
                              latency_cell(times, times.mean()), grouped(times.count()));
}

std::string latency_table(const Report& report) {
    std::string html =
        "<div class=\"scroll\"><table>\n<tr><th>latency, ms</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th>"
        "<th>p99.99</th><th>max</th><th>mean</th><th>messages</th></tr>\n";
    if (report.is_open_loop()) {
        html += latency_row("from plan", report.from_planned) + latency_row("from sending", report.from_sent);
        html += latency_row("generator late", report.generator.lag);
    } else {
        html += latency_row("round trip", report.from_sent);
    }
    return html + "</table></div>\n";
}

std::string outcome_row(std::string_view name, std::uint64_t measured, std::uint64_t warm_up) {
    return fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n", name, grouped(measured), grouped(warm_up));
}

std::string outcome_table(const Report& report) {
    std::string html = "<table>\n<tr><th>messages</th><th>measured</th><th>warm-up</th></tr>\n";
    if (report.is_open_loop()) {
        html += fmt::format("<tr><td>planned</td><td>{}</td><td></td></tr>\n", grouped(report.planned));
    }
    html += outcome_row("sent", report.measured.sent, report.warm_up.sent);
    for (const auto& [name, fate] : {std::pair{"verified", Fate::verified}, std::pair{"mismatched", Fate::mismatched},
                                     std::pair{"lost", Fate::lost}, std::pair{"timed out", Fate::timed_out},
                                     std::pair{"in flight at the end", Fate::in_flight}}) {
        html += outcome_row(name, report.measured.of(fate), report.warm_up.of(fate));
    }
    if (report.is_of_datagrams()) {
        for (const auto& [name, count] : rows_of(report.datagrams)) {
            html += fmt::format("<tr><td>{}, in all</td><td>{}</td><td></td></tr>\n", name, grouped(count));
        }
    }
    return html + "</table>\n";
}

std::string fact_table(const Report& report) {
    const Machine& machine = report.machine;
    const GeneratorUse& use = report.generator;
    std::string html = "<table>\n<tr><th>generator</th><th></th></tr>\n";
    html += fact("connections", fmt::format("{} of {}, in {} ms", report.connected, report.options.connections,
                                            format_milliseconds(report.connect_time)));
    html += fact("sending", fmt::format("{:.3f} s; all was back after {:.3f} s",
                                        std::chrono::duration<double>(report.measured_time).count(),
                                        std::chrono::duration<double>(report.elapsed).count()));
    html += fact("processor", fmt::format("{:.0f}% of a core used, {:.0f}% waited for one", use.used_share() * 100,
                                          use.waited_share() * 100));
    html += fact("driver", fmt::format("{} ({})", net::to_string(report.options.driver), report.driver));
    html += fact("timeout", format_duration(report.options.timeout));
    html += fact("machine", fmt::format("{}: {}, {}", machine.host,
                                        machine.processor.empty() ? "unknown processor" : machine.processor,
                                        count_of(machine.processors, "processor")));
    html += fact("system", machine.system);
    html += fact("mynah", machine.version);
    return html + "</table>\n";
}

}  // namespace

std::string to_html(const Report& report) {
    std::string html = begin_page("mynah load " + report.options.address.to_string());
    html += head(report) + tiles(report);
    html += charts("Latency", latency_charts(report)) + latency_table(report);
    html += charts("Time line", timeline_charts(report));
    html += "<h2>Details</h2>\n<div class=\"grid2\">\n<div class=\"scroll\">" + outcome_table(report) +
            "</div>\n<div class=\"scroll\">" + fact_table(report) + "</div>\n</div>\n";
    return html + end_page();
}

}  // namespace mynah::client::load

// report_html.cpp -- a load's report as a page that needs nothing else: no script, no picture, no font from elsewhere.
#include <chrono>
#include <cmath>
#include <cstdint>
#include <ratio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/counted.hpp"
#include "client/duration.hpp"
#include "client/exit_status.hpp"
#include "client/latency_histogram.hpp"
#include "client/load/chart.hpp"
#include "client/load/report.hpp"
#include "client/load/report_charts.hpp"
#include "client/load/tally.hpp"
#include "client/machine.hpp"
#include "client/report_values.hpp"
#include "net/driver.hpp"

namespace mynah::client::load {
namespace {

constexpr std::string_view kStyle = R"(
:root { --ink: #1b1f24; --soft: #5b6570; --rule: #d9dee4; --page: #ffffff; --card: #f6f8fa;
  --one: #1f6feb; --two: #c2570c; --three: #8b95a1; --bad: #c0262d; --good: #1a7f37; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9aa5b1; --rule: #333b44; --page: #0d1117; --card: #161b22;
    --one: #58a6ff; --two: #f0883e; --three: #7d8794; --bad: #ff7b72; --good: #3fb950; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 28px 24px 48px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 24px; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 32px 0 10px; }
p { margin: 4px 0; color: var(--soft); }
.verdict { margin: 18px 0; padding: 10px 14px; border-left: 5px solid var(--good); background: var(--card);
  color: var(--ink); }
.verdict.bad { border-color: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px; }
.tile { background: var(--card); border-radius: 6px; padding: 12px 14px; }
.tile b { display: block; font-size: 21px; white-space: nowrap; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); }
.grid2 { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 520px), 1fr)); gap: 20px; }
figure { margin: 0; padding: 14px 14px 8px; background: var(--card); border-radius: 6px; }
figcaption { font-weight: 600; margin-bottom: 6px; }
svg { display: block; width: 100%; height: auto; font-size: 12.5px; font-variant-numeric: tabular-nums; }
svg text { fill: var(--soft); font-size: 12.5px; }
svg .grid { stroke: var(--rule); stroke-width: 1; } svg .axis { stroke: var(--soft); stroke-width: 1; }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .line-1 { stroke: var(--one); } svg .line-2 { stroke: var(--two); } svg .line-3 { stroke: var(--three); }
svg .line-4 { stroke: var(--bad); }
svg .area-1 { fill: var(--one); opacity: .16; } svg .area-2 { fill: var(--two); opacity: .16; }
svg .area-4 { fill: var(--bad); opacity: .3; }
svg .dot-1 { fill: var(--one); } svg .dot-2 { fill: var(--two); }
svg .tip { fill: transparent; } svg .tip:hover { fill: var(--ink); opacity: .08; }
.scroll { overflow-x: auto; margin-top: 14px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { font-weight: 500; color: var(--soft); } th:first-child, td:first-child { text-align: left; }
td.text { text-align: left; white-space: normal; overflow-wrap: anywhere; }
ul { margin: 8px 0; padding-left: 20px; overflow-wrap: anywhere; }
)";

std::string tile(std::string_view value, std::string_view name) {
    return fmt::format("<div class=\"tile\"><b>{}</b><span>{}</span></div>\n", escape_html(value), escape_html(name));
}

/// Three digits are enough for a glance: "0.0441 ms", "321 ms".
std::string short_milliseconds(std::chrono::nanoseconds time) {
    const double milliseconds = std::chrono::duration<double, std::milli>(time).count();
    return milliseconds < 1000 ? fmt::format("{:.3g} ms", milliseconds) : fmt::format("{:.3g} s", milliseconds / 1000);
}

std::string_view verdict(const Report& report) {
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
    const bool bad = status_of(report) != ExitStatus::verified;
    std::string html = fmt::format("<h1>mynah load {}</h1>\n<p>{}</p>\n<p>{}</p>\n", address,
                                   escape_html(describe_load(report.options)), utc(report.started));
    html += fmt::format("<div class=\"verdict{}\">{}", bad ? " bad" : "", verdict(report));
    const std::vector<std::string> remarks = remarks_on(report);
    if (!remarks.empty()) {
        html += "\n<ul>\n";
        for (const std::string& remark : remarks) {
            html += "<li>" + escape_html(remark) + "</li>\n";
        }
        html += "</ul>\n";
    }
    return html + "</div>\n";
}

std::string tiles(const Report& report) {
    const LatencyHistogram& times = report.from_planned;
    const std::uint64_t errors = report.measured.failed() + report.measured.of(Fate::in_flight);
    std::string html = "<div class=\"tiles\">\n";
    html += tile(grouped(static_cast<std::uint64_t>(std::llround(report.messages_per_second()))), "messages/s");
    html += tile(short_size(report.bytes_per_second()) + "/s", "each way");
    for (const auto& [percent, name] : {std::pair{50.0, "p50"}, std::pair{99.0, "p99"}, std::pair{99.9, "p99.9"}}) {
        html += tile(short_milliseconds(times.percentile(percent)),
                     fmt::format("{} {}", name, report.is_open_loop() ? "from plan" : "round trip"));
    }
    html += tile(short_milliseconds(times.max()), "slowest");
    html += tile(grouped(errors), "failed messages");
    return html + "</div>\n";
}

std::string charts(std::string_view title, const std::vector<Chart>& all) {
    if (all.empty()) {
        return {};
    }
    std::string html = fmt::format("<h2>{}</h2>\n<div class=\"grid2\">\n", title);
    for (const Chart& chart : all) {
        html += to_svg(chart);
    }
    return html + "</div>\n";
}

std::string latency_row(std::string_view name, const LatencyHistogram& times) {
    std::string html = fmt::format("<tr><td>{}</td>", name);
    for (const double percent : {50.0, 90.0, 99.0, 99.9, 99.99}) {
        html += fmt::format("<td>{}</td>", format_milliseconds(times.percentile(percent)));
    }
    return html + fmt::format("<td>{}</td><td>{}</td><td>{}</td></tr>\n", format_milliseconds(times.max()),
                              format_milliseconds(times.mean()), grouped(times.count()));
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

std::string fact(std::string_view name, std::string_view value) {
    return fmt::format("<tr><td>{}</td><td class=\"text\">{}</td></tr>\n", name, escape_html(value));
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
    std::string html = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
    html += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    html += fmt::format("<title>mynah load {}</title>\n<style>{}</style>\n</head>\n<body>\n",
                        escape_html(report.options.address.to_string()), kStyle);
    html += head(report) + tiles(report);
    html += charts("Latency", latency_charts(report)) + latency_table(report);
    html += charts("Time line", timeline_charts(report));
    html += "<h2>Details</h2>\n<div class=\"grid2\">\n<div class=\"scroll\">" + outcome_table(report) +
            "</div>\n<div class=\"scroll\">" + fact_table(report) + "</div>\n</div>\n";
    return html + "</body>\n</html>\n";
}

}  // namespace mynah::client::load

#include "client/page.hpp"

#include <chrono>
#include <ratio>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "client/chart.hpp"
#include "client/latency_histogram.hpp"

namespace mynah::client {
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

}  // namespace

std::string begin_page(std::string_view title) {
    std::string html = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
    html += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    return html + fmt::format("<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n", escape_html(title), kStyle);
}

std::string end_page() {
    return "</body>\n</html>\n";
}

std::string verdict_box(bool bad, std::string_view verdict, const std::vector<std::string>& remarks) {
    std::string html = fmt::format("<div class=\"verdict{}\">{}", bad ? " bad" : "", verdict);
    if (!remarks.empty()) {
        html += "\n<ul>\n";
        for (const std::string& remark : remarks) {
            html += "<li>" + escape_html(remark) + "</li>\n";
        }
        html += "</ul>\n";
    }
    return html + "</div>\n";
}

std::string tile(std::string_view value, std::string_view name) {
    return fmt::format("<div class=\"tile\"><b>{}</b><span>{}</span></div>\n", escape_html(value), escape_html(name));
}

std::string short_milliseconds(std::chrono::nanoseconds time) {
    const double milliseconds = std::chrono::duration<double, std::milli>(time).count();
    // Three digits of 999.6 ms are 1,000 ms.
    return milliseconds < 999.5 ? fmt::format("{:.3g} ms", milliseconds) : fmt::format("{:.3g} s", milliseconds / 1000);
}

std::string short_latency(const LatencyHistogram& times, std::chrono::nanoseconds figure) {
    return times.count() == 0 ? "-" : short_milliseconds(figure);
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

std::string fact(std::string_view name, std::string_view value) {
    return fmt::format("<tr><td>{}</td><td class=\"text\">{}</td></tr>\n", name, escape_html(value));
}

}  // namespace mynah::client

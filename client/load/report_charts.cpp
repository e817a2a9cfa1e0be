#include "client/load/report_charts.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <ratio>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/chart.hpp"
#include "client/counted.hpp"
#include "client/duration.hpp"
#include "client/latency_histogram.hpp"
#include "client/load/report.hpp"
#include "client/load/tally.hpp"

namespace mynah::client::load {
namespace {

constexpr double kBinsPerDecade = 30;
constexpr double kNanosecond = 1e-6;  // in milliseconds
constexpr std::chrono::milliseconds kShortestMoment(100);

double milliseconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

struct Times {
    std::string name;
    std::size_t colour;
    const LatencyHistogram* histogram;
};

std::vector<Times> times_of(const Report& report) {
    if (report.is_open_loop()) {
        return {{.name = "from plan", .colour = 1, .histogram = &report.from_planned},
                {.name = "from sending", .colour = 2, .histogram = &report.from_sent}};
    }
    return {{.name = "round trip", .colour = 1, .histogram = &report.from_sent}};
}

Axis latency_axis(const std::vector<Times>& all) {
    double least = 1e12;
    double most = kNanosecond;
    for (const Times& times : all) {
        least = std::min(least, milliseconds(times.histogram->min()));
        most = std::max(most, milliseconds(times.histogram->max()));
    }
    return logarithmic_axis("latency, ms", std::max(least, kNanosecond), most);
}

/// Nines: 90% is 1, 99% is 2. As far as there are messages that tell percentiles apart.
Chart percentile_chart(const std::vector<Times>& all) {
    Chart chart{.title = "Latency by percentile", .x = {}, .y = latency_axis(all), .lines = {}, .tips = {}};
    std::uint64_t count = 10;
    for (const Times& times : all) {
        count = std::max(count, times.histogram->count());
    }
    const double most = std::log10(static_cast<double>(count));
    chart.x = {.title = "share of messages that are not slower, %",
               .scale = Scale::linear,
               .least = 0,
               .most = most,
               .ticks = {{.at = 0, .label = "0"}, {.at = -std::log10(0.5), .label = "50"}}};
    for (int nines = 1; nines <= static_cast<int>(most + 1e-9); ++nines) {
        const double percent = 100 - 100 * std::pow(10.0, -nines);
        chart.x.ticks.push_back(
            {.at = static_cast<double>(nines), .label = fmt::format("{:.{}f}", percent, std::max(nines - 2, 0))});
    }
    for (const Times& times : all) {
        Line line{.name = times.name, .colour = times.colour, .filled = false, .points = {}};
        const double total = static_cast<double>(times.histogram->count());
        std::uint64_t passed = 0;
        for (const auto& bucket : times.histogram->buckets()) {
            // Until its last message, a bucket's time is that of all percentiles from here on.
            const double share_left = (total - static_cast<double>(passed)) / total;
            const double latency = milliseconds(std::min(bucket.highest, times.histogram->max()));
            line.points.push_back({.x = -std::log10(share_left), .y = latency});
            passed += bucket.count;
        }
        line.points.push_back({.x = std::log10(total), .y = milliseconds(times.histogram->max())});
        chart.lines.push_back(std::move(line));
    }
    return chart;
}

/// The share of messages in each bin of equal width on a logarithmic axis.
Chart distribution_chart(const std::vector<Times>& all) {
    Axis latency = latency_axis(all);
    double highest = 0;
    std::vector<Line> lines;
    for (const Times& times : all) {
        std::map<int, double> bins;
        for (const auto& bucket : times.histogram->buckets()) {
            const double middle = milliseconds(bucket.lowest + (bucket.highest - bucket.lowest) / 2);
            bins[static_cast<int>(std::floor(std::log10(std::max(middle, kNanosecond)) * kBinsPerDecade))] +=
                static_cast<double>(bucket.count);
        }
        Line line{.name = times.name, .colour = times.colour, .filled = true, .points = {}};
        for (int bin = bins.begin()->first; bin <= bins.rbegin()->first; ++bin) {
            const auto found = bins.find(bin);
            const double share =
                found == bins.end() ? 0.0 : 100 * found->second / static_cast<double>(times.histogram->count());
            highest = std::max(highest, share);
            line.points.push_back({.x = std::pow(10.0, bin / kBinsPerDecade), .y = share});
            line.points.push_back({.x = std::pow(10.0, (bin + 1) / kBinsPerDecade), .y = share});
        }
        lines.push_back(std::move(line));
    }
    return {.title = "Latency distribution",
            .x = std::move(latency),
            .y = linear_axis("messages, %", highest),
            .lines = std::move(lines),
            .tips = {}};
}

Axis time_axis(const std::vector<Interval>& line) {
    const double end = line.empty() ? 1.0 : seconds(line.back().begin + line.back().length);
    Axis axis = linear_axis("time since the end of the warm-up, s", end);
    axis.most = end;
    std::erase_if(axis.ticks, [end](const Tick& tick) { return tick.at > end * 1.001; });
    return axis;
}

double rate(const Interval& interval) {
    const double length = seconds(interval.length);
    return length > 0 ? static_cast<double>(interval.verified) / length : 0.0;
}

/// An interval is a step: its value holds from its beginning to its end.
template <class Value>
Line steps(std::string name, std::size_t colour, const std::vector<Interval>& intervals, Value value) {
    Line line{.name = std::move(name), .colour = colour, .filled = false, .points = {}};
    for (const Interval& interval : intervals) {
        line.points.push_back({.x = seconds(interval.begin), .y = value(interval)});
        line.points.push_back({.x = seconds(interval.begin + interval.length), .y = value(interval)});
    }
    return line;
}

template <class Text>
std::vector<Tip> tips(const std::vector<Interval>& intervals, Text text) {
    std::vector<Tip> all;
    for (const Interval& interval : intervals) {
        const double from = seconds(interval.begin);
        const double to = seconds(interval.begin + interval.length);
        all.push_back(
            {.from = from, .to = to, .text = fmt::format("{:.4g} to {:.4g} s: {}", from, to, text(interval))});
    }
    return all;
}

Chart rate_chart(const std::vector<Interval>& line) {
    double highest = 0;
    for (const Interval& interval : line) {
        highest = std::max(highest, rate(interval));
    }
    Line rates = steps("rate", 1, line, rate);
    rates.filled = true;
    const auto text = [](const Interval& interval) { return fmt::format("{:.0f} messages/s", rate(interval)); };
    return {.title = "Rate of verified messages",
            .x = time_axis(line),
            .y = linear_axis("messages/s", highest),
            .lines = {std::move(rates)},
            .tips = tips(line, text)};
}

Chart latency_timeline(const std::vector<Interval>& line, bool from_plan) {
    // A second in which nothing came back has no latency.
    std::vector<Interval> answered;
    std::ranges::copy_if(line, std::back_inserter(answered), [](const Interval& one) { return one.verified > 0; });
    double least = 1e12;
    double most = kNanosecond;
    for (const Interval& interval : answered) {
        least = std::min(least, milliseconds(interval.p50));
        most = std::max(most, milliseconds(interval.max));
    }
    const auto text = [](const Interval& interval) {
        return fmt::format("p50 {} ms, p99 {} ms, max {} ms", format_milliseconds(interval.p50),
                           format_milliseconds(interval.p99), format_milliseconds(interval.max));
    };
    return {.title = from_plan ? "Latency from plan, second by second" : "Latency, second by second",
            .x = time_axis(line),
            .y = logarithmic_axis("latency, ms", std::max(std::min(least, most), kNanosecond), most),
            .lines = {steps("p50", 1, answered, [](const Interval& one) { return milliseconds(one.p50); }),
                      steps("p99", 2, answered, [](const Interval& one) { return milliseconds(one.p99); }),
                      steps("max", 3, answered, [](const Interval& one) { return milliseconds(one.max); })},
            .tips = tips(answered, text)};
}

Chart error_chart(const std::vector<Interval>& line) {
    double highest = 0;
    for (const Interval& interval : line) {
        highest = std::max(highest, static_cast<double>(interval.errors));
    }
    Line errors = steps("errors", 4, line, [](const Interval& one) { return static_cast<double>(one.errors); });
    errors.filled = true;
    const auto text = [](const Interval& interval) { return count_of(interval.errors, "error"); };
    return {.title = "Errors: messages that failed, and connections",
            .x = time_axis(line),
            .y = linear_axis("errors", highest),
            .lines = {std::move(errors)},
            .tips = tips(line, text)};
}

}  // namespace

std::vector<Chart> latency_charts(const Report& report) {
    const std::vector<Times> all = times_of(report);
    if (all.front().histogram->count() == 0) {
        return {};
    }
    return {percentile_chart(all), distribution_chart(all)};
}

std::vector<Chart> timeline_charts(const Report& report) {
    std::vector<Interval> line = thin_out(report.intervals);
    if (line.empty()) {
        return {};
    }
    // What was in flight at the end is back soon after: too short a stretch to speak of a rate.
    if (line.size() > 1 && line.back().errors == 0 && line.back().length < kShortestMoment) {
        line.pop_back();
    }
    std::vector<Chart> charts{rate_chart(line), latency_timeline(line, report.is_open_loop())};
    if (std::ranges::any_of(line, [](const Interval& one) { return one.errors > 0; })) {
        charts.push_back(error_chart(line));
    }
    return charts;
}

std::vector<Interval> thin_out(const std::vector<Interval>& intervals) {
    const std::size_t stride = (intervals.size() + kMostMoments - 1) / kMostMoments;
    std::vector<Interval> fewer;
    for (std::size_t i = 0; i < intervals.size(); ++i) {
        if (i % stride == 0) {
            fewer.push_back(intervals[i]);
            continue;
        }
        Interval& whole = fewer.back();
        whole.length += intervals[i].length;
        whole.verified += intervals[i].verified;
        whole.verified_bytes += intervals[i].verified_bytes;
        whole.errors += intervals[i].errors;
        whole.p50 = std::max(whole.p50, intervals[i].p50);
        whole.p99 = std::max(whole.p99, intervals[i].p99);
        whole.max = std::max(whole.max, intervals[i].max);
    }
    return fewer;
}

}  // namespace mynah::client::load

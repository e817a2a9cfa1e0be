#include "client/watch/report_charts.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <ratio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/chart.hpp"
#include "client/counted.hpp"
#include "client/duration.hpp"
#include "client/latency_histogram.hpp"
#include "client/watch/live_view.hpp"
#include "client/watch/records.hpp"
#include "client/watch/report.hpp"
#include "client/watch/timeline.hpp"
#include "conc/event_source.hpp"

namespace mynah::client::watch {
namespace {

constexpr std::size_t kMostMoments = 300;
constexpr std::size_t kMostEventsInATip = 6;
constexpr double kMarksAcross = 300;
constexpr std::chrono::milliseconds kShortestMoment(100);
constexpr double kBinsPerDecade = 10;
constexpr double kLeastMilliseconds = 1e-3;

double in_seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

double in_milliseconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

/// So many at most: counts added up, of latencies the highest.
std::vector<Second> thin_out(const std::vector<Second>& seconds) {
    const std::size_t stride = (seconds.size() + kMostMoments - 1) / kMostMoments;
    std::vector<Second> fewer;
    for (std::size_t i = 0; i < seconds.size(); ++i) {
        const Second& one = seconds[i];
        if (i % stride == 0) {
            fewer.push_back(one);
            continue;
        }
        Second& whole = fewer.back();
        whole.length += one.length;
        whole.sent += one.sent;
        whole.echoed += one.echoed;
        whole.lost_bytes += one.lost_bytes;
        whole.ended += one.ended;
        whole.refused += one.refused;
        whole.open = std::min(whole.open, one.open);
        whole.p50 = std::max(whole.p50, one.p50);
        whole.p99 = std::max(whole.p99, one.p99);
        whole.max = std::max(whole.max, one.max);
    }
    return fewer;
}

Axis time_axis(const std::vector<Second>& line) {
    const double end = in_seconds(line.back().begin + line.back().length);
    Axis axis = linear_axis("time, s", end);
    axis.most = end;
    std::erase_if(axis.ticks, [end](const Tick& tick) { return tick.at > end * 1.001; });
    return axis;
}

/// A second is a step: its value holds from its beginning to its end.
template <class Value>
Line steps(std::string name, std::size_t colour, bool filled, const std::vector<Second>& line, Value value) {
    Line drawn{.name = std::move(name), .colour = colour, .filled = filled, .points = {}};
    for (const Second& second : line) {
        drawn.points.push_back({.x = in_seconds(second.begin), .y = value(second)});
        drawn.points.push_back({.x = in_seconds(second.begin + second.length), .y = value(second)});
    }
    return drawn;
}

/// A line for each of the first few, and how many more there are.
class EventLines {
  public:
    void add(const Event& event, conc::TimePoint began) { add(describe(event, began)); }
    void add(std::string_view line) {
        if (++count_ <= kMostEventsInATip) {
            text_ += text_.empty() ? "" : "\n";
            text_ += line;
        }
    }
    bool empty() const noexcept { return count_ == 0; }
    std::string text() const {
        return count_ <= kMostEventsInATip ? text_ : text_ + fmt::format("\nand {} more", count_ - kMostEventsInATip);
    }

  private:
    std::string text_;
    std::size_t count_ = 0;
};

/// The numbers of each moment, and the first of the events in it.
std::vector<Tip> tips(const Report& report, const std::vector<Second>& line) {
    std::vector<Tip> all;
    for (const Second& second : line) {
        const double from = in_seconds(second.begin);
        const double to = in_seconds(second.begin + second.length);
        std::string text =
            fmt::format("{:.4g} to {:.4g} s: {} sent, {} echoed, p99 {} ms, {} lost, {} open", from, to, second.sent,
                        second.echoed, format_milliseconds(second.p99), count_bytes(second.lost_bytes), second.open);
        EventLines events;
        for (const Event& event : report.events.first) {
            const double at = in_seconds(event.at - report.began);
            if (at >= from && at < to) {
                events.add(event, report.began);
            }
        }
        text += events.empty() ? "" : "\n" + events.text();
        all.push_back({.from = from, .to = to, .text = std::move(text)});
    }
    return all;
}

/// An event's colour among those of the lines: blue for what came back, orange for a clean end, red for the rest.
std::size_t colour_of(const Event& event) {
    if (event.kind == "connected" || event.kind == "outage") {
        return 1;
    }
    return event.kind == "fin" || event.kind == "unacknowledged" ? 2 : 4;
}

/// Events of one colour that fall on one place are one mark. Of the seconds behind the last event that was kept their
/// counts are marked: losses red as such events are, endings grey, as of some it is not known how they were.
std::vector<Mark> marks(const Report& report) {
    const double place = std::max(in_seconds(report.elapsed), 1e-3) / kMarksAcross;
    std::map<std::pair<double, std::size_t>, EventLines> groups;
    for (const Event& event : report.events.first) {
        const double at = std::floor(in_seconds(event.at - report.began) / place) * place;
        groups[{at, colour_of(event)}].add(event, report.began);
    }
    for (const Second& second : report.seconds) {
        if (report.events.left_out == 0 || second.begin + report.began <= report.events.first.back().at) {
            continue;
        }
        const double at = std::floor(in_seconds(second.begin) / place) * place;
        const std::string when = fmt::format("{:.3f} s", in_seconds(second.begin));
        if (second.ended > 0) {
            groups[{at, 3}].add(fmt::format("{}  {} ended", when, count_of(second.ended, "connection")));
        }
        if (second.lost_bytes > 0) {
            groups[{at, 4}].add(fmt::format("{}  {} lost", when, count_bytes(second.lost_bytes)));
        }
    }
    std::vector<Mark> all;
    for (const auto& [key, events] : groups) {
        all.push_back({.at = key.first, .colour = key.second, .text = events.text()});
    }
    return all;
}

double rate(std::uint64_t count, const Second& second) {
    return second.length.count() > 0 ? static_cast<double>(count) / in_seconds(second.length) : 0.0;
}

template <class Value>
double highest(const std::vector<Second>& line, Value value) {
    double most = 0;
    for (const Second& second : line) {
        most = std::max(most, static_cast<double>(value(second)));
    }
    return most;
}

Chart rate_chart(const Report& report, const std::vector<Second>& line) {
    const auto echoed = [](const Second& one) { return rate(one.echoed, one); };
    const auto sent = [](const Second& one) { return rate(one.sent, one); };
    return {.title = "Frames sent, and echoed",
            .x = time_axis(line),
            .y = linear_axis("frames/s", std::max(highest(line, echoed), highest(line, sent))),
            .lines = {steps("sent", 3, false, line, sent), steps("echoed", 1, true, line, echoed)},
            .tips = tips(report, line),
            .marks = marks(report)};
}

Chart latency_chart(const Report& report, std::vector<Second> line) {
    const std::vector<Tip> all = tips(report, line);
    const Axis time = time_axis(line);
    // A second without an echo has no latency.
    std::erase_if(line, [](const Second& one) { return one.max.count() == 0; });
    double least = 1e12;
    double most = kLeastMilliseconds;
    for (const Second& second : line) {
        least = std::min(least, in_milliseconds(second.p50));
        most = std::max(most, in_milliseconds(second.max));
    }
    return {.title = "Latency from plan, second by second",
            .x = time,
            .y = logarithmic_axis("latency, ms", std::clamp(least, kLeastMilliseconds, most), most),
            .lines = {steps("p50", 1, false, line, [](const Second& one) { return in_milliseconds(one.p50); }),
                      steps("p99", 2, false, line, [](const Second& one) { return in_milliseconds(one.p99); }),
                      steps("max", 3, false, line, [](const Second& one) { return in_milliseconds(one.max); })},
            .tips = all};
}

Chart endings_chart(const Report& report, const std::vector<Second>& line) {
    const auto ended = [](const Second& one) { return static_cast<double>(one.ended); };
    const auto refused = [](const Second& one) { return static_cast<double>(one.refused); };
    return {.title = "Connections that ended, and attempts that failed",
            .x = time_axis(line),
            .y = linear_axis("count", std::max(highest(line, ended), highest(line, refused))),
            .lines = {steps("ended", 2, true, line, ended), steps("failed", 4, false, line, refused)},
            .tips = tips(report, line)};
}

Chart loss_chart(const Report& report, const std::vector<Second>& line) {
    const auto lost = [](const Second& one) { return static_cast<double>(one.lost_bytes); };
    return {.title = "Bytes lost or harmed",
            .x = time_axis(line),
            .y = linear_axis("bytes", highest(line, lost)),
            .lines = {steps("lost", 4, true, line, lost)},
            .tips = tips(report, line)};
}

}  // namespace

std::vector<Chart> timeline_charts(const Report& report) {
    std::vector<Second> line = thin_out(report.seconds);
    if (line.empty()) {
        return {};
    }
    // What was outstanding at the end is back soon after: too short a stretch to speak of a rate.
    const Second& last = line.back();
    if (line.size() > 1 && last.length < kShortestMoment && last.lost_bytes + last.ended + last.refused == 0) {
        line.pop_back();
    }
    std::vector<Chart> charts{rate_chart(report, line), latency_chart(report, line)};
    if (std::ranges::any_of(line, [](const Second& one) { return one.ended + one.refused > 0; })) {
        charts.push_back(endings_chart(report, line));
    }
    if (std::ranges::any_of(line, [](const Second& one) { return one.lost_bytes > 0; })) {
        charts.push_back(loss_chart(report, line));
    }
    return charts;
}

std::vector<Chart> outage_charts(const Report& report) {
    if (report.outage_lengths.count() == 0) {
        return {};
    }
    std::map<int, double> bins;
    double least = 1e12;
    double most = kLeastMilliseconds;
    for (const LatencyHistogram::Bucket& bucket : report.outage_lengths.buckets()) {
        const double length = std::max(in_milliseconds(bucket.lowest), kLeastMilliseconds);
        least = std::min(least, length);
        most = std::max(most, length);
        bins[static_cast<int>(std::floor(std::log10(length) * kBinsPerDecade))] += static_cast<double>(bucket.count);
    }
    Line line{.name = "outages", .colour = 2, .filled = true, .points = {}};
    double highest = 0;
    for (int bin = bins.begin()->first; bin <= bins.rbegin()->first; ++bin) {
        const auto found = bins.find(bin);
        const double count = found == bins.end() ? 0.0 : found->second;
        highest = std::max(highest, count);
        line.points.push_back({.x = std::pow(10.0, bin / kBinsPerDecade), .y = count});
        line.points.push_back({.x = std::pow(10.0, (bin + 1) / kBinsPerDecade), .y = count});
    }
    return {{.title = "How long outages were",
             .x = logarithmic_axis("length, ms", least, most * 1.3),
             .y = linear_axis("outages", highest),
             .lines = {std::move(line)},
             .tips = {}}};
}

}  // namespace mynah::client::watch

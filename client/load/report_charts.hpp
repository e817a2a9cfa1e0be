// report_charts.hpp -- the diagrams of a load's report.
#pragma once

#include <vector>

#include "client/chart.hpp"
#include "client/load/report.hpp"

namespace mynah::client::load {

/// None where nothing came back.
std::vector<Chart> latency_charts(const Report& report);

/// Along the time; the one of errors only where there are any.
std::vector<Chart> timeline_charts(const Report& report);

/// At most kMostMoments intervals, each of as many of the given ones as need be: the counts added up, of the latencies
/// the highest.
inline constexpr std::size_t kMostMoments = 300;
std::vector<Interval> thin_out(const std::vector<Interval>& intervals);

}  // namespace mynah::client::load

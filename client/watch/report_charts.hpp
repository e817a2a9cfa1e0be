// report_charts.hpp -- the diagrams of a watch's report.
#pragma once

#include <vector>

#include "client/chart.hpp"
#include "client/watch/report.hpp"

namespace mynah::client::watch {

/// Along the time: rate, latency, and where there was any, loss and connections that ended, with the events as tips.
std::vector<Chart> timeline_charts(const Report& report);

/// How long the outages were; none where there were none.
std::vector<Chart> outage_charts(const Report& report);

}  // namespace mynah::client::watch

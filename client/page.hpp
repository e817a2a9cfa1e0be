// page.hpp -- the parts that the pages of reports are made of: no script, no picture, no font from elsewhere.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "client/chart.hpp"
#include "client/latency_histogram.hpp"

namespace mynah::client {

/// As far as the opening tag of the body, and from its closing tag on.
std::string begin_page(std::string_view title);
std::string end_page();

/// What came of it, in one sentence, and what is to be remarked; `bad` is how it looks.
std::string verdict_box(bool bad, std::string_view verdict, const std::vector<std::string>& remarks);

/// A number for a glance, and what it is.
std::string tile(std::string_view value, std::string_view name);

/// Three digits are enough for a glance: "0.0441 ms", "321 ms".
std::string short_milliseconds(std::chrono::nanoseconds time);
/// One figure of `times`, or "-" where there are none.
std::string short_latency(const LatencyHistogram& times, std::chrono::nanoseconds figure);

/// Under a heading, side by side; nothing where there are none.
std::string charts(std::string_view title, const std::vector<Chart>& all);

/// A row of a table with two columns.
std::string fact(std::string_view name, std::string_view value);

}  // namespace mynah::client

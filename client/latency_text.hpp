// latency_text.hpp -- a histogram's figures in a table: milliseconds, or "-" where nothing was measured.
#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "client/latency_histogram.hpp"

namespace mynah::client {

/// One figure of `times`: "0.123", or "-" where there are none.
std::string latency_cell(const LatencyHistogram& times, std::chrono::nanoseconds figure);

/// A line: the name, `width` wide, these percentiles, the longest and the mean.
std::string latency_row(std::string_view name, std::size_t width, const LatencyHistogram& times,
                        std::initializer_list<double> percents);

}  // namespace mynah::client

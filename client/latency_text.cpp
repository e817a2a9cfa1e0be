#include "client/latency_text.hpp"

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "client/duration.hpp"
#include "client/latency_histogram.hpp"

namespace mynah::client {

std::string latency_cell(const LatencyHistogram& times, std::chrono::nanoseconds figure) {
    return times.count() == 0 ? "-" : format_milliseconds(figure);
}

std::string latency_row(std::string_view name, std::size_t width, const LatencyHistogram& times,
                        std::initializer_list<double> percents) {
    std::string row = fmt::format("{:<{}}", name, width);
    for (const double percent : percents) {
        row += fmt::format(" {:>10}", latency_cell(times, times.percentile(percent)));
    }
    return row + fmt::format(" {:>10} {:>10}\n", latency_cell(times, times.max()), latency_cell(times, times.mean()));
}

}  // namespace mynah::client

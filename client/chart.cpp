#include "client/chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "client/counted.hpp"

namespace mynah::client {
namespace {

constexpr double kWidth = 560;
constexpr double kHeight = 290;
constexpr double kLeft = 70;
constexpr double kRight = 18;
constexpr double kTop = 40;  // the legend stands there
constexpr double kBottom = 52;
constexpr double kPlotWidth = kWidth - kLeft - kRight;
constexpr double kPlotHeight = kHeight - kTop - kBottom;
constexpr double kTicksWanted = 5;
constexpr double kUnseen = 0.3;  // points closer than this are one
constexpr std::array<double, 3> kRoundSteps{1, 2, 5};

/// From 0 to 1 along the axis.
double place(const Axis& axis, double value) {
    const auto scaled = [&axis](double number) {
        return axis.scale == Scale::logarithmic ? std::log10(std::max(number, axis.least)) : number;
    };
    const double length = scaled(axis.most) - scaled(axis.least);
    return length > 0 ? std::clamp((scaled(value) - scaled(axis.least)) / length, 0.0, 1.0) : 0.0;
}

double place_x(const Chart& chart, double value) {
    return kLeft + place(chart.x, value) * kPlotWidth;
}

double place_y(const Chart& chart, double value) {
    return kTop + (1 - place(chart.y, value)) * kPlotHeight;
}

std::string label(double value) {
    return value >= 1000 ? grouped(static_cast<std::uint64_t>(std::llround(value))) : fmt::format("{:.6g}", value);
}

std::string draw_axes(const Chart& chart) {
    constexpr double kPlotBottom = kTop + kPlotHeight;
    std::string svg;
    for (const Tick& tick : chart.y.ticks) {
        const double y = place_y(chart, tick.at);
        svg += fmt::format("<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>", kLeft,
                           kWidth - kRight, y, y);
        svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", kLeft - 8, y + 4,
                           escape_html(tick.label));
    }
    for (const Tick& tick : chart.x.ticks) {
        const double x = place_x(chart, tick.at);
        svg += fmt::format("<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{}\" y2=\"{}\"/>", x, x, kTop,
                           kPlotBottom);
        svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", x, kPlotBottom + 18,
                           escape_html(tick.label));
    }
    svg += fmt::format("<line class=\"axis\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>\n", kLeft, kWidth - kRight,
                       kPlotBottom, kPlotBottom);
    svg += fmt::format("<text class=\"title\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", kWidth - kRight,
                       kHeight - 10, escape_html(chart.x.title));
    svg += fmt::format("<text class=\"title\" x=\"{}\" y=\"{}\" text-anchor=\"start\">{}</text>\n", 4, 18,
                       escape_html(chart.y.title));
    return svg;
}

std::string draw_line(const Chart& chart, const Line& line) {
    std::string path;
    double last_x = -kUnseen;
    double last_y = -kUnseen;
    for (const Point& point : line.points) {
        const double x = place_x(chart, point.x);
        const double y = place_y(chart, point.y);
        const bool is_last = &point == &line.points.back();
        if (is_last || std::abs(x - last_x) >= kUnseen || std::abs(y - last_y) >= kUnseen) {
            path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x, y);
            last_x = x;
            last_y = y;
        }
    }
    if (path.empty()) {
        return {};
    }
    std::string svg;
    if (line.filled) {
        svg += fmt::format("<path class=\"area-{}\" d=\"{}L{:.1f} {:.1f}L{:.1f} {:.1f}Z\"/>\n", line.colour, path,
                           place_x(chart, line.points.back().x), kTop + kPlotHeight,
                           place_x(chart, line.points.front().x), kTop + kPlotHeight);
    }
    svg += fmt::format("<path class=\"line line-{}\" d=\"{}\"/>\n", line.colour, path);
    if (line.points.size() == 1) {
        svg += fmt::format("<circle class=\"dot-{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"/>\n", line.colour,
                           place_x(chart, line.points.front().x), place_y(chart, line.points.front().y));
    }
    return svg;
}

/// Above the plot, from the right: each name behind a stroke of its colour.
std::string draw_legend(const Chart& chart) {
    constexpr double kCharacter = 7.2;
    constexpr double kStroke = 20;
    std::string svg;
    double right = kWidth - kRight;
    for (auto line = chart.lines.rbegin(); line != chart.lines.rend(); ++line) {
        const double left = right - kCharacter * static_cast<double>(line->name.size()) - kStroke - 8;
        svg += fmt::format("<line class=\"line line-{}\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"14\" y2=\"14\"/>",
                           line->colour, left, left + kStroke);
        svg += fmt::format("<text x=\"{:.1f}\" y=\"18\">{}</text>\n", left + kStroke + 6, escape_html(line->name));
        right = left - 14;
    }
    return svg;
}

std::string draw_tips(const Chart& chart) {
    std::string svg;
    for (const Tip& tip : chart.tips) {
        const double left = place_x(chart, tip.from);
        svg += fmt::format(
            "<rect class=\"tip\" x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\"><title>{}</title></rect>\n", left,
            kTop, std::max(place_x(chart, tip.to) - left, 1.0), kPlotHeight, escape_html(tip.text));
    }
    return svg;
}

std::string draw_marks(const Chart& chart) {
    constexpr double kLength = 12;
    std::string svg;
    for (const Mark& mark : chart.marks) {
        const double x = place_x(chart, mark.at);
        svg += fmt::format(
            "<line class=\"line line-{}\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{}\" y2=\"{}\"><title>{}</title></line>\n",
            mark.colour, x, x, kTop - kLength / 2, kTop + kLength / 2, escape_html(mark.text));
    }
    return svg;
}

/// The largest of 1, 2 and 5 times a power of ten that is not above `value`; or the least not below it.
double round_number(double value, bool up) {
    const double power = std::pow(10.0, std::floor(std::log10(value)));
    double below = power;
    for (const double step : kRoundSteps) {
        if (step * power <= value * (1 + 1e-9)) {
            below = step * power;
        } else if (up) {
            return below >= value * (1 - 1e-9) ? below : step * power;
        }
    }
    return !up || below >= value * (1 - 1e-9) ? below : 10 * power;
}

}  // namespace

std::string to_svg(const Chart& chart) {
    std::string svg = fmt::format("<figure>\n<figcaption>{}</figcaption>\n", escape_html(chart.title));
    svg += fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", kWidth, kHeight,
                       escape_html(chart.title));
    svg += draw_axes(chart);
    for (const Line& line : chart.lines) {
        svg += draw_line(chart, line);
    }
    if (chart.lines.size() > 1) {
        svg += draw_legend(chart);
    }
    return svg + draw_tips(chart) + draw_marks(chart) + "</svg>\n</figure>\n";
}

Axis linear_axis(std::string title, double most) {
    const double step = most > 0 ? round_number(most / kTicksWanted, true) : 1;
    const double count = most > 0 ? std::ceil(most / step - 1e-9) : 1;
    Axis axis{.title = std::move(title), .scale = Scale::linear, .least = 0, .most = count * step, .ticks = {}};
    for (double i = 0; i <= count; ++i) {
        axis.ticks.push_back({.at = i * step, .label = label(i * step)});
    }
    return axis;
}

Axis logarithmic_axis(std::string title, double least, double most) {
    Axis axis{.title = std::move(title), .scale = Scale::logarithmic, .least = least, .most = most, .ticks = {}};
    axis.least = round_number(least, false);
    axis.most = std::max(round_number(most, true), axis.least * 10);
    const double decades = std::log10(axis.most / axis.least);
    const bool only_powers = decades > 3;
    for (double power = std::pow(10.0, std::floor(std::log10(axis.least))); power <= axis.most * 1.001; power *= 10) {
        for (const double step : kRoundSteps) {
            const double at = step * power;
            if (at >= axis.least * 0.999 && at <= axis.most * 1.001 && (step == 1 || !only_powers)) {
                axis.ticks.push_back({.at = at, .label = label(at)});
            }
        }
    }
    return axis;
}

std::string escape_html(std::string_view text) {
    std::string escaped;
    for (const char character : text) {
        switch (character) {
            case '&':
                escaped += "&amp;";
                break;
            case '<':
                escaped += "&lt;";
                break;
            case '>':
                escaped += "&gt;";
                break;
            case '"':
                escaped += "&quot;";
                break;
            default:
                escaped += character;
        }
    }
    return escaped;
}

}  // namespace mynah::client

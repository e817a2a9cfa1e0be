// chart.hpp -- diagrams as SVG, to stand inside a page.
//
// What     to_svg() draws lines over two axes, each linear or logarithmic, with a title, units and a legend where there
//          is more than one line. Colours come from the page's style: classes line-1, line-2, ...
// Threads  any.
// Errors   none: what lies outside of an axis is drawn at its end, and lines without points are left out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mynah::client {

enum class Scale { linear, logarithmic };

struct Tick {
    double at;
    std::string label;
};

struct Axis {
    std::string title;  // with the unit
    Scale scale = Scale::linear;
    double least = 0;
    double most = 1;
    std::vector<Tick> ticks;
};

struct Point {
    double x;
    double y;
};

struct Line {
    std::string name;
    std::size_t colour = 1;
    bool filled = false;  // down to the x axis
    std::vector<Point> points;
};

/// What shows where the pointer rests on a stretch of the x axis.
struct Tip {
    double from;
    double to;
    std::string text;
};

/// A moment on the x axis: a stroke at the upper end of the plot.
struct Mark {
    double at;
    std::size_t colour = 1;
    std::string text;  // what shows where the pointer rests on it
};

struct Chart {
    std::string title;
    Axis x;
    Axis y;
    std::vector<Line> lines;
    std::vector<Tip> tips;
    std::vector<Mark> marks = {};
};

std::string to_svg(const Chart& chart);

/// From 0 to at least `most`, with ticks at round numbers.
Axis linear_axis(std::string title, double most);

/// From `least` to `most`, both above zero, widened to 1, 2 or 5 times a power of ten.
Axis logarithmic_axis(std::string title, double least, double most);

/// For text in HTML and SVG.
std::string escape_html(std::string_view text);

}  // namespace mynah::client

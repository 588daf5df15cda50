#include "tools/plotting/chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "tools/plotting/panel.h"

namespace basin {
namespace {

constexpr double kLeft = 84, kRight = 24, kTop = 34, kBottom = 64, kKeyRow = 18, kFigureTitle = 40;
constexpr double kAloneWidth = 640, kTogetherWidth = 440, kHeight = 360;
constexpr double kKeyLetter = 7.4, kKeySample = 58;  // pixels that an entry's text and line take

bool shown(const Chart& chart, double x, double y) {
  return std::isfinite(x) && std::isfinite(y) && (!chart.logarithmic_x || x > 0) && (!chart.logarithmic_y || y > 0);
}

Extent vertical_extent(const Chart& chart) {
  Extent all{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  const auto include = [&](double x, double y) {
    if (shown(chart, x, y)) all = {std::min(all.min, y), std::max(all.max, y)};
  };
  for (const ChartSeries& s : chart.series)
    for (std::size_t i = 0; i < s.x.size(); ++i) {
      include(s.x[i], s.y[i]);
      if (!s.high.empty()) include(s.x[i], s.high[i]);
      if (!s.low.empty() && !chart.logarithmic_y) include(s.x[i], s.low[i]);
    }
  return all;
}

std::string line_rows(const Chart& chart, const ChartSeries& s) {
  std::string rows;
  for (std::size_t i = 0; i < s.x.size(); ++i)
    rows += shown(chart, s.x[i], s.y[i]) ? fmt::format("{:.9g} {:.9g}\n", s.x[i], s.y[i]) : "\n";
  return rows;
}

// On a logarithmic axis a band that goes down to zero ends at the chart's lower edge.
std::string band_rows(const Chart& chart, const ChartSeries& s, double floor) {
  std::string rows;
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    const double low = chart.logarithmic_y ? std::max(s.low[i], floor) : s.low[i];
    rows += shown(chart, s.x[i], s.high[i]) && std::isfinite(low)
                ? fmt::format("{:.9g} {:.9g} {:.9g}\n", s.x[i], low, s.high[i])
                : "\n";
  }
  return rows;
}

// 1, 2, 5 times powers of ten over less than two decades, else powers of ten, at most eight.
std::vector<double> decade_ticks(double min, double max) {
  const double decades = std::log10(max / min);
  const int stride = std::max(1, static_cast<int>(std::ceil(decades / 8)));
  std::vector<double> result;
  for (int decade = static_cast<int>(std::floor(std::log10(min))); decade <= std::log10(max); ++decade)
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double value = digit * std::pow(10, decade);
      const bool taken = decades < 2 ? true : digit == 1 && decade % stride == 0;
      if (taken && value >= min && value <= max) result.push_back(value);
    }
  return result;
}

const char* style_text(SeriesStyle style) {
  switch (style) {
    case SeriesStyle::line:
      return "lines lw 2";
    case SeriesStyle::points:
      return "points pt 7 ps 0.6";
    case SeriesStyle::steps:
      return "histeps lw 1.8";
    case SeriesStyle::impulses:
      return "impulses lw 1.5";
  }
  return "lines";
}

std::string clauses(Script& script, const Chart& chart, double floor) {
  std::string plots;
  const auto add = [&](const std::string& clause) { plots += (plots.empty() ? "" : ", ") + clause; };
  for (const ChartSeries& s : chart.series)
    if (!s.low.empty())
      add(fmt::format("{} with filledcurves fs transparent solid 0.22 noborder lc rgb '{}' notitle",
                      script.data(band_rows(chart, s, floor)), chart_color(s.color)));
  for (const ChartSeries& s : chart.series)
    add(fmt::format("{} with {} dt {} lc rgb '{}' {}", script.data(line_rows(chart, s)), style_text(s.style),
                    s.dashed ? 2 : 1, chart_color(s.color),
                    s.name.empty() ? "notitle" : "title " + gnuplot_string(s.name)));
  return plots;
}

// The entries of a chart's key; more than kKeyInside stand below it, in columns and rows.
struct Key {
  std::size_t entries = 0, columns = 0, rows = 0;
};

Key key_of(const Chart& chart, double width) {
  Key key;
  std::size_t longest = 0;
  for (const ChartSeries& s : chart.series)
    if (!s.name.empty()) ++key.entries, longest = std::max(longest, s.name.size());
  if (key.entries <= kKeyInside) return key;
  const double entry = static_cast<double>(longest) * kKeyLetter + kKeySample;
  key.columns = std::min(key.entries, std::max<std::size_t>(1, static_cast<std::size_t>(width / entry)));
  key.rows = (key.entries + key.columns - 1) / key.columns;
  return key;
}

void set_key(Script& script, const Chart& chart, const Box& box) {
  const Key key = key_of(chart, box.width());
  if (key.rows > 0)
    script.command(
        "set key at graph 0.5, graph {:.4f} center top horizontal maxcols {} samplen 2 font ',{}' reverse Left",
        -(kBottom - 6) / box.height(), key.columns, kFontSize - 2);
  else if (key.entries > 0)
    script.command("set key at graph 0.985,0.97 right top samplen 1.6 opaque box lw 0.4 lc rgb '#c0c0c0' font ',{}'",
                   kFontSize - 2);
}

void draw_chart(Script& script, const Chart& chart, const Box& box) {
  const Extent y = vertical_extent(chart);
  check(y.min <= y.max, chart.title, ": there is nothing to draw: no value is finite");
  script.begin_panel(box, chart.title);
  script.command("set xlabel {}; set ylabel {} offset 1,0", gnuplot_string(chart.x_label),
                 gnuplot_string(chart.y_label));
  const bool points = std::any_of(chart.series.begin(), chart.series.end(),
                                  [](const auto& s) { return s.style == SeriesStyle::points; });
  script.command("set grid x y lw 0.6 lc rgb '#e4e4e4'; {}",
                 points ? "set offsets graph 0.03, graph 0.03, 0, 0" : "set autoscale xfix");
  if (chart.logarithmic_x) script.command("set logscale x; set format x '%g'");
  Extent range{chart.y_min, chart.y_max};
  if (range.min == 0 && range.max == 0) {
    const double room = (y.max > y.min ? y.max - y.min : std::max(std::abs(y.max), 1.0)) * 0.04;
    range = chart.logarithmic_y ? Extent{y.min / 1.3, y.max * 1.3} : Extent{y.min - room, y.max + room};
  }
  script.command("set yrange [{:.9g}:{:.9g}]", range.min, range.max);
  if (chart.logarithmic_y)
    script.command("set logscale y; set ytics {}", tick_list(decade_ticks(range.min, range.max), Scale{}));
  set_key(script, chart, box);
  script.command("plot {}", clauses(script, chart, range.min));
}

}  // namespace

const char* chart_color(int index) {
  static constexpr const char* kColors[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                            "#e69f00", "#56b4e9", "#8c6d31", "#303030"};
  return kColors[static_cast<std::size_t>(index) % std::size(kColors)];
}

Script draw_charts(const std::vector<Chart>& charts, const ChartsOptions& options, PictureFormat format) {
  check(!charts.empty(), "there is nothing to draw");
  const std::size_t columns = options.columns > 0 ? options.columns : std::min<std::size_t>(charts.size(), 3);
  const std::size_t rows = (charts.size() + columns - 1) / columns;
  const double around_x = kLeft + kRight, title = options.title.empty() ? 0 : kFigureTitle;
  const auto n = static_cast<double>(columns), m = static_cast<double>(rows);
  const bool chosen = options.size.width == 0;
  Size size = options.size;
  if (chosen) size.width = static_cast<int>(n * (around_x + (columns > 1 ? kTogetherWidth : kAloneWidth)));
  const double width = size.width / n - around_x;
  std::size_t key_rows = 0;
  for (const Chart& chart : charts) key_rows = std::max(key_rows, key_of(chart, width).rows);
  const double around_y = kTop + kBottom + static_cast<double>(key_rows) * kKeyRow;
  if (chosen) size.height = static_cast<int>(title + m * (around_y + kHeight));
  const double height = (size.height - title) / m - around_y;
  check(width >= 60 && height >= 40, "--size ", size.width, "x", size.height, " is too small for ", charts.size(),
        charts.size() == 1 ? " chart" : " charts");
  Script script(format, size, options.title);
  for (std::size_t i = 0; i < charts.size(); ++i) {
    const double left = static_cast<double>(i % columns) * (width + around_x) + kLeft;
    const double top = title + static_cast<double>(i / columns) * (height + around_y) + kTop;
    draw_chart(script, charts[i], {left, top, left + width, top + height});
  }
  return script;
}

}  // namespace basin

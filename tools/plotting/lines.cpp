#include "tools/plotting/lines.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "tools/plotting/panel.h"

namespace basin {
namespace {

constexpr double kLeft = 78, kRight = 74, kBottom = 84, kTop = 40, kFigureTitle = 40, kGap = 34;
constexpr double kAloneWidth = 640, kTogetherWidth = 500, kPanelHeight = 400;
constexpr int kTicks = 6;
constexpr const char *kLossColor = "#1f5fae", *kAccuracyColor = "#c8322b";

struct Series {
  const std::vector<double>* values;
  const char* name;
  const char* color;
  int dash;  // gnuplot's dash type
  bool accuracy;
};

std::vector<Series> series_of(const Curves& curves) {
  std::vector<Series> all = {{&curves.train_loss, "train loss", kLossColor, 1, false},
                             {&curves.test_loss, "test loss", kLossColor, 2, false},
                             {&curves.train_accuracy, "train accuracy", kAccuracyColor, 1, true},
                             {&curves.test_accuracy, "test accuracy", kAccuracyColor, 2, true}};
  std::erase_if(all, [](const Series& series) { return !std::isfinite(extent(*series.values).min); });
  return all;
}

bool has_accuracy(const Curves& curves) {
  const auto all = series_of(curves);
  return std::any_of(all.begin(), all.end(), [](const Series& series) { return series.accuracy; });
}

// Gaps are empty lines, at which gnuplot lifts the pen.
std::string rows_of(const std::vector<double>& x, const Series& series, const Scale& scale) {
  std::string rows;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double value = (*series.values)[i];
    rows += std::isfinite(value) ? fmt::format("{:.9g} {:.9g}\n", x[i], series.accuracy ? value : scale.height(value))
                                 : "\n";
  }
  return rows;
}

void set_loss_axis(Script& script, const LinesOptions& options, const Extent& loss, bool label) {
  const double low = options.scale.height(loss.min), high = options.scale.height(loss.max);
  const double room = (high > low ? high - low : 1) * 0.03;
  script.command("set yrange [{:.9g}:{:.9g}]", low - room, high + room);
  script.command("set ytics {} textcolor rgb '{}'",
                 tick_list(ticks(options.scale, loss.min, loss.max, kTicks), options.scale, label), kLossColor);
  if (label) script.command("set ylabel 'loss' textcolor rgb '{}'", kLossColor);
}

void set_accuracy_axis(Script& script, bool label) {
  script.command("set y2range [-3:103]; set y2tics 0,20,100 nomirror textcolor rgb '{}'", kAccuracyColor);
  if (!label) script.command("set y2tics format ''");
  if (label) script.command("set y2label 'accuracy (%)' rotate by -90 textcolor rgb '{}'", kAccuracyColor);
}

std::string clauses(Script& script, const Curves& curves, const Scale& scale) {
  std::string plots;
  for (const Series& series : series_of(curves))
    plots += fmt::format("{}{} with lines axes x1y{} lw 2 dt {} lc rgb '{}' title '{}'", plots.empty() ? "" : ", ",
                         script.data(rows_of(curves.x, series, scale)), series.accuracy ? 2 : 1, series.dash,
                         series.color, series.name);
  return plots;
}

}  // namespace

Extent loss_extent(const std::vector<Curves>& curves) {
  std::vector<double> all;
  for (const Curves& one : curves)
    for (const auto* values : {&one.train_loss, &one.test_loss}) all.insert(all.end(), values->begin(), values->end());
  return extent(all);
}

Script draw_lines(const std::vector<Curves>& curves, const LinesOptions& options, PictureFormat format) {
  const double n = static_cast<double>(curves.size()), top = options.title.empty() ? 6 : kFigureTitle;
  Size size = options.size;
  if (size.width == 0) {
    const double panels = n * (n > 1 ? kTogetherWidth : kAloneWidth) + (n - 1) * kGap;
    size = {static_cast<int>(kLeft + panels + kRight), static_cast<int>(top + kTop + kPanelHeight + kBottom)};
  }
  const double width = (size.width - kLeft - kRight - (n - 1) * kGap) / n;
  check(width >= 60 && size.height - top - kTop - kBottom >= 40, "--size ", size.width, "x", size.height,
        " is too small for ", curves.size(), curves.size() == 1 ? " picture" : " pictures side by side");
  Script script(format, size, options.title);
  for (std::size_t i = 0; i < curves.size(); ++i) {
    check(!series_of(curves[i]).empty(), curves[i].title, ": there is nothing to draw: no value is finite");
    const double left = kLeft + static_cast<double>(i) * (width + kGap);
    script.begin_panel({left, top + kTop, left + width, size.height - kBottom}, curves[i].title);
    const Extent x = extent(curves[i].x);
    script.command("set xrange [{:.9g}:{:.9g}]; set xlabel 'α' offset 0,0.5", x.min, x.max > x.min ? x.max : x.min + 1);
    script.command("set grid x y lw 0.6 lc rgb '#e4e4e4'");
    if (std::isfinite(options.loss.min)) set_loss_axis(script, options, options.loss, i == 0);
    if (has_accuracy(curves[i])) set_accuracy_axis(script, i + 1 == curves.size());
    script.command(
        "set key at screen {:.5f},{:.5f} center bottom horizontal maxrows 1 maxcols 4 samplen 2.2 width -1 font ',{}'",
        script.screen_x(left + width / 2), script.screen_y(size.height - 8), kFontSize - 2);
    script.command("plot {}", clauses(script, curves[i], options.scale));
  }
  return script;
}

}  // namespace basin

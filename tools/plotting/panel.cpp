#include "tools/plotting/panel.h"

#include <algorithm>
#include <cmath>

#include "tools/plotting/palette.h"

namespace basin {
namespace {

constexpr int kAxisTicks = 5, kBarTicks = 8;

}  // namespace

double Frame::color(double value) const {
  const Extent h = heights();
  return h.max > h.min ? std::clamp((scale.height(value) - h.min) / (h.max - h.min), 0.0, 1.0) : 0.5;
}

Field heights(const Field& field, const Scale& scale) {
  Field result = field;
  for (double& z : result.z) z = scale.height(z);
  return result;
}

Field smooth_heights(const Field& field, const Scale& scale, std::size_t target) {
  const std::size_t factor = refinement_for(field, target);
  const bool logarithmic = extent(field.z).min >= 0;
  const Scale unclipped{.logarithmic = logarithmic};
  Field result = refined(heights(field, unclipped), factor);
  for (double& z : result.z) z = scale.height(unclipped.value(z));
  return result;
}

std::string tick_list(const std::vector<double>& values, const Scale& scale, bool numbers) {
  std::string list;
  for (const double value : values)
    list +=
        fmt::format("{}'{}' {:.9g}", list.empty() ? "" : ", ", numbers ? number_text(value) : "", scale.height(value));
  return "(" + list + ")";
}

std::string gap_rows(const Field& field) {
  std::string rows;
  for (std::size_t row = 0; row + 1 < field.y.size(); ++row)
    for (std::size_t column = 0; column + 1 < field.x.size(); ++column) {
      const double sum =
          field.at(row, column) + field.at(row, column + 1) + field.at(row + 1, column) + field.at(row + 1, column + 1);
      if (std::isfinite(sum)) continue;
      const double left = field.x[column], right = field.x[column + 1], low = field.y[row], high = field.y[row + 1];
      rows += fmt::format("{:.9g} {:.9g} {:.9g} {:.9g} {:.9g} {:.9g}\n", (left + right) / 2, (low + high) / 2, left,
                          right, low, high);
    }
  return rows;
}

void set_axes(Script& script, const Panel& panel, const Frame& frame) {
  const Scale plain;
  script.command("set xrange [{:.9g}:{:.9g}]; set yrange [{:.9g}:{:.9g}]", frame.x.min, frame.x.max, frame.y.min,
                 frame.y.max);
  script.command("set xtics {}", tick_list(round_steps(frame.x.min, frame.x.max, kAxisTicks), plain));
  const auto rows = round_steps(frame.y.min, frame.y.max, kAxisTicks);
  script.command("set ytics {}", tick_list(rows, plain, panel.y_axis));
  script.command("set xlabel {}", gnuplot_string(frame.x_label));
  const bool symbol = frame.y_label == "β";  // upright; words run along the axis
  script.command("{}", panel.y_axis ? fmt::format("set ylabel {}{}", gnuplot_string(frame.y_label),
                                                  symbol ? " rotate by 0 offset 1.5,0" : " offset 0.5,0")
                                    : "unset ylabel");
}

void mark_center(Script& script, const Frame& frame) {
  if (frame.x.min > 0 || frame.x.max < 0 || frame.y.min > 0 || frame.y.max < 0) return;
  for (const auto& [color, width, size] : {std::tuple{"white", 3.0, 0.9}, std::tuple{"#c03028", 1.5, 0.8}})
    script.command("set label '' at 0,0 point pt 1 ps {} lw {} lc rgb '{}' front", size, width, color);
}

void set_color_bar(Script& script, const Box& box, const Frame& frame) {
  const Extent h = frame.heights();
  script.command("set colorbox user origin {:.5f},{:.5f} size {:.5f},{:.5f}", script.screen_x(box.left),
                 script.screen_y(box.bottom), script.screen_x(box.width()), 1 - script.screen_y(box.height()));
  script.command("set cbrange [{:.9g}:{:.9g}]", h.min, h.max > h.min ? h.max : h.min + 1);
  script.command("set cbtics {}",
                 tick_list(ticks(frame.scale, frame.values.min, frame.values.max, kBarTicks), frame.scale));
  script.command("set cblabel {} offset 1.2,0", gnuplot_string(frame.quantity));
}

}  // namespace basin

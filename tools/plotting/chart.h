// Curves over one axis: spectral densities, losses per epoch, weight norms, histograms, losses along curves.
#pragma once
#include <string>
#include <vector>

#include "tools/plotting/script.h"

namespace basin {

enum class SeriesStyle : std::uint8_t { line, points, steps, impulses };

// A value that is not finite is a gap.
struct ChartSeries {
  std::string name;  // "": not in the key
  std::vector<double> x, y;
  std::vector<double> low, high;  // a band around y; empty: none
  SeriesStyle style = SeriesStyle::line;
  int color = 0;  // place in chart_color()
  bool dashed = false;
};

struct Chart {
  std::string title, x_label, y_label;
  std::vector<ChartSeries> series;
  bool logarithmic_x = false, logarithmic_y = false;  // values that are not positive are gaps there
  double y_min = 0, y_max = 0;                        // both 0: of the values
};

struct ChartsOptions {
  std::string title = {};
  Size size = {};           // {0, 0}: chosen
  std::size_t columns = 0;  // 0: up to three side by side
};

inline constexpr std::size_t kKeyInside = 4;  // entries of a key within its chart; a longer one stands below

// Okabe and Ito's colours, which the colour-blind can tell apart; they repeat after eight.
const char* chart_color(int index);

// A grid of charts with axes of their own. Error, with its title, for a chart without a finite value.
Script draw_charts(const std::vector<Chart>& charts, const ChartsOptions& options, PictureFormat format);

}  // namespace basin

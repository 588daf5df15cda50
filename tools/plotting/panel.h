// One picture of one field, in the frame that all panels of a figure share.
#pragma once
#include <string>
#include <vector>

#include "tools/plotting/field.h"
#include "tools/plotting/scale.h"
#include "tools/plotting/script.h"

namespace basin {

// What makes panels comparable.
struct Frame {
  Scale scale;
  Extent x, y;    // axes
  Extent values;  // of the colour scale and the levels, before `scale`
  std::vector<double> levels;
  std::string quantity;  // "train loss"
  std::string x_label = "α", y_label = "β";
  Extent heights() const { return {scale.height(values.min), scale.height(values.max)}; }
  double color(double value) const;  // position in the palette, 0 to 1
};

struct Panel {
  Box box;
  const Field* field = nullptr;  // values, oriented
  bool y_axis = true;            // false: the panel on the left shows its numbers and name
};

void draw_contour(Script& script, const Panel& panel, const Frame& frame);    // lines with their levels as text
void draw_filled(Script& script, const Panel& panel, const Frame& frame);     // bands between levels, and the lines
void draw_heatmap(Script& script, const Panel& panel, const Frame& frame);    // a rectangle a point
void draw_surface3d(Script& script, const Panel& panel, const Frame& frame);  // lit from the side

// Shared by the above.
void set_axes(Script& script, const Panel& panel, const Frame& frame);
void mark_center(Script& script, const Frame& frame);  // theta*, where the axes hold it
Field heights(const Field& field, const Scale& scale);
// heights() on about `target` intervals along the longer axis. Losses, and all else that is nowhere negative, are
// interpolated as ln(z + 0.1): walls that grow exponentially give smooth lines, and clipping leaves no scallops.
Field smooth_heights(const Field& field, const Scale& scale, std::size_t target);
// ("0.1" -1.6, ...), or the ticks alone.
std::string tick_list(const std::vector<double>& values, const Scale& scale, bool numbers = true);
// The cells that a gap leaves empty, as boxes "x y left right bottom top".
std::string gap_rows(const Field& field);
inline constexpr const char* kGapStyle = "with boxxyerror fs solid noborder fc rgb '#e6e6e6'";

// The bar beside a row of panels; it takes effect on the next plot.
void set_color_bar(Script& script, const Box& box, const Frame& frame);

}  // namespace basin

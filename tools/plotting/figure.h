// A whole picture: fields side by side in columns, a row for each kind of drawing, all on the same axes, levels and
// colours.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/plotting/panel.h"
#include "tools/plotting/path.h"

namespace basin {

enum class FieldKind : std::uint8_t { contour, filled, heatmap, surface };

struct FigureOptions {
  std::vector<FieldKind> rows{FieldKind::contour};
  Scale scale = {};
  std::optional<double> min = {}, max = {};  // of the colours and levels; default: of the values
  Levels levels = {};
  std::string quantity = "train loss";
  bool loss = true;  // else an accuracy in %
  std::string title = {};
  Size size = {};           // {0, 0}: chosen
  std::size_t columns = 0;  // of fields; 0: all side by side
  std::string x_label = "α", y_label = "β";
  std::vector<std::vector<Path>> paths = {};  // drawn over each field; empty: none
};

// Fields have at least 2 x 2 points and one finite value between them; Error if not.
Script draw_figure(const std::vector<Field>& fields, const FigureOptions& options, PictureFormat format);

}  // namespace basin

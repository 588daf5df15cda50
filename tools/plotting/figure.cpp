#include "tools/plotting/figure.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace basin {
namespace {

// Pixels around the plotting areas, and of one of them where the size is free.
constexpr double kLeft = 78, kRight = 24, kBottom = 62, kPanelTitle = 36, kFigureTitle = 40, kGap = 26, kRowGap = 34;
constexpr double kTitledRowGap = 58;  // an axis' name above the titles of the next fields
constexpr double kBarGap = 22, kBarWidth = 16, kBarText = 88;
constexpr double kAlone = 560, kTogether = 440;
constexpr double kMostElongated = 2.5;  // axes keep one scale up to this ratio of their ranges

Frame frame_of(const std::vector<Field>& fields, const FigureOptions& options) {
  Frame frame;
  frame.scale = options.scale;
  frame.quantity = options.quantity;
  frame.x_label = options.x_label;
  frame.y_label = options.y_label;
  frame.x = {fields[0].x.front(), fields[0].x.back()};
  frame.y = {fields[0].y.front(), fields[0].y.back()};
  for (const Field& field : fields) {
    frame.x = {std::min(frame.x.min, field.x.front()), std::max(frame.x.max, field.x.back())};
    frame.y = {std::min(frame.y.min, field.y.front()), std::max(frame.y.max, field.y.back())};
  }
  const Extent found = extent(fields);
  check(found.min <= found.max, "there is nothing to draw: no value of ", options.quantity, " is finite");
  frame.values.min = options.min.value_or(std::min(found.min, options.scale.clip));
  frame.values.max = options.max.value_or(std::min(found.max, options.scale.clip));
  check(frame.values.min <= frame.values.max, "--min ", frame.values.min, " is above --max ", frame.values.max);
  check(std::isfinite(options.scale.height(frame.values.min)), "a logarithmic scale needs values above -0.1, found ",
        frame.values.min, " (leave --log out)");
  frame.levels = options.levels.values;
  if (frame.levels.empty())
    frame.levels = contour_levels(frame.scale, frame.values.min, frame.values.max, options.levels.count, options.loss);
  return frame;
}

struct Layout {
  Size size;
  double panel_width, panel_height, top, row_gap;
  bool bar;
  Box box(std::size_t row, std::size_t column) const {
    const double left = kLeft + static_cast<double>(column) * (panel_width + kGap);
    const double upper = top + kPanelTitle + static_cast<double>(row) * (panel_height + kPanelTitle + row_gap);
    return {left, upper, left + panel_width, upper + panel_height};
  }
};

// Panels: `columns` side by side, in rows of fields, each as many rows as there are kinds.
Layout layout_of(const Frame& frame, const FigureOptions& options, std::size_t columns, std::size_t field_rows) {
  Layout layout;
  layout.bar =
      std::any_of(options.rows.begin(), options.rows.end(), [](FieldKind k) { return k != FieldKind::contour; });
  layout.top = options.title.empty() ? 6 : kFigureTitle;
  layout.row_gap = field_rows > 1 ? kTitledRowGap : kRowGap;
  const double n = static_cast<double>(columns), rows = static_cast<double>(options.rows.size() * field_rows);
  const double width = kLeft + (n - 1) * kGap + (layout.bar ? kBarGap + kBarWidth + kBarText : kRight);
  const double height = layout.top + rows * kPanelTitle + (rows - 1) * layout.row_gap + kBottom;
  const double ratio = (frame.y.max - frame.y.min) / (frame.x.max - frame.x.min);
  const double aspect = ratio >= 1 / kMostElongated && ratio <= kMostElongated ? ratio : 1;
  layout.panel_width = columns == 1 ? kAlone : kTogether;
  if (options.size.width > 0)
    layout.panel_width = std::min((options.size.width - width) / n, (options.size.height - height) / rows / aspect);
  check(layout.panel_width >= 40, "--size ", options.size.width, "x", options.size.height, " is too small for ",
        columns, columns == 1 ? " picture" : " pictures side by side");
  layout.panel_height = layout.panel_width * aspect;
  layout.size = options.size;
  if (options.size.width == 0)
    layout.size = {static_cast<int>(std::ceil(width + n * layout.panel_width)),
                   static_cast<int>(std::ceil(height + rows * layout.panel_height))};
  return layout;
}

void draw(Script& script, FieldKind kind, const Panel& panel, const Frame& frame) {
  switch (kind) {
    case FieldKind::contour:
      return draw_contour(script, panel, frame);
    case FieldKind::filled:
      return draw_filled(script, panel, frame);
    case FieldKind::heatmap:
      return draw_heatmap(script, panel, frame);
    case FieldKind::surface:
      return draw_surface3d(script, panel, frame);
  }
}

}  // namespace

Script draw_figure(const std::vector<Field>& given, const FigureOptions& options, PictureFormat format) {
  std::vector<Field> fields;
  for (const Field& field : given) {
    check(field.x.size() >= 2 && field.y.size() >= 2, field.title,
          ": a picture of the plane needs at least 2 x 2 points, found ", field.x.size(), " x ", field.y.size());
    fields.push_back(oriented(field));
  }
  const Frame frame = frame_of(fields, options);
  check(options.paths.empty() || options.paths.size() == fields.size(), "figure: paths over ", options.paths.size(),
        " fields of ", fields.size());
  const std::size_t columns = options.columns > 0 ? std::min(options.columns, fields.size()) : fields.size();
  const Layout layout = layout_of(frame, options, columns, (fields.size() + columns - 1) / columns);
  Script script(format, layout.size, options.title);
  for (std::size_t i = 0; i < fields.size(); ++i)
    for (std::size_t kind = 0; kind < options.rows.size(); ++kind) {
      const std::size_t column = i % columns, row = i / columns * options.rows.size() + kind;
      const Panel panel{layout.box(row, column), &fields[i], column == 0};
      script.begin_panel(panel.box, kind == 0 ? fields[i].title : "");
      const bool last = column + 1 == columns || i + 1 == fields.size();
      script.command("unset colorbox; set cbrange [{:.9g}:{:.9g}]", frame.heights().min, frame.heights().max);
      if (last && options.rows[kind] != FieldKind::contour) {
        const double left = panel.box.right + kBarGap;
        set_color_bar(script, {left, panel.box.top, left + kBarWidth, panel.box.bottom}, frame);
      }
      if (!options.paths.empty() && options.rows[kind] != FieldKind::surface)
        for (const Path& path : options.paths[i]) draw_path(script, frame, path);
      draw(script, options.rows[kind], panel, frame);
    }
  return script;
}

}  // namespace basin

#include "landscape/export/text.h"

#include <charconv>
#include <cmath>
#include <string>

#include "core/atomic_file.h"
#include "core/error.h"
#include "landscape/export/mesh.h"

namespace basin {
namespace {

// The shortest text that gives the number back.
std::string number_text(double value) {
  if (std::isnan(value)) return "nan";  // whatever its sign
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

// A text of several lines as one line.
std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return text;
}

}  // namespace

void write_csv(const std::filesystem::path& path, const PointTable& table) {
  const bool flat = table.arrangement != Arrangement::line;
  std::string text = table.x_name + (flat ? ',' + table.y_name : "");
  for (const PointColumn& column : table.columns)
    text += ',' + column.name + (column.unit.empty() ? "" : " [" + column.unit + "]");
  text += '\n';
  for (std::size_t point = 0; point < table.size(); ++point) {
    text += number_text(table.x_at(point));
    if (flat) text += ',' + number_text(table.y_at(point));
    for (const PointColumn& column : table.columns) text += ',' + number_text(column.values[point]);
    text += '\n';
  }
  write_file(path, text);
}

void write_obj(const std::filesystem::path& path, const PointTable& table, const std::vector<double>& heights) {
  const Mesh mesh = make_mesh(table, heights);
  std::string text;
  for (const auto& [name, value] : table.attributes) text += "# " + name + ": " + one_line(value) + '\n';
  for (const std::size_t point : mesh.points)
    text += "v " + number_text(table.x_at(point)) + ' ' + number_text(table.y_at(point)) + ' ' +
            number_text(heights[point]) + '\n';
  const auto add = [&](const char* kind, const auto& cell) {
    text += kind;
    for (const std::int64_t point : cell) text += ' ' + std::to_string(point + 1);  // OBJ counts from 1
    text += '\n';
  };
  for (const auto& quad : mesh.quads) add("f", quad);
  for (const auto& chain : mesh.chains) add("l", chain);
  write_file(path, text);
}

}  // namespace basin

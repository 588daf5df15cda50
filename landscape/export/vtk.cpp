#include "landscape/export/vtk.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <span>
#include <string>

#include "core/atomic_file.h"
#include "core/error.h"
#include "landscape/export/mesh.h"

namespace basin {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint8_t kHiddenPoint = 2;  // vtkDataSetAttributes::HIDDENPOINT

// RFC 4648, section 4.
std::string base64(const std::string& bytes) {
  constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t k) -> std::uint32_t {
      return i + k < bytes.size() ? static_cast<std::uint8_t>(bytes[i + k]) : 0;
    };
    const std::uint32_t group = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (std::size_t k = 0; k < 4; ++k) text += i + k > bytes.size() ? '=' : kDigits[group >> (18 - 6 * k) & 63];
  }
  return text;
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  const std::uint64_t size = values.size() * sizeof(T);
  std::string bytes(sizeof size + size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  if (size > 0) std::memcpy(bytes.data() + sizeof size, values.data(), size);
  return bytes;
}

template <class T>
constexpr const char* kTypeName = nullptr;
template <>
constexpr const char* kTypeName<double> = "Float64";
template <>
constexpr const char* kTypeName<std::int64_t> = "Int64";
template <>
constexpr const char* kTypeName<std::uint8_t> = "UInt8";

// The text of one file.
class Xml {
 public:
  void line(const std::string& text) { text_ += text + '\n'; }

  template <class T>
  void array(const std::string& name, const std::vector<T>& values, int components = 1) {
    line("<DataArray type=\"" + std::string(kTypeName<T>) + "\" Name=\"" + escaped(name) + "\" NumberOfComponents=\"" +
         std::to_string(components) + "\" format=\"binary\">");
    line(base64(bytes_of(values)));
    line("</DataArray>");
  }

  // Texts are arrays of characters that end with 0; only the ASCII form writes them out as numbers.
  void texts(const std::map<std::string, std::string>& attributes) {
    if (attributes.empty()) return;
    line("<FieldData>");
    for (const auto& [name, value] : attributes) {
      line("<Array type=\"String\" Name=\"" + escaped(name) + "\" NumberOfTuples=\"1\" format=\"ascii\">");
      std::string codes;
      for (const char c : value) codes += std::to_string(static_cast<unsigned char>(c)) + ' ';
      line(codes + '0');
      line("</Array>");
    }
    line("</FieldData>");
  }

  const std::string& text() const { return text_; }

 private:
  static std::string escaped(const std::string& text) {
    std::string result;
    for (const char c : text) {
      if (static_cast<unsigned char>(c) < ' ')
        result += ' ';  // XML has no control characters
      else if (c == '&')
        result += "&amp;";
      else if (c == '<')
        result += "&lt;";
      else if (c == '"')
        result += "&quot;";
      else
        result += c;
    }
    return result;
  }

  std::string text_;
};

template <class T>
std::vector<T> selected(const std::vector<double>& values, const std::vector<std::size_t>& points) {
  std::vector<T> result;
  result.reserve(points.size());
  for (const std::size_t point : points) result.push_back(static_cast<T>(values[point]));
  return result;
}

void write_columns(Xml& xml, const PointTable& table, const std::vector<std::size_t>& points) {
  for (const PointColumn& column : table.columns) {
    const std::string name = column.name + (column.unit.empty() ? "" : " [" + column.unit + "]");
    if (column.type == ColumnType::real) xml.array(name, selected<double>(column.values, points));
    if (column.type == ColumnType::count) xml.array(name, selected<std::int64_t>(column.values, points));
    if (column.type == ColumnType::flag) xml.array(name, selected<std::uint8_t>(column.values, points));
  }
}

void write_points(Xml& xml, const PointTable& table, const std::vector<double>& heights,
                  const std::vector<std::size_t>& points) {
  std::vector<double> places;
  for (const std::size_t point : points)
    places.insert(places.end(), {table.x_at(point), table.y_at(point), heights[point]});
  xml.line("<Points>");
  xml.array("Points", places, 3);
  xml.line("</Points>");
}

// Cells of any number of points: all their points, and where each cell's end.
void write_cells(Xml& xml, const char* kind, const std::vector<std::int64_t>& connectivity,
                 const std::vector<std::int64_t>& offsets) {
  xml.line(std::string("<") + kind + ">");
  xml.array("connectivity", connectivity);
  xml.array("offsets", offsets);
  xml.line(std::string("</") + kind + ">");
}

template <class Cells>
void write_cells_of(Xml& xml, const char* kind, const Cells& cells) {
  std::vector<std::int64_t> connectivity, offsets;
  for (const auto& cell : cells) {
    connectivity.insert(connectivity.end(), cell.begin(), cell.end());
    offsets.push_back(static_cast<std::int64_t>(connectivity.size()));
  }
  write_cells(xml, kind, connectivity, offsets);
}

void begin(Xml& xml, const std::string& type) {
  xml.line("<?xml version=\"1.0\"?>");
  xml.line("<VTKFile type=\"" + type + "\" version=\"1.0\" byte_order=\"LittleEndian\" header_type=\"UInt64\">");
}

}  // namespace

void write_vts(const std::filesystem::path& path, const PointTable& table, const std::vector<double>& heights) {
  check(table.arrangement == Arrangement::plane, "'", path.string(),
        "': a structured grid (.vts) is of a plane; lines and trajectories go into .vtp");
  const std::vector<std::size_t> with_height = make_mesh(table, heights).points;
  double lowest = heights[with_height.front()];
  for (const std::size_t point : with_height) lowest = std::min(lowest, heights[point]);
  std::vector<double> drawn(heights.size(), lowest);
  std::vector<std::uint8_t> ghosts(heights.size(), kHiddenPoint);
  for (const std::size_t point : with_height) {
    drawn[point] = heights[point];
    ghosts[point] = 0;
  }
  std::vector<std::size_t> all(table.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;

  const std::string extent =
      "0 " + std::to_string(table.x.size() - 1) + " 0 " + std::to_string(table.y.size() - 1) + " 0 0";
  Xml xml;
  begin(xml, "StructuredGrid");
  xml.line("<StructuredGrid WholeExtent=\"" + extent + "\">");
  xml.texts(table.attributes);
  xml.line("<Piece Extent=\"" + extent + "\">");
  xml.line("<PointData>");
  write_columns(xml, table, all);
  if (with_height.size() < all.size()) xml.array("vtkGhostType", ghosts);
  xml.line("</PointData>");
  write_points(xml, table, drawn, all);
  xml.line("</Piece>\n</StructuredGrid>\n</VTKFile>");
  write_file(path, xml.text());
}

void write_vtp(const std::filesystem::path& path, const PointTable& table, const std::vector<double>& heights) {
  const Mesh mesh = make_mesh(table, heights);
  Xml xml;
  begin(xml, "PolyData");
  xml.line("<PolyData>");
  xml.texts(table.attributes);
  xml.line("<Piece NumberOfPoints=\"" + std::to_string(mesh.points.size()) + "\" NumberOfVerts=\"0\" NumberOfLines=\"" +
           std::to_string(mesh.chains.size()) + "\" NumberOfStrips=\"0\" NumberOfPolys=\"" +
           std::to_string(mesh.quads.size()) + "\">");
  xml.line("<PointData>");
  write_columns(xml, table, mesh.points);
  xml.line("</PointData>");
  write_points(xml, table, heights, mesh.points);
  if (!mesh.chains.empty()) write_cells_of(xml, "Lines", mesh.chains);
  if (!mesh.quads.empty()) write_cells_of(xml, "Polys", mesh.quads);
  xml.line("</Piece>\n</PolyData>\n</VTKFile>");
  write_file(path, xml.text());
}

}  // namespace basin

#include "tools/plotting/isolines.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <unordered_map>
#include <utility>

namespace basin {
namespace {

// An edge of the grid, named by its lower node and direction: crossings of neighbouring cells meet by this name.
using Edge = std::uint64_t;

class Tracer {
 public:
  Tracer(const Field& field, double level) : field_(field), level_(level) {}

  std::vector<Polyline> trace() {
    for (std::size_t row = 0; row + 1 < field_.y.size(); ++row)
      for (std::size_t column = 0; column + 1 < field_.x.size(); ++column) cross_cell(row, column);
    std::vector<Polyline> lines;
    for (const Edge edge : order_)  // open lines first, from where only one segment ends
      if (links_.at(edge).count == 1) lines.push_back(follow(edge));
    for (const Edge edge : order_)
      if (links_.at(edge).count > 0) lines.push_back(follow(edge));
    return lines;
  }

 private:
  struct Links {
    std::array<Edge, 2> to{};
    int count = 0;
  };

  Edge horizontal(std::size_t row, std::size_t column) const { return 2 * (row * field_.x.size() + column); }
  Edge vertical(std::size_t row, std::size_t column) const { return 2 * (row * field_.x.size() + column) + 1; }
  bool above(std::size_t row, std::size_t column) const { return field_.at(row, column) >= level_; }

  void link(Edge a, Edge b) {
    for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
      Links& links = links_[from];
      if (links.count == 0) order_.push_back(from);
      links.to[static_cast<std::size_t>(links.count++)] = to;
    }
  }

  void cross_cell(std::size_t row, std::size_t column) {
    const double sum = field_.at(row, column) + field_.at(row, column + 1) + field_.at(row + 1, column) +
                       field_.at(row + 1, column + 1);
    if (!std::isfinite(sum)) return;
    const Edge bottom = horizontal(row, column), top = horizontal(row + 1, column);
    const Edge left = vertical(row, column), right = vertical(row, column + 1);
    const int corners =
        above(row, column) + 2 * above(row, column + 1) + 4 * above(row + 1, column + 1) + 8 * above(row + 1, column);
    const bool center = sum / 4 >= level_;
    switch (corners) {
      case 1:
      case 14:
        return link(left, bottom);
      case 2:
      case 13:
        return link(bottom, right);
      case 4:
      case 11:
        return link(right, top);
      case 8:
      case 7:
        return link(top, left);
      case 3:
      case 12:
        return link(left, right);
      case 6:
      case 9:
        return link(bottom, top);
      case 5:
      case 10:
        if (center == (corners == 5)) {
          link(left, top);
          link(bottom, right);
        } else {
          link(left, bottom);
          link(right, top);
        }
        return;
      default:
        return;
    }
  }

  Vertex crossing(Edge edge) const {
    const std::size_t nx = field_.x.size(), row = edge / 2 / nx, column = edge / 2 % nx;
    const bool along_y = edge % 2 == 1;
    const double a = field_.at(row, column), b = along_y ? field_.at(row + 1, column) : field_.at(row, column + 1);
    const double t = (level_ - a) / (b - a);
    if (along_y) return {field_.x[column], std::lerp(field_.y[row], field_.y[row + 1], t)};
    return {std::lerp(field_.x[column], field_.x[column + 1], t), field_.y[row]};
  }

  // Walks from `edge`, using up the segments it passes.
  Polyline follow(Edge edge) {
    Polyline line{crossing(edge)};
    for (Links* links = &links_.at(edge); links->count > 0; links = &links_.at(edge)) {
      const Edge next = links->to[static_cast<std::size_t>(--links->count)];
      Links& back = links_.at(next);
      if (back.to[0] == edge && back.count == 2) std::swap(back.to[0], back.to[1]);
      --back.count;
      edge = next;
      line.push_back(crossing(edge));
    }
    return line;
  }

  const Field& field_;
  double level_;
  std::unordered_map<Edge, Links> links_;
  std::vector<Edge> order_;  // edges in order of discovery, so that the result has a fixed order
};

}  // namespace

std::vector<Polyline> isolines(const Field& field, double level) { return Tracer(field, level).trace(); }

}  // namespace basin

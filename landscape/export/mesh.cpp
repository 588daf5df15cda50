#include "landscape/export/mesh.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"

namespace basin {
namespace {

constexpr std::int64_t kGap = -1;

bool ascending(const std::vector<double>& values) { return values.front() <= values.back(); }

void add_quads(Mesh& mesh, const PointTable& table, const std::vector<std::int64_t>& index) {
  const std::size_t width = table.x.size();
  const bool turned = ascending(table.x) != ascending(table.y);  // one axis runs backwards
  for (std::size_t row = 0; row + 1 < table.y.size(); ++row)
    for (std::size_t column = 0; column + 1 < width; ++column) {
      const std::size_t corner = row * width + column;
      std::array<std::int64_t, 4> quad{index[corner], index[corner + 1], index[corner + width + 1],
                                       index[corner + width]};
      if (std::find(quad.begin(), quad.end(), kGap) != quad.end()) continue;
      if (turned) std::swap(quad[1], quad[3]);
      mesh.quads.push_back(quad);
    }
}

void add_chains(Mesh& mesh, const PointTable& table, const std::vector<std::int64_t>& index) {
  std::vector<std::int64_t> chain;
  const auto finish = [&] {
    if (chain.size() > 1) mesh.chains.push_back(chain);
    chain.clear();
  };
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (index[i] == kGap || (i > 0 && !table.chain.empty() && table.chain[i] != table.chain[i - 1])) finish();
    if (index[i] != kGap) chain.push_back(index[i]);
  }
  finish();
}

}  // namespace

Mesh make_mesh(const PointTable& table, const std::vector<double>& heights) {
  check(heights.size() == table.size(), "mesh: expected ", table.size(), " heights, found ", heights.size());
  Mesh mesh;
  std::vector<std::int64_t> index(heights.size(), kGap);  // into mesh.points
  for (std::size_t i = 0; i < heights.size(); ++i)
    if (std::isfinite(heights[i])) {
      index[i] = static_cast<std::int64_t>(mesh.points.size());
      mesh.points.push_back(i);
    }
  check(!mesh.points.empty(), "mesh: none of the ", heights.size(), " points has a finite height");
  if (table.arrangement == Arrangement::plane)
    add_quads(mesh, table, index);
  else
    add_chains(mesh, table, index);
  return mesh;
}

}  // namespace basin

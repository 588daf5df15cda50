#include "landscape/trajectory/gram.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/parallel.h"

namespace basin {
namespace {

constexpr std::int64_t kBlock = 1 << 16;  // elements of one partial sum
constexpr std::size_t kLanes = 16;

double partial_product(const float* a, const float* b, std::int64_t count) {
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + static_cast<std::int64_t>(kLanes) <= count; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] += static_cast<double>(a[i + static_cast<std::int64_t>(lane)]) *
                     static_cast<double>(b[i + static_cast<std::int64_t>(lane)]);
  for (; i < count; ++i) lanes[0] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return std::accumulate(lanes, lanes + kLanes, 0.0);
}

std::vector<std::vector<float>> load(const RowSource& row, std::size_t begin, std::size_t end) {
  std::vector<std::vector<float>> rows;
  for (std::size_t i = begin; i < end; ++i) rows.push_back(row(i));
  return rows;
}

}  // namespace

double inner_product(const std::vector<float>& a, const std::vector<float>& b) {
  check(a.size() == b.size(), "inner product: vectors of ", a.size(), " and ", b.size(), " elements");
  const auto size = static_cast<std::int64_t>(a.size());
  std::vector<double> partial(static_cast<std::size_t>((size + kBlock - 1) / kBlock));
  parallel_for_blocks(size, kBlock, [&](std::int64_t begin, std::int64_t end) {
    partial[static_cast<std::size_t>(begin / kBlock)] =
        partial_product(a.data() + begin, b.data() + begin, end - begin);
  });
  return std::accumulate(partial.begin(), partial.end(), 0.0);
}

std::vector<double> gram_matrix(std::size_t rows, std::size_t elements, const RowSource& row, std::int64_t bytes) {
  std::vector<double> gram(rows * rows);
  const auto row_bytes = static_cast<std::int64_t>(std::max<std::size_t>(elements, 1) * sizeof(float));
  // Tiles of two groups of rows.
  const auto group = static_cast<std::size_t>(std::max<std::int64_t>(bytes / row_bytes / 2, 1));
  for (std::size_t begin = 0; begin < rows; begin += group) {
    const std::vector<std::vector<float>> left = load(row, begin, std::min(rows, begin + group));
    for (std::size_t other = begin; other < rows; other += group) {
      const std::vector<std::vector<float>> fresh =
          other == begin ? std::vector<std::vector<float>>{} : load(row, other, std::min(rows, other + group));
      const std::vector<std::vector<float>>& right = other == begin ? left : fresh;
      for (std::size_t i = 0; i < left.size(); ++i)
        for (std::size_t j = other == begin ? i : 0; j < right.size(); ++j)
          gram[(begin + i) * rows + other + j] = gram[(other + j) * rows + begin + i] =
              inner_product(left[i], right[j]);
    }
  }
  return gram;
}

}  // namespace basin

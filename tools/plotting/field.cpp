#include "tools/plotting/field.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace basin {
namespace {

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();

void include(Extent& total, const std::vector<double>& values) {
  for (const double value : values)
    if (std::isfinite(value)) {
      total.min = total.min <= value ? total.min : value;
      total.max = total.max >= value ? total.max : value;
    }
}

// The slope at an inner node between secants a (interval h) and b (interval k): 0 at a local extreme, else their
// weighted harmonic mean, which keeps the cubic monotone.
double inner_slope(double a, double b, double h, double k) {
  if (!(a * b > 0)) return 0;
  const double p = 2 * k + h, q = k + 2 * h;
  return (p + q) / (p / a + q / b);
}

std::vector<double> slopes(std::span<const double> x, std::span<const double> z) {
  const std::size_t n = x.size();
  std::vector<double> slope(n, 0);
  const auto secant = [&](std::size_t i) { return (z[i + 1] - z[i]) / (x[i + 1] - x[i]); };
  for (std::size_t i = 0; i < n; ++i) {
    const bool left = i > 0 && std::isfinite(z[i - 1]), right = i + 1 < n && std::isfinite(z[i + 1]);
    if (left && right)
      slope[i] = inner_slope(secant(i - 1), secant(i), x[i] - x[i - 1], x[i + 1] - x[i]);
    else if (left || right)
      slope[i] = left ? secant(i - 1) : secant(i);
  }
  return slope;
}

// Values at `factor` times as many intervals of one line.
std::vector<double> interpolated(std::span<const double> x, std::span<const double> z, std::size_t factor) {
  const std::vector<double> slope = slopes(x, z);
  std::vector<double> result;
  result.reserve((x.size() - 1) * factor + 1);
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    const double h = x[i + 1] - x[i];
    for (std::size_t k = 0; k < factor; ++k) {
      const double t = static_cast<double>(k) / static_cast<double>(factor), s = 1 - t;
      // Cubic Hermite form. At a node itself the neighbour, perhaps a gap, has no part.
      result.push_back(k == 0 ? z[i]
                              : s * s * ((1 + 2 * t) * z[i] + t * h * slope[i]) +
                                    t * t * ((3 - 2 * t) * z[i + 1] - s * h * slope[i + 1]));
    }
  }
  result.push_back(z.back());
  return result;
}

std::vector<double> subdivided(const std::vector<double>& x, std::size_t factor) {
  std::vector<double> result;
  for (std::size_t i = 0; i + 1 < x.size(); ++i)
    for (std::size_t k = 0; k < factor; ++k)
      result.push_back(x[i] + (x[i + 1] - x[i]) * static_cast<double>(k) / static_cast<double>(factor));
  result.push_back(x.back());
  return result;
}

}  // namespace

Extent extent(const std::vector<double>& values) {
  Extent total{kGap, kGap};
  include(total, values);
  return total;
}

Extent extent(const std::vector<Field>& fields) {
  Extent total{kGap, kGap};
  for (const Field& field : fields) include(total, field.z);
  return total;
}

std::int64_t gaps(const std::vector<double>& values) {
  return std::count_if(values.begin(), values.end(), [](double value) { return !std::isfinite(value); });
}

Field oriented(Field field) {
  const std::size_t nx = field.x.size(), ny = field.y.size();
  if (nx > 1 && field.x.front() > field.x.back()) {
    std::reverse(field.x.begin(), field.x.end());
    for (std::size_t row = 0; row < ny; ++row) {
      const auto begin = field.z.begin() + static_cast<std::ptrdiff_t>(row * nx);
      std::reverse(begin, begin + static_cast<std::ptrdiff_t>(nx));
    }
  }
  if (ny > 1 && field.y.front() > field.y.back()) {
    std::reverse(field.y.begin(), field.y.end());
    for (std::size_t row = 0; row < ny / 2; ++row) {
      const auto low = field.z.begin() + static_cast<std::ptrdiff_t>(row * nx);
      std::swap_ranges(low, low + static_cast<std::ptrdiff_t>(nx),
                       field.z.begin() + static_cast<std::ptrdiff_t>((ny - 1 - row) * nx));
    }
  }
  return field;
}

Field refined(const Field& field, std::size_t factor) {
  Field result{field.title, subdivided(field.x, factor), subdivided(field.y, factor), {}};
  const std::size_t nx = result.x.size(), ny = result.y.size();
  std::vector<double> rows;  // (field.y.size(), nx)
  for (std::size_t row = 0; row < field.y.size(); ++row) {
    const std::vector<double> line =
        interpolated(field.x, {field.z.data() + row * field.x.size(), field.x.size()}, factor);
    rows.insert(rows.end(), line.begin(), line.end());
  }
  result.z.resize(nx * ny);
  std::vector<double> column(field.y.size());
  for (std::size_t i = 0; i < nx; ++i) {
    for (std::size_t row = 0; row < column.size(); ++row) column[row] = rows[row * nx + i];
    const std::vector<double> line = interpolated(field.y, column, factor);
    for (std::size_t row = 0; row < ny; ++row) result.z[row * nx + i] = line[row];
  }
  return result;
}

std::size_t refinement_for(const Field& field, std::size_t target) {
  const std::size_t intervals = std::max<std::size_t>(std::max(field.x.size(), field.y.size()) - 1, 1);
  return std::max<std::size_t>((target + intervals - 1) / intervals, 1);
}

}  // namespace basin

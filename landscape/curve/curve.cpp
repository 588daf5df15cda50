#include "landscape/curve/curve.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/backend.h"
#include "core/choice.h"

namespace basin {
namespace {

constexpr Choice<CurveKind> kKinds[] = {
    {"linear", CurveKind::linear}, {"bezier", CurveKind::bezier}, {"chain", CurveKind::chain}};
constexpr double kQuadrature = 1e-10;  // of the length
constexpr int kDeepest = 24;           // halvings

// Bernstein's polynomials of degree n.
std::vector<double> bernstein(std::size_t n, double t) {
  std::vector<double> values(n + 1);
  double binomial = 1;
  for (std::size_t k = 0; k <= n; ++k) {
    values[k] = binomial * std::pow(1 - t, static_cast<double>(n - k)) * std::pow(t, static_cast<double>(k));
    binomial = binomial * static_cast<double>(n - k) / static_cast<double>(k + 1);
  }
  return values;
}

std::vector<double> of_chain(std::size_t points, double t) {
  std::vector<double> values(points);
  const double position = t * static_cast<double>(points - 1);
  const std::size_t segment = std::min(static_cast<std::size_t>(position), points - 2);
  const double share = position - static_cast<double>(segment);
  values[segment] = 1 - share;
  values[segment + 1] = share;
  return values;
}

template <class T>
Tensor combined(const std::vector<State>& points, std::size_t entry, std::span<const double> coefficients) {
  const Tensor& like = points.front().entries()[entry].value;
  std::vector<double> sum(static_cast<std::size_t>(like.size()));
  for (std::size_t k = 0; k < points.size(); ++k) {
    if (coefficients[k] == 0) continue;
    const T* values = points[k].entries()[entry].value.view().as<T>();
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += coefficients[k] * static_cast<double>(values[i]);
  }
  const std::vector<T> rounded(sum.begin(), sum.end());
  return Tensor::from<T>(like.shape(), rounded, like.backend());
}

State combination(const std::vector<State>& points, std::span<const double> coefficients) {
  State state = points.front();
  for (std::size_t i = 0; i < state.entries().size(); ++i) {
    Entry& entry = state.entries()[i];
    if (entry.value.dtype() == DType::f64)
      entry.value = combined<double>(points, i, coefficients);
    else if (entry.role != Role::batches_tracked)
      entry.value = combined<float>(points, i, coefficients);
  }
  return state;
}

void check_alike(const State& first, const State& last) {
  const auto& a = first.entries();
  const auto& b = last.entries();
  check(a.size() == b.size(), "curve: ends of ", a.size(), " and ", b.size(), " tensors");
  for (std::size_t i = 0; i < a.size(); ++i)
    check(
        a[i].name == b[i].name && a[i].value.shape() == b[i].value.shape() && a[i].value.dtype() == b[i].value.dtype(),
        "curve: the ends differ in tensor ", i, ": ", a[i].name, " ", a[i].value.shape(), " and ", b[i].name, " ",
        b[i].value.shape());
}

template <class T>
double product_of_steps(const std::vector<State>& points, std::size_t entry, std::size_t i, std::size_t j) {
  const auto values = [&](std::size_t k) { return points[k].entries()[entry].value.view().as<T>(); };
  const T *a = values(i), *b = values(i + 1), *c = values(j), *d = values(j + 1);
  double sum = 0;
  for (std::int64_t k = 0; k < points[0].entries()[entry].value.size(); ++k)
    sum += (static_cast<double>(b[k]) - static_cast<double>(a[k])) *
           (static_cast<double>(d[k]) - static_cast<double>(c[k]));
  return sum;
}

// <p_{i+1} - p_i, p_{j+1} - p_j> over the parameters, (n, n) row-major.
std::vector<double> gram_of_steps(const std::vector<State>& points) {
  const std::size_t n = points.size() - 1;
  std::vector<double> gram(n * n);
  for (std::size_t entry = 0; entry < points[0].entries().size(); ++entry) {
    if (!is_parameter(points[0].entries()[entry].role)) continue;
    const bool wide = points[0].entries()[entry].value.dtype() == DType::f64;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        gram[i * n + j] +=
            wide ? product_of_steps<double>(points, entry, i, j) : product_of_steps<float>(points, entry, i, j);
  }
  return gram;
}

// |sum_i c_i (p_{i+1} - p_i)|
double norm_of(const std::vector<double>& gram, const std::vector<double>& c) {
  double square = 0;
  for (std::size_t i = 0; i < c.size(); ++i)
    for (std::size_t j = 0; j < c.size(); ++j) square += c[i] * c[j] * gram[i * c.size() + j];
  return std::sqrt(std::max(square, 0.0));
}

// Simpson's rule, halved until both halves agree with the whole (Lyness 1969).
double integral(const std::function<double(double)>& f, double a, double b, double fa, double fm, double fb,
                double tolerance, int depth) {
  const double m = (a + b) / 2, left = f((a + m) / 2), right = f((m + b) / 2);
  const double whole = (b - a) / 6 * (fa + 4 * fm + fb);
  const double halves = (b - a) / 12 * (fa + 4 * left + 2 * fm + 4 * right + fb);
  if (!(std::abs(halves - whole) > 15 * tolerance) || depth == 0) return halves + (halves - whole) / 15;
  return integral(f, a, m, fa, left, fm, tolerance / 2, depth - 1) +
         integral(f, m, b, fm, right, fb, tolerance / 2, depth - 1);
}

}  // namespace

std::string name_of(CurveKind kind) { return choice_name(kind, kKinds); }
CurveKind parse_curve_kind(std::string_view name, std::string_view what) { return parse_choice(what, name, kKinds); }

std::vector<double> curve_coefficients(CurveKind kind, std::size_t points, double t) {
  check(points >= 2, "curve: ", points, " control points");
  check(t >= 0 && t <= 1, "curve: t = ", t, ", expected 0 to 1");
  return kind == CurveKind::bezier ? bernstein(points - 1, t) : of_chain(points, t);
}

State Curve::at(double t) const {
  const std::vector<double> coefficients = curve_coefficients(kind, points.size(), t);
  for (std::size_t k = 0; k < points.size(); ++k)
    if (coefficients[k] == 1) return points[k];
  return combination(points, coefficients);
}

Curve make_curve(CurveKind kind, const State& first, const State& last, std::int64_t bends) {
  check_alike(first, last);
  check(kind != CurveKind::linear || bends == 0, "curve: a linear one has no bends, found ", bends);
  check(kind == CurveKind::linear || bends >= 1, "curve: a ", name_of(kind), " has at least one bend, found ", bends);
  Curve curve{kind, {first}};
  const Curve line{CurveKind::linear, {first, last}};
  for (std::int64_t k = 1; k <= bends; ++k)
    curve.points.push_back(line.at(static_cast<double>(k) / static_cast<double>(bends + 1)).clone());
  curve.points.push_back(last);
  return curve;
}

double straight_length(const Curve& curve) {
  const std::vector<double> gram = gram_of_steps({curve.points.front(), curve.points.back()});
  return std::sqrt(gram[0]);
}

std::vector<double> arc_lengths(const Curve& curve, std::span<const double> t) {
  const std::vector<double> gram = gram_of_steps(curve.points);
  const std::size_t n = curve.points.size() - 1;
  std::vector<double> lengths;
  if (curve.kind != CurveKind::bezier) {
    for (const double at : t) {
      const double position = at * static_cast<double>(n);
      double length = 0;
      for (std::size_t k = 0; k < n; ++k)
        length += std::sqrt(gram[k * n + k]) * std::clamp(position - static_cast<double>(k), 0.0, 1.0);
      lengths.push_back(length);
    }
    return lengths;
  }
  const auto speed = [&](double at) { return static_cast<double>(n) * norm_of(gram, bernstein(n - 1, at)); };
  double scale = 0;
  for (std::size_t k = 0; k < n; ++k) scale += std::sqrt(gram[k * n + k]);  // no Bezier curve is longer
  double begin = 0, length = 0;
  for (const double at : t) {
    check(at >= begin, "curve: the arc's points do not ascend");
    if (at > begin)
      length += integral(speed, begin, at, speed(begin), speed((begin + at) / 2), speed(at),
                         kQuadrature * scale * (at - begin), kDeepest);
    lengths.push_back(length);
    begin = at;
  }
  return lengths;
}

}  // namespace basin

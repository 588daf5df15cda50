// Curves theta(t), 0 <= t <= 1, from one network to another through bends (Garipov et al. 2018, section 3).
//
//   linear  (1 - t) w_1 + t w_2
//   bezier  sum_k C(n, k) (1 - t)^(n - k) t^k p_k, for one bend (1 - t)^2 w_1 + 2 t (1 - t) p_1 + t^2 w_2
//   chain   straight from control point to control point, each segment in the same share of t
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/state.h"

namespace basin {

enum class CurveKind : std::uint8_t { linear, bezier, chain };
std::string name_of(CurveKind kind);
CurveKind parse_curve_kind(std::string_view name, std::string_view what);  // Error naming `what` and the nearest name

// The weights of `points` control points at t: they add up to 1, exactly one is not 0 at t = 0 and t = 1.
std::vector<double> curve_coefficients(CurveKind kind, std::size_t points, double t);

struct Curve {
  CurveKind kind = CurveKind::linear;
  std::vector<State> points;  // control points on the CPU: w_1, the bends, w_2. Linear curves have two

  // theta(t), batch-norm statistics included: sums in double, rounded once. The ends are w_1 and w_2 to the last bit.
  State at(double t) const;
};

// The curve whose bends lie evenly on the straight line. Error if the states differ in a name or shape, or a linear
// curve is to have bends, or another none.
Curve make_curve(CurveKind kind, const State& first, const State& last, std::int64_t bends);

// |w_2 - w_1|, over the parameters (not the statistics), in double.
double straight_length(const Curve& curve);
// The length of the curve from 0 to each t, which ascend: exact to rounding for segments, for Bezier curves by
// quadrature of the speed to 1e-9 of the whole.
std::vector<double> arc_lengths(const Curve& curve, std::span<const double> t);

}  // namespace basin

#include "data/synthetic_shapes.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>

namespace basin {
namespace {

struct Vector {
  double x, y;
};

double radius(double x, double y) { return std::sqrt(x * x + y * y); }
double box(double x, double y, double half_width, double half_height) {
  return std::max(std::abs(x) - half_width, std::abs(y) - half_height);
}

double disc(double x, double y) { return radius(x, y) - 0.9; }
double ring(double x, double y) { return std::abs(radius(x, y) - 0.72) - 0.22; }
double square(double x, double y) { return box(x, y, 0.8, 0.8); }
double frame(double x, double y) { return std::abs(box(x, y, 0.63, 0.63)) - 0.2; }

// The inner side of three lines.
double triangle(double x, double y) {
  constexpr double kSine60 = 0.86602540378443865;
  constexpr std::array<Vector, 3> kNormals = {{{0, -1}, {kSine60, 0.5}, {-kSine60, 0.5}}};
  double distance = -1;
  for (const Vector& n : kNormals) distance = std::max(distance, n.x * x + n.y * y - 0.52);
  return distance;
}

double cross(double x, double y) { return std::min(box(x, y, 0.95, 0.27), box(x, y, 0.27, 0.95)); }

// A pentagram is where at most one of its five lines is crossed: the second largest of the five distances.
double star(double x, double y) {
  constexpr double kSine72 = 0.95105651629515357, kCosine72 = 0.30901699437494742;
  constexpr double kSine36 = 0.58778525229247313, kCosine36 = 0.80901699437494742;
  constexpr std::array<Vector, 5> kNormals = {
      {{0, -1}, {kSine72, -kCosine72}, {kSine36, kCosine36}, {-kSine36, kCosine36}, {-kSine72, -kCosine72}}};
  std::array<double, 5> distances{};
  for (std::size_t k = 0; k < 5; ++k) distances[k] = kNormals[k].x * x + kNormals[k].y * y - 0.34;
  std::nth_element(distances.begin(), distances.begin() + 1, distances.end(), std::greater<>());
  return distances[1];
}

// A disc without a second one beside it.
double crescent(double x, double y) { return std::max(radius(x, y) - 0.95, 0.72 - radius(x - 0.5, y)); }

double stripes(double x, double y) {
  const double nearest = std::min(std::abs(y), std::abs(std::abs(y) - 0.68));
  return std::max(std::abs(x) - 0.85, nearest - 0.2);
}

// Two opposite quarters of a square.
double checker(double x, double y) {
  const double to_axis = std::min(std::abs(x), std::abs(y));
  return std::max(box(x, y, 0.88, 0.88), x * y > 0 ? -to_axis : to_axis);
}

constexpr std::array<double (*)(double, double), kShapeNames.size()> kShapes = {
    disc, ring, square, frame, triangle, cross, star, crescent, stripes, checker};

}  // namespace

double shape_distance(std::size_t shape, double x, double y) { return kShapes.at(shape)(x, y); }

}  // namespace basin

// The ten forms that the classes of the synthetic set are told apart by.
#pragma once
#include <array>
#include <string_view>

namespace basin {

inline constexpr std::array<std::string_view, 10> kShapeNames = {"disc",  "ring", "square",   "frame",   "triangle",
                                                                 "cross", "star", "crescent", "stripes", "checker"};

// How far the point (x, y) lies outside (positive) or inside (negative) the form of radius 1 around the origin, in
// units of the radius: exact at the edges' straight and round parts, an upper or lower bound around corners, which is
// all that an antialiased edge one pixel wide asks for. Uses only operations that IEEE 754 rounds correctly.
double shape_distance(std::size_t shape, double x, double y);

}  // namespace basin

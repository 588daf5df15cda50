// The plane of a landscape: points theta + alpha * delta + beta * eta around a centre theta.
#pragma once
#include <cstddef>

#include "landscape/direction.h"
#include "landscape/grid.h"
#include "models/registry.h"

namespace basin {

struct Plane {
  const Model* model = nullptr;
  const State* center = nullptr;
  const Direction* x = nullptr;  // null: no such axis
  const Direction* y = nullptr;
};

// Throws Error unless model and centre are there and the directions have the entries and shapes of the centre.
void check_plane(const Plane& plane);

// Tensor `entry` of the state at `point`, in the centre's layout: the sum in double, rounded once to T. An axis with
// coefficient 0 takes no part, so that the origin is theta to the last bit. T is the dtype of that tensor.
template <class T>
void displace(const Plane& plane, std::size_t entry, const Point& point, T* values);

// The whole state at `point`; tensors that do not move share the centre's storage.
State displaced(const Plane& plane, const Point& point);

}  // namespace basin

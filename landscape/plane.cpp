#include "landscape/plane.h"

#include <algorithm>

namespace basin {
namespace {

// The axis' tensor for an entry, null where the axis does not move it.
const Tensor* moved(const Direction* axis, std::size_t entry) {
  return axis != nullptr && axis->tensors[entry].defined() ? &axis->tensors[entry] : nullptr;
}

void check_axis(const State& center, const Direction* axis, const char* name) {
  if (axis == nullptr) return;
  const auto& entries = center.entries();
  check(axis->tensors.size() == entries.size(), name, " direction: ", axis->tensors.size(), " tensors for ",
        entries.size(), " entries of the network");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Tensor* d = moved(axis, i);
    if (d == nullptr) continue;
    const Tensor& w = entries[i].value;
    check(d->shape() == w.shape(), name, " direction: ", entries[i].name, " has shape ", d->shape(), ", the network ",
          w.shape());
    check(d->dtype() == w.dtype(), name, " direction: ", entries[i].name, " is ", d->dtype(), ", the network ",
          w.dtype());
  }
}

}  // namespace

void check_plane(const Plane& plane) {
  check(plane.model != nullptr && plane.center != nullptr, "plane: a model and its state are needed");
  check_axis(*plane.center, plane.x, "x");
  check_axis(*plane.center, plane.y, "y");
}

template <class T>
void displace(const Plane& plane, std::size_t entry, const Point& point, T* values) {
  const Tensor& center = plane.center->entries()[entry].value;
  const T* theta = center.view().as<T>();
  const std::int64_t count = center.size();
  const Tensor* x = point.alpha != 0 ? moved(plane.x, entry) : nullptr;
  const Tensor* y = point.beta != 0 ? moved(plane.y, entry) : nullptr;
  const auto along = [&](const Tensor& d, double coefficient) {
    const T* delta = d.view().as<T>();
    for (std::int64_t i = 0; i < count; ++i)
      values[i] = static_cast<T>(static_cast<double>(theta[i]) + coefficient * static_cast<double>(delta[i]));
  };
  if (x != nullptr && y != nullptr) {
    const T* delta = x->view().as<T>();
    const T* eta = y->view().as<T>();
    for (std::int64_t i = 0; i < count; ++i)
      values[i] = static_cast<T>(static_cast<double>(theta[i]) + point.alpha * static_cast<double>(delta[i]) +
                                 point.beta * static_cast<double>(eta[i]));
  } else if (x != nullptr) {
    along(*x, point.alpha);
  } else if (y != nullptr) {
    along(*y, point.beta);
  } else {
    std::copy_n(theta, count, values);
  }
}
template void displace(const Plane&, std::size_t, const Point&, float*);
template void displace(const Plane&, std::size_t, const Point&, double*);

State displaced(const Plane& plane, const Point& point) {
  State state = *plane.center;
  for (std::size_t i = 0; i < state.entries().size(); ++i) {
    if (moved(plane.x, i) == nullptr && moved(plane.y, i) == nullptr) continue;
    Tensor& value = state.entries()[i].value;
    Tensor w = Tensor::empty(value.shape(), value.dtype(), value.backend());
    if (value.dtype() == DType::f64)
      displace(plane, i, point, w.mutable_view().as<double>());
    else
      displace(plane, i, point, w.mutable_view().as<float>());
    value = w;
  }
  return state;
}

}  // namespace basin

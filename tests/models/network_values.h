// States and images with nothing special about them, and how far two results are apart.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/backend.h"
#include "core/random.h"
#include "models/registry.h"

namespace basin {

// An initialised state whose biases and batch norms are no longer 0 and 1: a wrongly folded one shows.
inline State random_state(const Model& model, std::uint64_t seed, DType dtype = DType::f32) {
  State state = initialize(model, seed, cpu_backend(), dtype);
  for (Entry& entry : state.entries()) {
    if (entry.role == Role::weight || entry.role == Role::batches_tracked) continue;
    const Tensor noise = normal(entry.value.shape(), seed, random_stream("noise " + entry.name), dtype, cpu_backend());
    const bool positive = entry.role == Role::running_variance;
    entry.value = positive ? exp(noise * 0.3).detach() : (entry.value + noise * 0.3).detach();
  }
  return state;
}

// Standard normal images (N, H, W, C) of the model's size.
inline Tensor random_images(const Model& model, std::int64_t count, std::uint64_t seed, DType dtype = DType::f32) {
  Shape shape = model.image;
  shape.insert(shape.begin(), count);
  return normal(shape, seed, random_stream("images"), dtype, cpu_backend());
}

// max |a - b| / max |b|; infinite for different shapes or a value that is not finite.
inline double relative_error(const Tensor& a, const Tensor& b) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (a.shape() != b.shape()) return kInfinity;
  const std::vector<double> x = cast(a, DType::f64).to_vector<double>(), y = cast(b, DType::f64).to_vector<double>();
  double difference = 0, scale = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) return kInfinity;
    difference = std::max(difference, std::abs(x[i] - y[i]));
    scale = std::max(scale, std::abs(y[i]));
  }
  return scale > 0 ? difference / scale : kInfinity;
}

}  // namespace basin

// Narrow ResNets with batch norms that do something, and planes through them, for the tests of the grid engine.
#pragma once
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "core/cpu/cpu_backend.h"
#include "core/random.h"
#include "cuda/grid/perturb.h"
#include "cuda/grid/resident_layout.h"
#include "landscape/plane.h"
#include "models/plan.h"

namespace basin::cuda {

struct GridNetwork {
  // "resnet20" and its like.
  explicit GridNetwork(const std::string& name, std::uint64_t seed = 1, std::int64_t classes = 10)
      : GridNetwork(find_model(name, classes), seed) {}
  // Every tensor of one dimension is drawn too.
  explicit GridNetwork(const Model& network, std::uint64_t seed = 1)
      : model(network), state(initialize(model, seed, cpu_backend())), plan(trace(model, state)) {
    Random random(seed, random_stream("grid network", 0));
    std::uint64_t drawn = 0;
    for (Entry& entry : state.entries()) {
      if (entry.role == Role::batches_tracked) continue;
      auto* values = entry.value.mutable_view().as<float>();
      for (std::int64_t i = 0; i < entry.value.size(); ++i, ++drawn) {
        const auto noise = static_cast<float>(random.normal(drawn));
        if (entry.role == Role::gamma) values[i] = 1 + 0.2F * noise;
        if (entry.role == Role::running_variance) values[i] = std::exp(0.3F * noise);
        if (entry.role == Role::beta || entry.role == Role::running_mean || entry.role == Role::bias)
          values[i] = 0.2F * noise;
      }
    }
  }

  void move(const DirectionOptions& along_x, const DirectionOptions& along_y) {
    x = random_direction(state, along_x, 1, 0);
    y = random_direction(state, along_y, 1, 1);
  }
  Plane plane() const { return {&model, &state, x.tensors.empty() ? nullptr : &x, y.tensors.empty() ? nullptr : &y}; }
  std::vector<PlaneTensor> tensors() const {
    std::vector<PlaneTensor> tensors;
    const auto span = [](const Tensor& t) {
      return std::span<const float>(t.view().as<float>(), static_cast<std::size_t>(t.size()));
    };
    for (std::size_t i = 0; i < state.entries().size(); ++i) {
      PlaneTensor& tensor = tensors.emplace_back();
      if (state.entries()[i].role == Role::batches_tracked) continue;
      tensor.center = span(state.entries()[i].value);
      if (!x.tensors.empty() && x.tensors[i].defined()) tensor.x = span(x.tensors[i]);
      if (!y.tensors.empty() && y.tensors[i].defined()) tensor.y = span(y.tensors[i]);
    }
    return tensors;
  }

  Model model;
  State state;
  Plan plan;
  Direction x, y;
};

// Few small integers as weights and shifts, batch norms that change nothing: sums are exact in any order.
inline GridNetwork integer_network(const Model& model) {
  GridNetwork net(model);
  const Random random(3, random_stream("integer network"));
  std::uint64_t drawn = 0;
  net.x.tensors.resize(net.state.entries().size());
  for (std::size_t i = 0; i < net.state.entries().size(); ++i) {
    Entry& entry = net.state.entries()[i];
    if (entry.role == Role::batches_tracked) continue;
    auto* values = entry.value.mutable_view().as<float>();
    const std::int64_t size = entry.value.size(), row = size / entry.value.dim(0);
    for (std::int64_t j = 0; j < size; ++j, ++drawn) {
      const auto integer = static_cast<float>(random.below(3, 2 * drawn)) - 1;
      const bool kept = random.below(static_cast<std::uint64_t>(row), 2 * drawn + 1) < 8;
      values[j] = entry.role == Role::weight ? (kept ? integer : 0) : entry.role == Role::beta ? integer : 0;
      if (entry.role == Role::gamma || entry.role == Role::running_variance) values[j] = 1;
    }
    if (entry.role == Role::weight) net.x.tensors[i] = Tensor::full(entry.value.shape(), 0, DType::f32, cpu_backend());
    if (entry.role == Role::weight) net.x.tensors[i].mutable_view().as<float>()[size / 2] = 1;
  }
  for (Stage& s : net.plan.stages) s.epsilon = 0;
  return net;
}
inline GridNetwork integer_network(const std::string& name, std::int64_t classes = 10) {
  return integer_network(find_model(name, classes));
}

// Points in device memory.
class DevicePoints {
 public:
  explicit DevicePoints(const std::vector<PlanePoint>& points) : buffer_(Stream(), points.size() * sizeof(PlanePoint)) {
    copy_to_device(Stream(), buffer_.data(), points.data(), points.size() * sizeof(PlanePoint));
  }
  const PlanePoint* data() const { return buffer_.as<const PlanePoint>(); }

 private:
  DeviceBuffer buffer_;
};

}  // namespace basin::cuda

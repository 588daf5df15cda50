// Narrow ResNets with batch norms that do something, and planes through them, for the tests of the grid engine.
#pragma once
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "core/cpu/cpu_backend.h"
#include "core/random.h"
#include "cuda/grid/perturb.h"
#include "landscape/plane.h"
#include "models/plan.h"

namespace basin::cuda {

struct GridNetwork {
  // "resnet20" and its like; every tensor of one dimension is drawn too.
  explicit GridNetwork(const std::string& name, std::uint64_t seed = 1, std::int64_t classes = 10)
      : model(find_model(name, classes)), state(initialize(model, seed, cpu_backend())), plan(trace(model, state)) {
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

// A network on a plane and images, evaluated by engines on GPUs and on the CPU. For the emulator and for GPUs.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cuda/cuda_backend.h"
#include "data/preprocess.h"
#include "data/synthetic.h"
#include "landscape/evaluator.h"
#include "tests/cuda/grid_networks.h"

namespace basin::cuda {

// A narrow ResNet, a plane through it and a few images.
struct EngineCase {
  explicit EngineCase(const std::string& name, std::int64_t train_images, std::int64_t test_images = 0)
      : net(name), data(make_synthetic(1, 200, 10)) {
    net.move({}, {});
    train = data.train.first(train_images);
    set.train = &train;
    if (test_images > 0) set.test = &(test = data.test.first(test_images));
    set.normalization = data.normalization;
  }
  EngineCase(const EngineCase&) = delete;

  std::unique_ptr<Evaluator> make(const std::string& engine, std::vector<Backend*> devices,
                                  std::int64_t chunk = 64) const {
    return make_evaluator(net.plane(), set,
                          {.engine = engine, .threads = 1, .devices = std::move(devices), .chunk = chunk});
  }
  std::unique_ptr<Evaluator> on_device(const std::string& engine) const { return make(engine, {&cuda_backend(0)}); }

  GridNetwork net;
  Dataset data;
  Images train, test;
  EvaluationSet set;
};

inline std::vector<PointResult> evaluate(Evaluator& evaluator, const std::vector<Point>& points) {
  std::vector<PointResult> results(points.size());
  std::vector<int> times(points.size());
  evaluator.evaluate(
      points,
      [&](std::size_t i, const PointResult& result) {
        results[i] = result;
        ++times[i];
      },
      [] { return false; });
  for (const int n : times) EXPECT_EQ(n, 1);
  return results;
}

inline void expect_near(const Measurement& found, const Measurement& exact, double tolerance) {
  EXPECT_NEAR(found.loss, exact.loss, tolerance * exact.loss);
  EXPECT_NEAR(found.loss_error, exact.loss_error, 10 * tolerance * exact.loss_error);
  EXPECT_EQ(found.non_finite, exact.non_finite);
}

}  // namespace basin::cuda

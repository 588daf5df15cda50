// The generic kernels' stages: logits against float64, exact integers, and what a run launches.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cuda/grid/generic/stage_kernels.h"
#include "cuda/grid/generic/stage_runner.h"
#include "cuda/grid/point_kernels.h"
#include "cuda/simt/simt.h"
#include "tests/cuda/device_array.h"
#include "tests/cuda/grid_networks.h"
#include "tests/cuda/stage_networks.h"
#include "tests/landscape/forward_in_double.h"
#include "tests/landscape/network_edits.h"
#include "tests/landscape/small_networks.h"

namespace basin::cuda {
namespace {

PlanePoint plane_point(double alpha, double beta, int exponent = 0) {
  return {alpha, beta, std::ldexp(1.0, -exponent), std::ldexp(1.0, exponent)};
}

// Logits (points, images, classes) of images (N, H, W, C), all in one block.
std::vector<float> logits_of(const GridNetwork& net, const Tensor& images, DType type,
                             const std::vector<PlanePoint>& points) {
  const auto count = static_cast<std::int64_t>(points.size());
  StageRunner runner(Stream(), net.plan, net.tensors(), type, count);
  runner.make_room(count, images.dim(0));
  const DeviceArray<float> floats(images.shape(), images.to_vector<float>());
  const DeviceBuffer pixels(Stream(), static_cast<std::size_t>(images.dim(0) * runner.image_bytes()));
  pad_channels(Stream(), floats.view(),
               {pixels.data(), type, {images.dim(0), images.dim(1), images.dim(2), runner.image_channels()}});
  const DevicePoints at(points);
  const DeviceArray<std::int32_t> not_finite({count});
  runner.set_points(at.data(), count, not_finite.view());
  const StageBlock block{pixels.data(), 0, count, images.dim(0)};
  for (std::size_t i = 0; i < net.plan.stages.size(); ++i) runner.run_stage(block, i);
  const View found = runner.buffer(block, net.plan.logits);
  std::vector<float> logits(static_cast<std::size_t>(found.size()));
  copy_to_host(Stream(), logits.data(), found.data, logits.size() * sizeof(float));
  std::vector<std::int32_t> overflowed(static_cast<std::size_t>(count * images.dim(0)));
  copy_to_host(Stream(), overflowed.data(), runner.overflowed(), overflowed.size() * sizeof(std::int32_t));
  EXPECT_EQ(std::accumulate(overflowed.begin(), overflowed.end(), 0), 0);
  return logits;
}

// The same by the reference operations, in float64.
std::vector<double> exact_logits(const GridNetwork& net, const Tensor& images, const std::vector<PlanePoint>& points) {
  const Recording off(false);
  const State center = in_double(net.state);
  const Direction x = in_double(net.x), y = in_double(net.y);
  std::vector<double> all;
  for (const PlanePoint& point : points) {
    const State state =
        displaced({&net.model, &center, x.tensors.empty() ? nullptr : &x, y.tensors.empty() ? nullptr : &y},
                  {point.alpha, point.beta});
    const std::vector<double> logits = run_plan(net.plan, state, cast(images, DType::f64)).to_vector<double>();
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

std::vector<Model> networks() {
  std::vector<Model> list{every_stage(), one_linear_layer()};
  for (const Model& model : small_networks())
    if (model.name == "bottlenecks" || model.name == "dense" || model.name == "strange" || model.name == "pooled")
      list.push_back(model);
  return list;
}

// The convolution of that name in groups; models make none.
void divide(GridNetwork& net, const std::string& name, std::int64_t groups) {
  for (Stage& stage : net.plan.stages) {
    if (stage.weight < 0) continue;
    Entry& entry = net.state.entries()[static_cast<std::size_t>(stage.weight)];
    if (entry.name != name) continue;
    stage.conv.groups = groups;
    Shape shape = entry.value.shape();
    shape[3] /= groups;
    std::vector<float> values = entry.value.to_vector<float>();
    values.resize(static_cast<std::size_t>(shape.count()));
    entry.value = Tensor::from(shape, values, cpu_backend());
    return;
  }
  fail("no convolution ", name);
}

TEST(CudaGridStages, LogitsAreNearFloat64) {
  for (const Model& model : networks()) {
    GridNetwork net(model);
    if (model.name == every_stage().name) {
      divide(net, "c.conv.weight", 4);
      EXPECT_EQ(StageRunner(Stream(), net.plan, net.tensors(), DType::f16, 1).most_points(), 65535 / 4);
    }
    for (Entry& entry : net.state.entries())  // else the logits are little but biases
      if (is_linear(entry))
        for (float& value : values_of(entry)) value *= 300;
    net.move({}, {});
    const Tensor images = random_images(model, 3, 1);
    const std::vector<PlanePoint> points = {plane_point(0, 0), plane_point(0.25, -0.15), plane_point(0.25, -0.15, 3)};
    const std::vector<double> exact = exact_logits(net, images, points);
    for (const auto& [type, tolerance] : {std::pair{DType::f32, 2e-6}, {DType::f16, 5e-3}, {DType::bf16, 4e-2}}) {
      const std::vector<float> found = logits_of(net, images, type, points);
      ASSERT_EQ(found.size(), exact.size());
      const auto at_point = static_cast<std::ptrdiff_t>(exact.size() / points.size());
      for (std::size_t k = 0; k < points.size(); ++k) {
        double error = 0, largest = 0;
        for (std::ptrdiff_t i = 0; i < at_point; ++i) {
          const std::size_t at = k * static_cast<std::size_t>(at_point) + static_cast<std::size_t>(i);
          error = std::fmax(error, std::isfinite(found[at]) ? std::abs(found[at] - exact[at]) : INFINITY);
          largest = std::fmax(largest, std::abs(exact[at]));
        }
        EXPECT_LE(error, tolerance * largest) << model.name << " " << name_of(type) << ", point " << k;
      }
    }
  }
}

// Sums of integers are the same in every order and arithmetic, and so are those that a power of two multiplies.
TEST(CudaGridStages, IntegersAreExact) {
  for (const Model& model : {every_stage(), one_linear_layer()}) {
    const GridNetwork net = integer_network(model);
    const Random random(7, random_stream("integer images"));
    std::vector<float> pixels(static_cast<std::size_t>(3 * model.image.count()));
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>(random.below(3, i)) - 1;
    const Tensor images = Tensor::from({3, model.image[0], model.image[1], model.image[2]}, pixels, cpu_backend());
    const std::vector<PlanePoint> points = {plane_point(0, 0), plane_point(1, 0), plane_point(-1, 0, 3),
                                            plane_point(-1, 0, -2)};
    const std::vector<double> exact = exact_logits(net, images, points);
    EXPECT_GT(*std::max_element(exact.begin(), exact.end()), 1);
    for (const DType type : {DType::f32, DType::f16, DType::bf16}) {
      const std::vector<float> found = logits_of(net, images, type, points);
      EXPECT_EQ(std::vector<double>(found.begin(), found.end()), exact) << model.name << " " << name_of(type);
    }
  }
}

TEST(CudaGridStages, ARunLaunchesAsManyKernelsAsItSays) {
  for (const Model& model : {every_stage(), one_linear_layer()})
    for (const BatchStatistics statistics : {BatchStatistics::stored, BatchStatistics::recomputed}) {
      const GridNetwork net(model);
      const std::vector<float> pixels = random_images(model, 5, 1).to_vector<float>();
      const std::vector<std::int32_t> labels(5, 1);
      GridWork work;
      work.plan = &net.plan;
      work.tensors = net.tensors();
      work.sets = {{pixels.data(), labels.data(), 5}, {pixels.data(), labels.data(), 2}};
      work.statistics = statistics;
      work.statistics_batch = 2;
      work.activation_bytes = 1 << 14;  // several blocks
      const auto kernels = generic_kernels(Stream(), device_info(0), work, 3);
      const DevicePoints points({plane_point(0, 0), plane_point(0.1, 0), plane_point(0.2, 0)});
      const DeviceBuffer results(Stream(), 6 * sizeof(PointLosses));
      for (const std::int64_t count : {3, 1}) {
        simt::reset_counters();
        kernels->run(points.data(), count, results.as<PointLosses>());
        EXPECT_EQ(simt::counters().launches, static_cast<std::uint64_t>(kernels->launches(count)))
            << model.name << " " << count;
      }
    }
}

}  // namespace
}  // namespace basin::cuda

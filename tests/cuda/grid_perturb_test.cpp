#include "cuda/grid/perturb.h"

#include <gtest/gtest.h>

#include <bit>

#include "cuda/grid/generic/generic_layout.h"
#include "cuda/simt/simt.h"
#include "landscape/fold.h"
#include "tests/cuda/device_array.h"
#include "tests/cuda/grid_networks.h"
#include "tests/cuda/stage_networks.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

constexpr DirectionOptions kWeights{};
constexpr DirectionOptions kEverything{.kind = DirectionKind::states, .norm = Norm::layer, .ignore = Ignore::none};

// What the blob of a point holds, word by word, by the fold of landscape/fold.h.
template <class T>
std::vector<std::uint32_t> expected_blob(const GridNetwork& net, const BlobLayout& layout, const PlanePoint& at) {
  std::vector<Folded> folded(net.plan.stages.size());
  Folder folder(net.plane());
  for (std::size_t i = 0; i < folded.size(); ++i)
    if (net.plan.stages[i].weight >= 0 || net.plan.stages[i].variance >= 0)
      folder.fold(net.plan.stages[i], {at.alpha, at.beta}, folded[i]);
  const auto stage_of = [&](std::int64_t channel) {
    return static_cast<std::size_t>(layout.channels[static_cast<std::size_t>(channel)].stage);
  };
  const auto weight = [&](const BlobWeight& w) {
    if (w.channel == BlobWeight::kPadding) return 0.0F;
    const std::size_t stage = stage_of(w.channel);
    float value = folded[stage].weight[static_cast<std::size_t>(w.element)];
    if (net.plan.stages[stage].inputs[0] == 0) value *= static_cast<float>(at.scale);
    if (net.plan.stages[stage].output == net.plan.logits) value *= static_cast<float>(at.inverse_scale);
    return value;
  };
  std::vector<std::uint32_t> words;
  if constexpr (std::is_same_v<T, float>)
    for (const BlobWeight& w : layout.weights) words.push_back(std::bit_cast<std::uint32_t>(weight(w)));
  else
    for (std::size_t i = 0; i < layout.weights.size(); i += 2)
      words.push_back(stored<T>(weight(layout.weights[i])).bits | stored<T>(weight(layout.weights[i + 1])).bits << 16);
  for (const BlobWeight& w : layout.floats) words.push_back(std::bit_cast<std::uint32_t>(weight(w)));
  for (std::size_t c = 0; c < layout.channels.size(); ++c) {
    const std::size_t stage = stage_of(static_cast<std::int64_t>(c));
    const float shift = folded[stage].shift[static_cast<std::size_t>(layout.channels[c].index)];
    const bool classifier = net.plan.stages[stage].output == net.plan.logits;
    words.push_back(std::bit_cast<std::uint32_t>(classifier ? shift : shift * static_cast<float>(at.scale)));
  }
  words.resize(static_cast<std::size_t>(layout.extents().words()), 0);
  return words;
}

struct Perturbed {
  std::vector<std::int32_t> words, not_finite;
};
Perturbed run_perturb(const GridNetwork& net, const BlobLayout& layout, const std::vector<PlanePoint>& points,
                      DType type) {
  const PlaneWeights plane(Stream(), net.plan, layout, net.tensors());
  const DevicePoints at(points);
  const auto count = static_cast<std::int64_t>(points.size());
  const DeviceArray<double> scales({count, plane.channels()});
  const DeviceArray<std::int32_t> blobs({count, layout.extents().words()}), not_finite({count});
  perturb(Stream(), plane, at.data(), type, scales.view(), blobs.view(), not_finite.view());
  EXPECT_TRUE(scales.sentinel_intact() && blobs.sentinel_intact() && not_finite.sentinel_intact());
  return {blobs.values(), not_finite.values()};  // an unwritten word is reported by the emulator
}

Perturbed run_perturb(const GridNetwork& net, const std::vector<PlanePoint>& points, DType type) {
  return run_perturb(net, resident_layout(net.plan), points, type);
}

template <class T>
void expect_equal_blobs(const GridNetwork& net, const BlobLayout& layout, const std::vector<PlanePoint>& points) {
  const Perturbed found = run_perturb(net, layout, points, dtype_of<T>);
  for (std::size_t k = 0; k < points.size(); ++k) {
    const std::vector<std::uint32_t> expected = expected_blob<T>(net, layout, points[k]);
    std::size_t wrong = 0, first = 0;
    for (std::size_t i = 0; i < expected.size(); ++i)
      if (static_cast<std::uint32_t>(found.words[k * expected.size() + i]) != expected[i] && wrong++ == 0) first = i;
    EXPECT_EQ(wrong, 0) << net.plan.model << ", point " << k << ": of " << expected.size() << " words, first " << first
                        << ": found " << std::hex << found.words[k * expected.size() + first] << ", expected "
                        << expected[first];
    EXPECT_EQ(found.not_finite[k], 0);
  }
}

template <class T>
void expect_equal_blobs(const GridNetwork& net, const std::vector<PlanePoint>& points) {
  expect_equal_blobs<T>(net, resident_layout(net.plan), points);
}

// More points than a thread takes, an axis at rest, and scales.
const std::vector<PlanePoint> kPoints = {
    {0, 0},      {0.3, -0.7},  {-1, 0},      {0, 0.51},  {1.25, 1.125, 0x1p-6, 0x1p6}, {0.1, 0.2}, {-0.04, 0.96},
    {0.5, -0.5}, {-0.7, -0.1}, {0.36, 0.64}, {1e-9, -1},
};

TEST(CudaGridPerturb, EqualsTheFoldOfTheCpuBitForBit) {
  for (const std::string name : {"resnet8", "resnet8-noshort"})
    for (const auto& along_y : {kWeights, kEverything}) {
      GridNetwork net(name);
      net.move(kWeights, along_y);
      expect_equal_blobs<float16>(net, kPoints);
      expect_equal_blobs<bfloat16>(net, {kPoints[1], kPoints[4]});
    }
}

TEST(CudaGridPerturb, WritesTheGenericLayoutBitForBit) {
  for (const Model& model : {find_model("resnet8"), every_stage(), one_linear_layer()}) {
    GridNetwork net(model);
    net.move(kWeights, kEverything);
    const auto expect = [&]<class T>(T) {
      expect_equal_blobs<T>(net, generic_layout(net.plan, net.tensors(), dtype_of<T>), {kPoints[1], kPoints[4]});
    };
    expect(float16{});
    expect(bfloat16{});
    expect(float{});
  }
}

TEST(CudaGridPerturb, AgreesOnADeeperNetworkAndOtherClasses) {
  GridNetwork net("resnet20", 3, 7);
  net.move(kEverything, kEverything);
  expect_equal_blobs<float16>(net, {kPoints[1]});
  GridNetwork line("resnet14-noshort", 2, 100);
  line.x = random_direction(line.state, kEverything, 5, 0);
  expect_equal_blobs<float16>(line, {{0.25, 0.5}});
}

TEST(CudaGridPerturb, IsTheSameInEveryOrderOfWarps) {
  GridNetwork net("resnet8");
  net.move(kWeights, kEverything);
  const Perturbed first = run_perturb(net, kPoints, DType::f16);
  for (const std::uint64_t seed : {2, 3}) {
    simt::options().seed = seed;
    EXPECT_EQ(run_perturb(net, kPoints, DType::f16).words, first.words);
  }
  simt::options().seed = 1;
}

// ReLU could hide an infinite weight: 0 is what it makes of -infinity.
TEST(CudaGridPerturb, CountsWhatSixteenBitsDoNotHold) {
  GridNetwork net("resnet8");
  net.move(kWeights, kEverything);
  const std::vector<PlanePoint> points = {{0, 0}, {1e7, 0}, {0.5, 0.5}};
  const Perturbed half = run_perturb(net, points, DType::f16), brain = run_perturb(net, points, DType::bf16);
  EXPECT_EQ(half.not_finite[0], 0);
  EXPECT_GT(half.not_finite[1], 0);
  EXPECT_EQ(half.not_finite[2], 0);
  EXPECT_EQ(brain.not_finite, std::vector<std::int32_t>(3, 0));
  Entry& beta = *net.state.find("layer2.0.bn1.bias");
  beta.value.mutable_view().as<float>()[7] = -INFINITY;
  EXPECT_GT(run_perturb(net, points, DType::bf16).not_finite[0], 0);
}

TEST(CudaGridPerturb, ReadsTheValuesOnceForEightPoints) {
  GridNetwork net("resnet8");
  net.move(kWeights, kWeights);
  const ResidentLayout layout = resident_layout(net.plan);
  const auto bytes = [&](std::size_t points) {
    simt::reset_counters();
    run_perturb(net, std::vector<PlanePoint>(points, kPoints[1]), DType::f16);
    return simt::counters();
  };
  const simt::Counters one = bytes(1), eight = bytes(8);
  const auto weights = static_cast<std::uint64_t>(layout.weights.size() + layout.floats.size());
  const auto channels = static_cast<std::uint64_t>(layout.channels.size());
  const auto words = static_cast<std::uint64_t>(layout.words());
  EXPECT_EQ(one.global_written_bytes, 4 * words + 8 * channels + 4);
  EXPECT_EQ(eight.global_written_bytes, 8 * one.global_written_bytes);
  EXPECT_GE(one.global_read_bytes, 16 * weights);
  EXPECT_LE(eight.global_read_bytes, 16 * weights + 8 * (17 * weights + 128 * channels));
}

TEST(CudaGridPerturb, RefusesOtherNetworks) {
  for (const auto& [name, reason] : std::vector<std::pair<std::string, std::string>>{
           {"vgg9", "vgg9"}, {"wrn14-2", "64 channels"}, {"densenet121", "densenet121"}}) {
    const Model model = find_model(name);
    const Plan plan = trace(model, initialize(model, 1, cpu_backend()));
    expect_error([&] { resident_layout(plan); }, {"resident engine: ", reason});
    EXPECT_NE(resident_obstacle(plan), "");
  }
  const GridNetwork net("resnet20");
  EXPECT_EQ(resident_obstacle(net.plan), "");
  const ResidentLayout layout = resident_layout(net.plan);
  EXPECT_EQ(layout.net.blocks, 3);
  std::vector<PlaneTensor> tensors = net.tensors();
  tensors[0].center = tensors[0].center.subspan(1);
  expect_error([&] { PlaneWeights(Stream(), net.plan, layout, tensors); }, {"plane weights: tensor 0 has 431 values"});
}

}  // namespace
}  // namespace basin::cuda

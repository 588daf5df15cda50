#include "cuda/grid/resident.h"

#include <gtest/gtest.h>

#include "cuda/simt/simt.h"
#include "landscape/measurement.h"
#include "tests/cuda/device_array.h"
#include "tests/cuda/grid_networks.h"
#include "tests/cuda/rounded_network.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

struct ImageSet {
  std::vector<float> pixels;  // (N, 32, 32, 3)
  std::vector<std::int32_t> labels;
  std::int64_t count() const { return static_cast<std::int64_t>(labels.size()); }
};

// Standard normal pixels, or integers of [-2, 2].
ImageSet images(std::int64_t count, bool integers, std::int64_t classes = 10) {
  ImageSet set;
  const Random random(7, random_stream("grid images"));
  for (std::int64_t i = 0; i < count * 32 * 32 * 3; ++i) {
    const auto index = static_cast<std::uint64_t>(i);
    const double value = integers ? static_cast<double>(random.below(5, index)) - 2 : random.normal(index);
    set.pixels.push_back(static_cast<float>(value));
  }
  for (std::int64_t i = 0; i < count; ++i) set.labels.push_back(static_cast<std::int32_t>(i * 7 % classes));
  return set;
}

struct Losses {
  std::vector<float> loss, logits;
  std::vector<std::uint8_t> outcome;
};

Losses run_resident(const GridNetwork& net, const std::vector<PlanePoint>& points, const ImageSet& set, DType type,
                    const ResidentConfig& config, Objective objective = Objective::cross_entropy) {
  const ResidentLayout layout = resident_layout(net.plan);
  const PlaneWeights plane(Stream(), net.plan, layout, net.tensors());
  const DevicePoints at(points);
  const auto count = static_cast<std::int64_t>(points.size());
  const DeviceArray<double> scales({count, plane.channels()});
  const DeviceArray<std::int32_t> blobs({count, layout.words()}), not_finite({count});
  perturb(Stream(), plane, at.data(), type, scales.view(), blobs.view(), not_finite.view());

  const DeviceArray<float> pixels({set.count(), 32, 32, 3}, set.pixels);
  const DeviceArray<std::uint16_t> storage({set.count(), 2 * kImageFragmentWords});
  const View fragments{storage.data(), type, {set.count(), 2 * kImageFragmentWords}};
  image_fragments(Stream(), pixels.view(), fragments);

  const DeviceArray<std::int32_t> labels({set.count()}, set.labels);
  const DeviceArray<float> loss({count, set.count()}), logits({count, set.count(), layout.net.classes});
  const DeviceArray<std::uint8_t> outcome({count, set.count()});
  const View logits_view = logits.view();
  simt::reset_counters();  // of the kernel alone
  resident_losses(Stream(), config, layout, blobs.view(), fragments, labels.view(), objective, loss.view(),
                  outcome.view(), &logits_view);
  EXPECT_TRUE(storage.sentinel_intact() && loss.sentinel_intact() && logits.sentinel_intact() &&
              outcome.sentinel_intact());
  return {loss.values(), logits.values(), outcome.values()};
}

template <class T>
void expect_exact_integers(const GridNetwork& net, std::int64_t count, const ResidentConfig& config) {
  const std::vector<PlanePoint> points = {{0, 0}, {2, 0}};
  const std::int64_t classes = net.plan.classes;
  const ImageSet set = images(count, true, classes);
  const Losses found = run_resident(net, points, set, dtype_of<T>, config);
  double largest = 0;
  for (std::size_t k = 0; k < points.size(); ++k) {
    const RoundedNetwork<T> reference(net, points[k]);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::vector<double> logits = reference.logits(&set.pixels[static_cast<std::size_t>(i * 32 * 32 * 3)]);
      const auto index = k * static_cast<std::size_t>(count) + static_cast<std::size_t>(i);
      std::vector<float> own;
      for (std::size_t c = 0; c < logits.size(); ++c) {
        own.push_back(found.logits[index * logits.size() + c]);
        ASSERT_EQ(own[c], static_cast<float>(logits[c]))
            << net.plan.model << " " << name_of(dtype_of<T>) << " images " << config.images << " point " << k
            << " image " << i << " class " << c;
        largest = std::max(largest, std::abs(logits[c]));
      }
      const ImageLoss exact = image_loss(own, set.labels[static_cast<std::size_t>(i)], Objective::cross_entropy);
      EXPECT_NEAR(found.loss[index], exact.loss, 1e-6 * exact.loss);
      EXPECT_EQ(found.outcome[index], exact.correct ? Outcome::kCorrect : 0);
    }
  }
  EXPECT_GT(largest, 1);
}

TEST(CudaGridResident, IntegersAreExact) {
  for (const std::string name : {"resnet8", "resnet8-noshort", "resnet14"})
    for (const int at_once : {1, 3}) {
      const GridNetwork net = integer_network(name);
      expect_exact_integers<float16>(net, at_once == 1 ? 3 : 5, {at_once, 1});
      expect_exact_integers<bfloat16>(net, 1, {at_once, 2});
    }
}

// logits |found - exact| / |exact| of all images, and the same of the mean loss
struct Errors {
  double logits, loss;
};
State in_double(const State& state) {
  State wide = state;
  for (Entry& entry : wide.entries()) {
    if (entry.role == Role::batches_tracked) continue;
    Tensor value = Tensor::empty(entry.value.shape(), DType::f64, cpu_backend());
    const auto* from = entry.value.view().as<float>();
    std::copy_n(from, value.size(), value.mutable_view().as<double>());
    entry.value = value;
  }
  return wide;
}
Errors errors_against_float64(const GridNetwork& net, const PlanePoint& at, const ImageSet& set, const Losses& found) {
  const State state = in_double(displaced(net.plane(), {at.alpha, at.beta}));
  Tensor x = Tensor::empty({set.count(), 32, 32, 3}, DType::f64, cpu_backend());
  std::copy_n(set.pixels.data(), x.size(), x.mutable_view().as<double>());
  const Tensor logits = run_plan(net.plan, state, x);
  const auto* exact = logits.view().as<double>();
  double square = 0, error = 0, loss = 0, exact_loss = 0;
  const std::int64_t classes = net.plan.classes;
  for (std::int64_t i = 0; i < logits.size(); ++i) {
    square += exact[i] * exact[i];
    error += std::pow(found.logits[static_cast<std::size_t>(i)] - exact[i], 2);
  }
  for (std::int64_t i = 0; i < set.count(); ++i) {
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(exact[i * classes + c]);
    exact_loss += std::log(sum) - exact[i * classes + set.labels[static_cast<std::size_t>(i)]];
    loss += found.loss[static_cast<std::size_t>(i)];
  }
  return {std::sqrt(error / square), std::abs(loss - exact_loss) / exact_loss};
}

// A classifier whose logits differ: initialize() makes a timid one.
GridNetwork confident_network(const std::string& name, std::uint64_t seed) {
  GridNetwork net(name, seed);
  Entry& linear = *net.state.find("linear.weight");
  for (std::int64_t i = 0; i < linear.value.size(); ++i) linear.value.mutable_view().as<float>()[i] *= 300;
  net.move({}, {});
  return net;
}

TEST(CudaGridResident, IsNearFloat64) {
  const ImageSet set = images(2, false);
  for (const std::uint64_t seed : {1, 2, 3}) {
    simt::options().seed = seed;
    const GridNetwork net = confident_network("resnet20", seed);
    const PlanePoint at{0.1 * static_cast<double>(seed), -0.1};
    for (const DType type : {DType::f16, DType::bf16}) {
      const Losses found = run_resident(net, {at}, set, type, {type == DType::f16 ? 3 : 1, 1});
      const Errors errors = errors_against_float64(net, at, set, found);
      RecordProperty(std::string(name_of(type)) + "_logits_" + std::to_string(seed), std::to_string(errors.logits));
      RecordProperty(std::string(name_of(type)) + "_loss_" + std::to_string(seed), std::to_string(errors.loss));
      EXPECT_LE(errors.logits, type == DType::f16 ? 5e-3 : 4e-2) << name_of(type) << " seed " << seed;
      EXPECT_LE(errors.loss, type == DType::f16 ? 1e-3 : 1e-2) << name_of(type) << " seed " << seed;
      for (const std::uint8_t outcome : found.outcome) EXPECT_EQ(outcome & ~Outcome::kCorrect, 0);
    }
  }
  simt::options().seed = 1;
}

TEST(CudaGridResident, IsTheSameOnEveryGridAndInEveryOrderOfWarps) {
  const ImageSet set = images(3, false);
  const GridNetwork net = confident_network("resnet8", 1);
  const std::vector<PlanePoint> points = {{0.1, 0.2}, {0, -0.3}};
  const Losses first = run_resident(net, points, set, DType::f16, {1, 1});
  for (const std::uint64_t seed : {1, 2, 3}) {
    simt::options().seed = seed;
    const Losses other = run_resident(net, points, set, DType::f16, {3, 2});
    EXPECT_EQ(other.loss, first.loss);
    EXPECT_EQ(other.logits, first.logits);
    EXPECT_EQ(other.outcome, first.outcome);
  }
  simt::options().seed = 1;
}

// A scale of the activations moves what overflows into the range of 16 bits and leaves the logits as they are.
TEST(CudaGridResident, FlagsOverflowAndScaleCuresIt) {
  const ImageSet set = images(1, false);
  GridNetwork net = confident_network("resnet8", 1);
  Entry& stem = *net.state.find("bn1.weight");
  for (std::int64_t i = 0; i < stem.value.size(); ++i) stem.value.mutable_view().as<float>()[i] *= 3e4F;
  const Losses found =
      run_resident(net, {{0, 0}, {0, 0, 0x1p-8, 0x1p8}, {0, 0, 0x1p-9, 0x1p9}}, set, DType::f16, {1, 1});
  EXPECT_TRUE(found.outcome[0] & Outcome::kOverflowed);
  EXPECT_EQ(found.outcome[1] & ~Outcome::kCorrect, 0);
  EXPECT_EQ(found.outcome[2] & ~Outcome::kCorrect, 0);
  for (std::size_t c = 0; c < 10; ++c)
    EXPECT_NEAR(found.logits[10 + c], found.logits[20 + c], 1e-3 * std::abs(found.logits[20 + c]));
  const std::vector<float> scaled(found.logits.begin() + 10, found.logits.begin() + 20);
  const Errors errors = errors_against_float64(net, {}, set, {{found.loss[1]}, scaled, {}});
  EXPECT_LE(errors.logits, 5e-3);
}

TEST(CudaGridResident, SquaredErrorAndManyClasses) {
  const ImageSet set = images(2, true, 100);
  const GridNetwork net = integer_network("resnet8", 100);
  expect_exact_integers<float16>(net, 2, {1, 1});
  const Losses found = run_resident(net, {{0, 0}}, set, DType::f16, {1, 1}, Objective::squared_error);
  for (std::size_t i = 0; i < 2; ++i) {
    const std::vector<float> logits(found.logits.begin() + static_cast<std::ptrdiff_t>(100 * i),
                                    found.logits.begin() + static_cast<std::ptrdiff_t>(100 * i + 100));
    const ImageLoss exact = image_loss(logits, set.labels[i], Objective::squared_error);
    EXPECT_NEAR(found.loss[i], exact.loss, 1e-6 * exact.loss);
  }
}

TEST(CudaGridResident, NotFiniteLogitsAreReported) {
  GridNetwork net = confident_network("resnet8", 1);
  net.state.find("linear.bias")->value.mutable_view().as<float>()[3] = NAN;
  const Losses found = run_resident(net, {{0, 0}}, images(1, false), DType::f16, {1, 1});
  EXPECT_EQ(found.outcome[0], Outcome::kNotFinite);
  EXPECT_TRUE(std::isnan(found.loss[0]));
}

TEST(CudaGridResident, MultipliesLittleInVainAndReadsSharedMemoryWithFewConflicts) {
  const ImageSet set = images(1, false);
  for (const std::string name : {"resnet20", "resnet20-noshort"}) {
    SCOPED_TRACE(name);
    const GridNetwork net = confident_network(name, 1);
    const ResidentLayout layout = resident_layout(net.plan);
    const auto count = [&](std::vector<PlanePoint> points) {
      run_resident(net, points, set, DType::f16, {1, 1});
      return simt::counters();
    };
    simt::options().count_requests = true;
    const simt::Counters one = count({{0, 0}});
    simt::options().count_requests = false;
    EXPECT_EQ(one.mma, static_cast<std::uint64_t>(resident_mma(layout.net)));
    const double useful = static_cast<double>(net.plan.multiply_adds - 640) / static_cast<double>(one.mma * 2048);
    EXPECT_GE(useful, 0.99);
    const double conflicts =
        static_cast<double>(one.shared_wavefronts) / static_cast<double>(one.shared_ideal_wavefronts);
    EXPECT_LE(conflicts, 1.1);
    const double wavefronts = static_cast<double>(one.shared_wavefronts) / static_cast<double>(one.mma);
    EXPECT_LE(wavefronts, 1.3);
    RecordProperty("useful_" + name, std::to_string(useful));
    RecordProperty("conflicts_" + name, std::to_string(conflicts));
    RecordProperty("wavefronts_per_mma_" + name, std::to_string(wavefronts));
    // Each warp reads the weights of its output channels: stage 1's four times, stage 2's twice, stage 3's once.
    const auto blob = static_cast<double>(4 * layout.words());
    const double weights = (static_cast<double>(one.global_read_bytes) - 4 * kImageFragmentWords) / blob;
    EXPECT_GE(weights, 1);
    EXPECT_LE(weights, 1.5);
    RecordProperty("weights_read_" + name, std::to_string(weights));
  }
}

TEST(CudaGridResident, RefusesWhatDoesNotFit) {
  expect_error([] { resident_config({"Old", 7, 5, 40, 0}); }, {"Old has compute capability 7.5"});
  EXPECT_EQ(resident_config({"", 9, 0, 132, 0}).images, 3);
  EXPECT_EQ(resident_config({"", 8, 0, 108, 0}).blocks, 216);
  EXPECT_EQ(resident_shared_bytes(1), 76016);
  EXPECT_EQ(resident_shared_bytes(3), 228048);
  EXPECT_LE(resident_shared_bytes(3), 227u << 10);
  EXPECT_LE(2 * (resident_shared_bytes(1) + 1024), 164u << 10);
  expect_error([] { resident_shared_bytes(2); }, {"blocks of 2 images"});
}

}  // namespace
}  // namespace basin::cuda
